"""Tunnels: what a connection becomes once a target has agreed to speak WebSocket (RFC 6455, RFC 8441).

Owns the handshake's key and how a 101 is judged, and then the way of bytes both ways: a side that takes no
more pauses the other, silence has a limit, the loss of one side ends the other. Frames are not read but for
where those of the target begin, so that a tunnel the gateway ends gets a close frame in the right place.
Knows no version of HTTP: both sides are `TunnelEnd`s.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha1
from os import urandom
from typing import TYPE_CHECKING, Final, NamedTuple

from gwc.schema.request import RequestHead

from .sides import TunnelEnd

if TYPE_CHECKING:
    from .exchange import Exchange
    from .reply import Reply

GOING_AWAY: Final = b"\x88\x02\x03\xe9"
"""A close frame with status 1001, as a server sends it: not masked (RFC 6455 sections 5.5.1 and 7.4.1)."""

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY: Final = re.compile(r"[0-9A-Za-z+/]{21}[AQgw]==")
"""Sixteen bytes in base64."""

_CLOSE: Final = 8
_MASKED: Final = 0x80


class Handshake(NamedTuple):
    """A request that asks for a WebSocket. `end` is the client's side, which can become a tunnel's. `key` is
    what the target is asked with, "" where the client's own cannot be used: `fault` says why, to a person.
    """

    end: TunnelEnd
    key: str
    fault: str = ""


def handshake_of(head: RequestHead, end: TunnelEnd, *, has_body: bool) -> Handshake | None:
    """The handshake that an HTTP/1.1 request with an Upgrade field is; None where it asks for no WebSocket,
    or in a way that does not count (RFC 9110 section 7.8): it is served as if the field were not there.
    """
    headers = head.headers
    if (
        head.method != "GET"
        or "websocket" not in _words(headers.get("upgrade", ""))
        or "upgrade" not in _words(headers.get("connection", ""))
    ):
        return None
    key = headers.get("sec-websocket-key", "")
    if has_body:
        return Handshake(end, "", "a request that asks for a WebSocket has a body")
    if _KEY.fullmatch(key) is None:
        return Handshake(end, "", "Sec-WebSocket-Key is not sixteen bytes in base64")
    return Handshake(end, key)


def own_handshake(end: TunnelEnd) -> Handshake:
    """The handshake of a client that needs no key, with one of the gateway's own for the target."""
    return Handshake(end, b64encode(urandom(16)).decode("ascii"))


def accept_of(key: str) -> bytes:
    """What a server answers to a key (RFC 6455 section 4.2.2)."""
    return b64encode(sha1(key.encode("ascii") + _GUID, usedforsecurity=False).digest())


def switch_refusal(head: bytes, key: str) -> str | None:
    """Why a whole 101 does not agree to the handshake with `key`, None where it does (RFC 6455 4.1)."""
    found: dict[bytes, list[bytes]] = {}
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        found.setdefault(name.lower(), []).append(value.strip(b" \t"))
    if [value.lower() for value in found.get(b"upgrade", ())] != [b"websocket"]:
        return "the 101 does not say `Upgrade: websocket`"
    connection = b",".join(found.get(b"connection", ())).decode("latin-1")
    if "upgrade" not in _words(connection):
        return "the 101 does not say `Connection: upgrade`"
    if b"content-length" in found or b"transfer-encoding" in found:
        return "the 101 speaks of a body"
    if found.get(b"sec-websocket-accept") != [accept_of(key)]:
        return "the 101's Sec-WebSocket-Accept is not the answer to the key"
    return None


def _words(text: str) -> set[str]:
    return {each.strip(" \t") for each in text.lower().split(",")}


