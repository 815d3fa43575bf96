"""Connections that go out by a proxy (CONNECT, RFC 9110 section 9.3.6).

Owns how the proxy is asked, how strictly and for how many bytes its answer is read, and TLS inside. The proxy
looks the target's name up; the gateway only that of the proxy. The environment's `HTTP_PROXY` and `NO_PROXY`
are not read: an upstream says by itself what it goes by.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from gwc.schema.policies.egress import EgressRecord
from gwc.schema.table import UpstreamNames
from gwc.schema.values.url import Url, parse_url

from .address import HostName, IpAddress, TargetFaulty, numeric
from .names import NameFailed, Names

if TYPE_CHECKING:
    from .targets import Place

MAX_ANSWER_BYTES: Final = 16 * 1024

_ANSWER: Final = re.compile(
    rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?"
    rb"(?:\r\n[0-9A-Za-z!#$%&'*+.^_`|~-]+:[\t\x20-\x7e\x80-\xff]*)*\r\n\r\n"
)


class EgressFailed(OSError):
    """The proxy cannot be found, refuses, or speaks no HTTP. `reason` is a word of `observe.reasons`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Egress:
    """A proxy. `host` is a name or an IP address without brackets; `authorization` "" where none is sent."""

    host: str
    port: int
    authorization: str = field(default="", repr=False)

    @property
    def destination(self) -> HostName | IpAddress:
        """Where it is, or what to look up."""
        return IpAddress(self.host, self.port) if numeric(self.host) else HostName(self.host, self.port)


def egress_of(record: EgressRecord, fill: Callable[[str], str]) -> Egress:
    """The proxy that a record means, its references filled in by `fill`. Errors: TargetFaulty."""
    read = parse_url(fill(record.url))
    if not isinstance(read, Url) or read.scheme != "http" or read.path != "/" or read.query is not None:
        raise TargetFaulty(record.url, "an egress proxy is `http://` with a host and a port")
    authorization = ""
    if record.username is not None:
        username = fill(record.username)
        if ":" in username:
            raise TargetFaulty(record.url, "the name for an egress proxy cannot hold a colon")
        credentials = f"{username}:{fill(record.password or '')}".encode()
        authorization = f"Basic {b64encode(credentials).decode('ascii')}"
    return Egress(numeric(read.host) or read.host, read.port, authorization)


async def connect_out(
    loop: asyncio.AbstractEventLoop,
    egress: Egress,
    place: Place,
    names: Names,
    lookups: UpstreamNames,
    make: Callable[[], asyncio.Protocol],
) -> asyncio.Protocol:
    """A connection to the place by the proxy, with TLS inside where the place has it. Errors: OSError,
    EgressFailed among them. Cancelling it closes what was opened.
    """
    try:
        addresses = await names.addresses(egress.host, egress.port, lookups)
    except NameFailed as failed:
        raise EgressFailed("name-lookup", f"the egress proxy's name: {failed.detail}") from None
    for address in addresses[:-1]:
        with contextlib.suppress(OSError):
            opened, asking = await loop.create_connection(_Asking, address.host, address.port)
            break
    else:
        opened, asking = await loop.create_connection(_Asking, addresses[-1].host, addresses[-1].port)
    transport: asyncio.Transport = opened
    try:
        transport.write(_request(egress, place))
        rest = await asking.answer
        if place.tls is not None:
            if rest:
                raise EgressFailed("egress-reply", "the egress proxy sent bytes before TLS had begun")
            # Who speaks first inside TLS may do so before it is known which protocol is to hear it.
            waiting = _Waiting()
            transport.set_protocol(waiting)
            secured = await loop.start_tls(
                transport, waiting, place.tls, server_hostname=place.server_name or ""
            )
            assert secured is not None, "the transport was open"
            transport, rest = secured, waiting.data
            if waiting.is_lost:
                raise ConnectionResetError("the connection was lost after TLS had been set up")
        made = make()
        transport.set_protocol(made)
        made.connection_made(transport)
        if rest:
            chosen = transport.get_protocol()
            cast(asyncio.Protocol, chosen).data_received(rest)
        return made
    except BaseException:
        transport.abort()
        raise


def _request(egress: Egress, place: Place) -> bytes:
    host = f"[{place.host}]" if ":" in place.host else place.host
    lines = [f"CONNECT {host}:{place.port} HTTP/1.1", f"host: {host}:{place.port}"]
    if egress.authorization:
        lines.append(f"proxy-authorization: {egress.authorization}")
    return "\r\n".join((*lines, "", "")).encode("latin-1")


class _Asking(asyncio.Protocol):
    """Reads the proxy's answer. `answer` becomes what stands behind its head, where it is a yes."""

    def __init__(self) -> None:
        self._data = b""
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        # Whoever waited for it may have gone.
        self.answer.add_done_callback(lambda done: done.cancelled() or done.exception())

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self.answer.done():
            return
        self._data += data
        end = self._data.find(b"\r\n\r\n") + 4
        if end < 4 or end > MAX_ANSWER_BYTES:
            if len(self._data) > MAX_ANSWER_BYTES:
                self._fail("egress-reply", f"the egress proxy's answer is over {MAX_ANSWER_BYTES} bytes long")
            elif not b"HTTP/1.".startswith(self._data[:7]):
                self._fail("egress-reply", "what the egress proxy answered is no HTTP/1 reply")
            return
        found = _ANSWER.fullmatch(self._data, 0, end)
        if found is None:
            self._fail("egress-reply", "the head of the egress proxy's answer cannot be read")
            return
        status = int(found[1])
        if status < 200:
            if status == 101:
                self._fail("egress-reply", "the egress proxy switched protocols unasked")
                return
            rest, self._data = self._data[end:], b""
            if rest:
                self.data_received(rest)
        elif status < 300:
            self.answer.set_result(self._data[end:])
        elif status == 407:
            self._fail("egress-credentials", "the egress proxy answered 407: it asks for other credentials")
        else:
            self._fail("egress-refused", f"the egress proxy answered {status}")

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._fail("egress-reply", "the egress proxy closed the connection before it had answered")

    def _fail(self, reason: str, detail: str) -> None:
        if not self.answer.done():
            self.answer.set_exception(EgressFailed(reason, detail))


class _Waiting(asyncio.Protocol):
    """Keeps what comes until somebody is there to hear it."""

    def __init__(self) -> None:
        self.data = b""
        self.is_lost = False

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.is_lost = True
