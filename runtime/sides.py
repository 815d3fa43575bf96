"""What an exchange speaks to: the worker around it, the client's connection, the target's connection.

Owns the interfaces. Whoever implements them knows one version of HTTP; whoever uses them knows none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableSet
from typing import TYPE_CHECKING, Protocol

from .observe.observing import Observing
from .reply import Reply
from .timers import Timers

if TYPE_CHECKING:
    from .exchange import Exchange
    from .snapshot import Snapshot
    from .tunnel import Tunnel
    from .upstream.targets import Target

Trailers = list[tuple[bytes, bytes]]
"""Lower-case names and values."""


Ask = Callable[[str], Awaitable[tuple[str, bytes]]]
"""Ask the whole gateway for what a builtin tells: its name -> content type and body. Raises OSError where
nobody answers."""


class Services(Protocol):
    """What of the worker an exchange needs. `ask` is None where a worker stands for itself."""

    loop: asyncio.AbstractEventLoop
    timers: Timers
    observer: Observing
    in_flight: int
    draining: bool
    ask: Ask | None
    streams: MutableSet[Exchange]
    snapshot: Snapshot | None


class Downstream(Protocol):
    """The client's side, for one request."""

    def send_continue(self) -> None:
        """Tell a client that waits for it to send its body."""

    def send_head(self, reply: Reply, *, has_body: bool) -> None:
        """Begin the reply."""

    def send_data(self, data: bytes) -> None:
        """A piece of the reply's body."""

    def flush(self) -> None:
        """What has been begun goes out, though no more is there yet."""

    def send_end(self, trailers: Trailers) -> None:
        """The reply is whole. The exchange is not called any more."""

    def abort(self) -> None:
        """The reply cannot be made whole. The exchange is not called any more."""

    def pause_reading(self) -> None:
        """No more of the request's body for now."""

    def resume_reading(self) -> None:
        """The body again."""


class ReplySide(Protocol):
    """Where a reply comes from: a connection, a stream of one, a file. It serves this exchange alone."""

    deadline: float
    slot: int
    due: float

    def expired(self) -> None:
        """Its deadline has passed, which is the exchange's."""

    def send_data(self, data: bytes) -> None:
        """A piece of the request's body."""

    def send_end(self, trailers: Trailers) -> None:
        """The request is whole."""

    def abort(self) -> None:
        """Close; the exchange is not called any more."""

    def pause_reading(self) -> None:
        """No more of the reply for now."""

    def resume_reading(self) -> None:
        """The reply again."""


class UpstreamSide(ReplySide, Protocol):
    """The target's side: a connection, or a stream of one."""

    target: Target

    @property
    def tunnels(self) -> bool:
        """Whether it may be asked for a WebSocket."""

    def start(self, exchange: Exchange, length: int) -> None:
        """Send a request's head, which `exchange.forwarded` makes; `length` is as in `Exchange`."""


class Pooled(Protocol):
    """A connection to a target, as the pool has it.

    `shares`: it serves several exchanges at once. `usable`: it takes more. `active` (the pool's, of one that
    does not share): an exchange has it. The deadline ends the time without use.
    """

    shares: bool
    target: Target
    usable: bool
    active: bool
    opened: float
    deadline: float
    slot: int
    due: float

    def take(self) -> UpstreamSide:
        """A side for one more exchange."""

    def expired(self) -> None:
        """It has been without use long enough, or its exchange's deadline has passed."""

    def close(self) -> None:
        """Close; it is not used."""


class Shared(Pooled, Protocol):
    """One that serves several exchanges at once."""

    @property
    def room(self) -> int:
        """How many exchanges more it takes."""

    @property
    def streams(self) -> int:
        """How many it has."""

    def retire(self) -> None:
        """Take no more, and close after the last one."""


class TunnelEnd(Protocol):
    """One side of a tunnel: a connection, or a stream of one, that carries HTTP no more."""

    deadline: float
    slot: int
    due: float

    def expired(self) -> None:
        """Its deadline has passed."""

    def switch(self, tunnel: Tunnel, reply: Reply) -> None:
        """Be a tunnel's from now on. The client's side says so by `reply`."""

    def send_data(self, data: bytes) -> None:
        """Bytes of the other side."""

    def end_sending(self) -> None:
        """The other side sends no more; this one still may."""

    def hang_up(self) -> None:
        """Close once what was sent has gone out. The tunnel is not called any more."""

    def pause_reading(self) -> None:
        """No more for now."""

    def resume_reading(self) -> None:
        """More again."""
