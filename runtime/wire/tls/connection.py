"""TLS of one client's connection: the handshake, and the transport that HTTP then speaks through.

Owns the bytes between the socket and a version of HTTP: a PROXY header in front, the handshake with its
deadline, records, alerts, and the end of either direction. ALPN says which version it is. Knows no request.

asyncio's own TLS loses what is told to a client that is refused (the alert), cannot end one direction, and
holds back bytes that nobody can count; this one leaves buffering to the socket's transport, so that limits
and deadlines are the same with and without TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, Final, TypeAlias, cast

from gwc.schema.request import Address

from ...observe.record import RequestRecord
from ...timers import NEVER
from ...tls_session import TlsSession
from ..http1.entry import ClientConnection, Entry
from ..proxy_protocol import Malformed, NeedMore
from ..proxy_protocol import parse as parse_proxy_header
from .client import client_certificate
from .contexts import ServerSide, ServerTls

Factory: TypeAlias = "Callable[[Entry, Address | None, str], ClientConnection]"
"""A version of HTTP; the peer is an address or None, and in words."""

LINGER_S: Final = 1.0
"""How long a refused client is still read, so that no reset takes the alert."""

_HANDSHAKE_RECORD: Final = 22
_MOST_AT_ONCE: Final = 256 * 1024
_MOST_ANSWERS: Final = 32
"""Records that only answer others, while the client takes nothing: more are a flood."""

_PLAIN: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 36\r\n"
    b"connection: close\r\n\r\nthis address speaks TLS: use https:\n"
)

# Where a connection is.
_PROXY, _HANDSHAKE, _OPEN, _ENDING, _GONE = range(5)

_MEANINGS: Final = {
    "CALLBACK_FAILED": ("name", "tls-name"),  # a name that is no text at all
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": ("certificate", "tls-certificate"),
    "CERTIFICATE_VERIFY_FAILED": ("certificate", "tls-certificate"),
    "UNSUPPORTED_PROTOCOL": ("version", "tls-handshake"),
    "NO_PROTOCOLS_AVAILABLE": ("version", "tls-handshake"),
    "WRONG_VERSION_NUMBER": ("version", "tls-handshake"),
    "NO_SHARED_CIPHER": ("version", "tls-handshake"),
    "NO_SUITABLE_SIGNATURE_ALGORITHM": ("version", "tls-handshake"),
    "NO_SUITABLE_GROUPS": ("version", "tls-handshake"),
}
"""OpenSSL's words for a failure: the result in metrics, and the reason."""