class FrameWalk:
    """Where the frames of one direction begin.

    Mutable: bytes of a frame's payload still to come, the part of a frame's head that has come, and whether a
    close frame has begun. Never judges: that is the other side's business.
    """

    __slots__ = ("_head", "_left", "closed")

    def __init__(self) -> None:
        self._left = 0
        self._head = b""
        self.closed = False

    @property
    def is_between(self) -> bool:
        """Whether a frame has ended and no other has begun."""
        return not self._left and not self._head

    def feed(self, data: bytes) -> None:
        """Bytes that pass."""
        left = self._left
        if left:
            if left >= len(data):
                self._left = left - len(data)
                return
            data = data[left:]
        if self._head:
            data = self._head + data
        at, size = 0, len(data)
        while at + 2 <= size:
            second = data[at + 1]
            length = second & 0x7F
            body = at + 2
            if length >= 126:
                body += 2 if length == 126 else 8
                if body > size:
                    break
                length = int.from_bytes(data[at + 2 : body])
            if second & _MASKED:
                body += 4
            if data[at] & 0x0F == _CLOSE:
                self.closed = True
            at = body + length
        self._left = max(at - size, 0)
        self._head = data[at:]


class Tunnel:
    """Bytes both ways between a client and a target.

    Mutable: what the target has sent before the client's side was there (`_early`, None afterwards), which
    sides have sent their end, and `over`. The limit of silence is the deadline of the target's side.
    """

    __slots__ = (
        "_client",
        "_client_ended",
        "_early",
        "_exchange",
        "_idle_s",
        "_target",
        "_target_ended",
        "_walk",
        "over",
    )

    def __init__(self, exchange: Exchange, client: TunnelEnd, target: TunnelEnd, idle_s: float) -> None:
        self._exchange = exchange
        self._client = client
        self._target = target
        self._idle_s = idle_s
        self._walk = FrameWalk()
        self._early: bytes | None = b""
        self._client_ended = False
        self._target_ended = False
        self.over = False
        self._moved()
        exchange.services.timers.watch(target)

    def begin(self, reply: Reply) -> None:
        """The client's side is told by `reply`, and gets what has come for it."""
        early, self._early = self._early, None
        self._client.switch(self, reply)
        if early:
            self.from_target(early)
        if self._target_ended and not self.over:
            self._client.end_sending()

    # --- the client's side ---

    def from_client(self, data: bytes) -> None:
        """Bytes for the target."""
        if not self.over:
            self._exchange.record.request_bytes += len(data)
            self._target.send_data(data)
            self._moved()

    def client_ended(self) -> None:
        """The client sends no more."""
        self._client_ended = True
        if self._target_ended:
            self._finish("")
        elif not self.over:
            self._target.end_sending()

    def client_lost(self) -> None:
        """The client's connection is gone."""
        self._finish("" if self._client_ended or self._walk.closed else "client-gone")

    def client_full(self) -> None:
        """The client takes no more for now."""
        self._target.pause_reading()

    def client_drained(self) -> None:
        """The client takes more."""
        self._target.resume_reading()
        self._moved()

    # --- the target's side ---

    def from_target(self, data: bytes) -> None:
        """Bytes for the client."""
        if self._early is not None:
            self._early += data
        elif not self.over:
            self._exchange.record.response_bytes += len(data)
            self._walk.feed(data)
            self._client.send_data(data)
            self._moved()

    def target_ended(self) -> None:
        """The target sends no more."""
        self._target_ended = True
        if self._client_ended:
            self._finish("")
        elif not self.over and self._early is None:
            self._client.end_sending()

    def target_lost(self) -> None:
        """The target's connection is gone."""
        self._finish("" if self._target_ended else "connection-lost")

    def target_full(self) -> None:
        """The target takes no more for now."""
        self._client.pause_reading()

    def target_drained(self) -> None:
        """The target takes more."""
        self._client.resume_reading()
        self._moved()

    # --- the end ---

    def expired(self) -> None:
        """Nothing has moved for as long as it may."""
        self.go_away("idle-timeout")

    def go_away(self, reason: str) -> None:
        """End it; the client is told by a close frame where one can stand."""
        if self.over:
            return
        untold = self._early is None and not self._walk.closed and not self._target_ended
        if untold and self._walk.is_between:
            self._client.send_data(GOING_AWAY)
        self._finish(reason)

    def _moved(self) -> None:
        self._target.deadline = self._exchange.services.timers.now + self._idle_s

    def _finish(self, reason: str) -> None:
        if self.over:
            return
        self.over = True
        if self._early is not None:
            # The client has not been told, so there is something to answer.
            self._exchange.upstream_lost(reason or "connection-lost")
            self._target.hang_up()
            return
        self._exchange.tunnel_over(reason)
        self._client.hang_up()
        self._target.hang_up()
