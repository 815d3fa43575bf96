"""Asking a service about each request, as nginx's auth_request and Traefik's forwardAuth do.

Owns what the service is told, what its answer means, and the connections to it. The request's body stays
here; the service's reply has a time and a size.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from gwc.schema.policies.authentication import ForwardAuth

from ..actions.headers import Field
from ..filter import Answer, FilterContext, Identity
from .auth_way import Held, Rejected, as_field
from .build import Making

if TYPE_CHECKING:
    import httpcore

NOTE: Final = "authenticate"
"""Where the cookies stand that the service sets for somebody whom it lets in."""

MOST_BYTES: Final = 64 * 1024
_CONNECTIONS: Final = 64
_IDLE_S: Final = 30.0
_OF_ONE_MESSAGE: Final = frozenset(
    (
        *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
        *("content-length", "content-encoding", "expect", "host", "date", "server", "via", "range"),
        *("accept-encoding", "proxy-authenticate", "proxy-authorization", "forwarded", "http2-settings"),
    )
)
_WRITTEN: Final = "x-forwarded-"


class Service:
    """The connections to one service. Outlives tables. Mutable: how many requests it has."""

    def __init__(self, loop: asyncio.AbstractEventLoop, url: str) -> None:
        import ssl

        import httpcore

        context = ssl.create_default_context() if url.startswith("https:") else None
        self.pool: httpcore.AsyncConnectionPool = httpcore.AsyncConnectionPool(
            ssl_context=context, max_connections=_CONNECTIONS, keepalive_expiry=_IDLE_S
        )
        self._loop = loop
        self._asking = 0
        self._is_closed = False
        self._ending: asyncio.Task[None] | None = None

    def close(self) -> None:
        """See Kept."""
        self._is_closed = True
        self._end()

    async def ask(
        self, url: str, headers: list[tuple[bytes, bytes]]
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Status, fields and body; a body that is too long is left out."""
        self._asking += 1
        try:
            async with self.pool.stream("GET", url, headers=headers) as reply:
                body = b""
                async for piece in reply.aiter_stream():
                    body += piece
                    if len(body) > MOST_BYTES:
                        body = b""
                        break
                return reply.status, reply.headers, body
        finally:
            self._asking -= 1
            self._end()

    def _end(self) -> None:
        if self._is_closed and not self._asking and self._ending is None:
            self._ending = self._loop.create_task(self.pool.aclose())


class ForwardAuthWay:
    """One service and what it is asked."""

    challenge = ""

    def __init__(self, policy: ForwardAuth, making: Making) -> None:
        self._policy = policy
        self._url = url = making.fill(policy.url)
        self._service = making.keep.at(("forward-auth", url), lambda: Service(making.loop, url))
        self._timeout_s = policy.timeout_ms / 1000
        self._observer = making.observer

    async def prepare(self) -> None:
        """See Way."""

    async def ask(self, context: FilterContext) -> Held | Rejected | Answer:
        """See Way."""
        try:
            async with asyncio.timeout(self._timeout_s):
                status, fields, body = await self._service.ask(self._url, self._asked(context))
        except TimeoutError:
            return self._failed(f"took longer than {self._timeout_s:g} s")
        except Exception as fault:  # the client raises what its layers do
            return self._failed(f"cannot be asked: {type(fault).__name__}")
        if 200 <= status < 300:
            return self._let_in(context, fields)
        if status in (401, 403) or 300 <= status < 400:
            return _passed_on(status, fields, body)
        return self._failed(f"answered {status}")

    def _asked(self, context: FilterContext) -> list[tuple[bytes, bytes]]:
        """The fields of the question. The client's own cannot stand for what the gateway says."""
        head, wanted = context.head, self._policy.request_headers
        fields: list[Field] = [
            (name, value)
            for name, value in head.fields
            if name not in _OF_ONE_MESSAGE
            and not name.startswith(_WRITTEN)
            and name not in context.removed
            and (wanted is None or name in wanted)
        ]
        client = context.peer if head.client_ip is None else str(head.client_ip)
        fields += [
            ("accept-encoding", "identity"),
            ("x-forwarded-method", head.method),
            ("x-forwarded-proto", head.scheme),
            ("x-forwarded-host", head.authority),
            ("x-forwarded-uri", head.path if head.query is None else f"{head.path}?{head.query}"),
            ("x-forwarded-for", client),
        ]
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]

    def _let_in(self, context: FilterContext, fields: Iterable[tuple[bytes, bytes]]) -> Held:
        said: dict[str, list[str]] = {}
        for name, value in fields:
            said.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        if "set-cookie" in said:
            context.notes[NOTE] = said["set-cookie"]
        copied = tuple(
            (name, ", ".join(said[name])) for name in self._policy.response_headers if name in said
        )
        who = ", ".join(said.get(self._policy.identity or "", ()))
        whoever = as_field(who.encode("latin-1").decode("utf-8", "replace")) or ""
        return Held(Identity("forward-auth", whoever), copied)

    def _failed(self, why: str) -> Held | Rejected:
        if self._policy.on_failure == "allow":
            url = self._url.partition("?")[0]
            self._observer.error("warning", "auth-unavailable", url=url, what=why, on_failure="allow")
            return Held(Identity("forward-auth", ""))
        return Rejected("auth-unavailable", f"forward-auth: the service {why}")


def _passed_on(status: int, fields: Iterable[tuple[bytes, bytes]], body: bytes) -> Answer:
    """The service's reply as the client's, in the gateway's own framing."""
    passing: list[Any] = []
    for name, value in fields:
        lower = name.decode("latin-1").lower()
        if lower not in _OF_ONE_MESSAGE:
            passing.append((lower, value.decode("latin-1")))
    return Answer(status, tuple(passing), body, "auth-denied")