class TlsConnection(asyncio.Protocol, asyncio.Transport):
    """A client's connection, protocol towards the socket and transport towards HTTP.

    Mutable: `_state`, `_app` (HTTP, from the end of the handshake on), `_paused` (HTTP wants nothing for
    now), `_full` (the client takes nothing for now), `_ended` (what arrives has ended, and HTTP has yet to be
    told), `_leaving` (HTTP is to be told that it is the last request). `came_from` is the socket's peer.
    """

    __slots__ = (
        "_answers",
        "_app",
        "_begun",
        "_ended",
        "_entry",
        "_full",
        "_header",
        "_incoming",
        "_leaving",
        "_outgoing",
        "_paused",
        "_peer",
        "_protocols",
        "_pumping",
        "_raw",
        "_rules",
        "_side",
        "_state",
        "_told_end",
        "came_from",
        "deadline",
        "due",
        "peer_text",
        "session",
        "slot",
    )

    def __init__(
        self,
        entry: Entry,
        rules: ServerTls,
        protocols: Mapping[str, Factory],
        peer: Address | None,
        peer_text: str,
    ) -> None:
        self._entry = entry
        self._rules = rules
        self._protocols = protocols
        self._peer = peer
        self.came_from = self.peer_text = peer_text
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._side: ServerSide = rules.begin(self._incoming, self._outgoing)
        self._raw: asyncio.Transport | None = None
        self._app: ClientConnection | None = None
        self.session: TlsSession | None = None
        self._state = _PROXY if entry.proxy_protocol else _HANDSHAKE
        self._header = b""
        self._begun = self._paused = self._full = self._ended = self._told_end = False
        self._leaving = self._pumping = False
        self._answers = 0
        self.deadline = NEVER
        self.slot = -1
        self.due = 0.0

    # --- for the loop: asyncio.Protocol ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._raw = cast(asyncio.Transport, transport)
        self._until(self._rules.handshake_ms / 1000)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        state, self._state = self._state, _GONE
        self._raw = None
        self._entry.services.timers.forget(self)
        if self._app is not None:
            self._app.connection_lost(exc)
            return
        if state in (_PROXY, _HANDSHAKE):
            self._tell("gone")
        self._entry.handshake_over(self, None)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        state = self._state
        if state == _OPEN:
            self._incoming.write(data)
            self._pump()
        elif state == _HANDSHAKE:
            self._take_handshake(data)
        elif state == _PROXY:
            self._take_proxy_header(data)

    def eof_received(self) -> bool:
        """See asyncio.Protocol. The socket stays open: what ends, and when, is decided here."""
        if self._state == _OPEN:
            self._incoming.write_eof()
            self._ended = True
            self._pump()
        elif self._raw is not None:
            self._raw.close()
        return self._state == _OPEN

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self._full = True
        if self._app is not None:
            self._app.pause_writing()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._full = False
        self._answers = 0
        if self._app is not None:
            self._app.resume_writing()

    def expired(self) -> None:
        """The deadline has passed."""
        if self._state in (_PROXY, _HANDSHAKE):
            self._refuse("timeout", "tls-timeout", "the handshake took too long")
        self.abort()

    # --- before HTTP -----------------------------------------------------------------------------------

    def _take_proxy_header(self, data: bytes) -> None:
        """What stands before anything else on a listener that declares it: who the client is."""
        buffer = self._header + data
        found = parse_proxy_header(buffer)
        if isinstance(found, NeedMore):
            self._header = buffer
            return
        if isinstance(found, Malformed):
            services = self._entry.services
            detail = f"the PROXY header's {found.reason} cannot be read"
            services.observer.refused("proxy-header", self.peer_text, self._entry.listener, detail)
            self._state = _ENDING
            self._tell("failed")
            self.abort()
            return
        self._header = b""
        if found.peer is not None:
            self._peer = ip_address(found.peer[0])
            self.peer_text = found.peer[0]
        self._state = _HANDSHAKE
        if len(buffer) > found.length:
            self._take_handshake(buffer[found.length :])

    def _take_handshake(self, data: bytes) -> None:
        """Bytes of a handshake, and perhaps the first of HTTP behind them."""
        if not self._begun:
            self._begun = True
            if data[0] != _HANDSHAKE_RECORD:
                self._refuse("plain", "tls-plain", "the first byte is not that of TLS")
                if data[:1].isalpha() and self._raw is not None:
                    self._raw.write(_PLAIN)
                self._linger()
                return
        self._incoming.write(data)
        try:
            self._side.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except (ssl.SSLError, OSError, ValueError) as fault:
            self._flush()  # the alert
            self._refuse(*self._meaning(fault))
            self._linger()
            return
        self._flush()
        self._succeeded()

    def _meaning(self, fault: Exception) -> tuple[str, str, str]:
        """The result, the reason and the words of a failure; nothing in them is the client's own text."""
        if self._side.unknown:
            return "name", "tls-name", "no certificate is for the name that the client asked for"
        word = getattr(fault, "reason", None) or ""
        result, reason = _MEANINGS.get(word, ("failed", "tls-handshake"))
        said = getattr(fault, "verify_message", None) or word.replace("_", " ").lower() or "it was broken off"
        return result, reason, f"the handshake failed: {said}"

    def _refuse(self, result: str, reason: str, detail: str) -> None:
        """Tell of a handshake that came to nothing."""
        self._state = _ENDING
        self._tell(result)
        self._entry.services.observer.refused(reason, self.peer_text, self._entry.listener, detail)

    def _linger(self) -> None:
        """What was written goes out, and what the client has sent does not make a reset of it."""
        raw = self._raw
        if raw is None:
            return
        if raw.can_write_eof():
            raw.write_eof()
        self._until(LINGER_S)

    def _tell(self, result: str) -> None:
        self._entry.services.observer.handshake(self._entry.listener, result)

    def _succeeded(self) -> None:
        """Choose the version of HTTP, and step back."""
        side, raw = self._side, self._raw
        assert raw is not None
        if raw.is_closing():
            return
        self._entry.services.timers.forget(self)
        self.deadline = NEVER
        agreed = side.selected_alpn_protocol()
        cipher = side.cipher()
        shown = None if self._rules.mode == "off" else client_certificate(side)
        self.session = TlsSession(
            side.version() or "", "" if cipher is None else cipher[0], side.asked, agreed, shown
        )
        self._state = _OPEN
        factory = self._protocols.get(agreed or "", self._protocols["http/1.1"])
        app = factory(self._entry, self._peer, self.peer_text)
        app.came_from = self.came_from
        app.session = self.session
        self._app = app
        self._tell("ok")
        self._entry.handshake_over(self, app)
        app.connection_made(self)
        if self._full:
            app.pause_writing()
        if self._leaving:
            app.drain()
        self._pump()

    # --- as long as there is no HTTP, what the worker wants of a connection ------------------------------

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return False

    @property
    def records(self) -> list[RequestRecord]:
        """What is to be told of the requests under way."""
        return []

    def say_goodbye(self) -> bool:
        """End tunnels in good form; False where there is none."""
        return False

    def drain(self) -> None:
        """One request at most."""
        self._leaving = True

    def kill(self) -> None:
        """Close."""
        self.abort()

    # --- records ---------------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Give HTTP what has arrived, as long as it wants it."""
        if self._pumping:
            return
        self._pumping = True
        try:
            self._give()
        finally:
            self._pumping = False

    def _give(self) -> None:
        side, app = self._side, self._app
        assert app is not None
        closed = False
        while self._state == _OPEN and not self._paused and not closed:
            if not (self._incoming.pending or side.pending() or self._ended):
                break
            pieces: list[bytes] = []
            size = 0
            try:
                while size < _MOST_AT_ONCE:
                    piece = side.read(65536)
                    if not piece:
                        closed = True
                        break
                    pieces.append(piece)
                    size += len(piece)
                    # PERF: an exception says the same and costs 2 us.
                    if not (self._incoming.pending or side.pending()):
                        break
            except ssl.SSLWantReadError:
                if not pieces and not self._ended:
                    self._answer()
                    break
                closed = self._ended and not pieces
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                closed = True
            except (ssl.SSLError, OSError):
                self._flush()
                self.abort()
                return
            self._answer()
            if pieces:
                app.data_received(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if closed and self._state == _OPEN and not self._told_end:
            self._told_end = True
            if not app.eof_received():
                self.close()

    def _answer(self) -> None:
        """What TLS itself has to say to what was read: a new key, an alert."""
        if not self._outgoing.pending:
            return
        self._flush()
        if self._full:
            self._answers += 1
            if self._answers > _MOST_ANSWERS:
                self.abort()

    def _flush(self) -> None:
        if self._raw is not None and self._outgoing.pending:
            self._raw.write(self._outgoing.read())

    def _until(self, seconds: float) -> None:
        timers = self._entry.services.timers
        self.deadline = timers.now + seconds
        timers.watch(self)

    def _say_end(self) -> None:
        """Tell the client that nothing follows (RFC 8446 section 6.1)."""
        with contextlib.suppress(ssl.SSLError, OSError, ValueError):
            self._side.unwrap()  # it would wait for the other side's, which nobody needs
        self._flush()

    # --- for HTTP: asyncio.Transport -------------------------------------------------------------------

    def write(self, data: Any) -> None:
        """See asyncio.Transport."""
        raw = self._raw
        if raw is None or self._state != _OPEN or not data:
            return
        try:
            done = self._side.write(data)
            if done < len(data):
                view = memoryview(data)
                while done < len(data):
                    done += self._side.write(view[done:])
        except (ssl.SSLError, OSError):
            self.abort()
            return
        raw.write(self._outgoing.read())

    def writelines(self, list_of_data: Any) -> None:
        """See asyncio.Transport."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """See asyncio.Transport."""
        return self._raw is not None and self._raw.can_write_eof()

    def write_eof(self) -> None:
        """See asyncio.Transport."""
        raw = self._raw
        if raw is not None and self._state == _OPEN:
            self._say_end()
            raw.write_eof()

    def close(self) -> None:
        """See asyncio.Transport."""
        raw = self._raw
        if raw is None:
            return
        if self._state == _OPEN and not raw.is_closing():
            self._say_end()
        self._state = _ENDING
        raw.close()

    def abort(self) -> None:
        """See asyncio.Transport."""
        self._state = _ENDING
        if self._raw is not None:
            self._raw.abort()

    def is_closing(self) -> bool:
        """See asyncio.Transport."""
        return self._raw is None or self._raw.is_closing()

    def pause_reading(self) -> None:
        """See asyncio.Transport."""
        self._paused = True
        if self._raw is not None and not self._raw.is_closing():
            self._raw.pause_reading()

    def resume_reading(self) -> None:
        """See asyncio.Transport. What lies here already is given later: whoever asks is in the middle of
        it.
        """
        if not self._paused:
            return
        self._paused = False
        if self._raw is None or self._raw.is_closing():
            return
        self._raw.resume_reading()
        if self._incoming.pending or self._side.pending() or self._ended:
            self._entry.services.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        if self._state == _OPEN:
            self._pump()

    def is_reading(self) -> bool:
        """See asyncio.Transport."""
        return not self._paused and not self.is_closing()

    def get_write_buffer_size(self) -> int:
        """See asyncio.Transport."""
        return 0 if self._raw is None else self._raw.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """See asyncio.Transport."""
        if self._raw is not None:
            self._raw.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See asyncio.Transport."""
        if name == "ssl_object":
            return self._side
        return default if self._raw is None else self._raw.get_extra_info(name, default)
