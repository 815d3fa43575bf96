"""Copies of requests for other upstreams: of which requests, how many, and who waits for them at the end.

Owns what is copied. A copy is made of pieces that the request has anyway and goes out after it; whatever
becomes of it, the request does not notice. Its course is that of `mirror_copy.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from gwc.schema.normalise.sample import sample_of
from gwc.schema.policies.mirror import MirrorRecord

from .sides import Trailers

if TYPE_CHECKING:
    from gwc.schema.table import RouteSettings

    from .exchange import Exchange
    from .filters.keeping import Keeping
    from .upstream.pool import Upstream
    from .upstream.targets import Setup

Result = Literal["sent", "failed", "timeout", "dropped"]
"""What became of a copy: a reply came; none came; none came in time; it was not sent at all."""


class OneCopy(Protocol):
    """A copy under way."""

    def acquire(self) -> None:
        """Send it."""

    def finish(self, result: Result) -> None:
        """Give it up."""


Make = Callable[["Exchange", "Mirror", tuple[bytes, ...], Trailers], OneCopy]
"""Makes the copy of a request with this body and these trailers."""


class Copies:
    """The copies of a worker that are under way. Mutable: that set, and who waits for its end."""

    def __init__(self, make: Make) -> None:
        self.make = make
        self.under_way: set[OneCopy] = set()
        self._emptied: asyncio.Event | None = None

    def over(self, one: OneCopy) -> None:
        """A copy is over."""
        self.under_way.discard(one)
        if not self.under_way and self._emptied is not None:
            self._emptied.set()

    async def end(self, within_s: float) -> None:
        """Wait for those that are under way, so long; then give the others up."""
        if self.under_way:
            self._emptied = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._emptied.wait()
        for each in tuple(self.under_way):
            each.finish("timeout")


class Mirror:
    """One `mirror` of a route. Mutable: how many copies are under way."""

    def __init__(self, route: str, record: MirrorRecord, upstream: Upstream, copies: Copies) -> None:
        self.route = route
        self.record = record
        self.upstream = upstream
        self.copies = copies
        self.under_way = 0

    def close(self) -> None:
        """See Kept. Copies under way end by themselves."""

    def wants(self, exchange: Exchange) -> bool:
        """Whether a request is to be copied."""
        record = self.record
        if record.share < 1_000_000 and sample_of(bytes.fromhex(exchange.record.trace_id)) >= record.share:
            return False
        fields = exchange.head.fields
        return all(
            any(each == name and value in (None, found) for each, found in fields)
            for name, value in record.headers
        )

    def tell(self, exchange: Exchange, result: Result) -> None:
        """A copy is over."""
        exchange.services.observer.mirrored(self.route, self.upstream.name, result)


def mirrors_of(
    route: str, settings: RouteSettings, keeping: Keeping, upstreams: Sequence[Setup], copies: Copies
) -> tuple[Mirror, ...]:
    """The mirrors of a route; one that stays as it was goes on counting. `upstreams` are the table's."""
    found = []
    for record in settings.mirrors:
        upstream = upstreams[record.upstream].upstream
        found.append(_kept(route, record, upstream, keeping, copies))
    return tuple(found)


def _kept(route: str, record: MirrorRecord, upstream: Upstream, keeping: Keeping, copies: Copies) -> Mirror:
    key = ("mirror", route, upstream, record._replace(upstream=0))
    return keeping.at(key, lambda: Mirror(route, record, upstream, copies))


class Mirroring:
    """What is kept of one request for its copies.

    Mutable: the mirrors that still want one, and the pieces of the body that have come.
    """

    __slots__ = ("_exchange", "_mirrors", "_pieces", "_size")

    def __init__(self, exchange: Exchange, mirrors: Sequence[Mirror]) -> None:
        self._exchange = exchange
        self._mirrors = [each for each in mirrors if each.wants(exchange)]
        self._pieces: list[bytes] = []
        self._size = 0
        self._drop_longer(max(exchange.length, 0))
        for piece in exchange.waiting:
            self.data(piece)

    def data(self, piece: bytes) -> None:
        """A piece of the body."""
        if self._mirrors:
            self._size += len(piece)
            self._pieces.append(piece)
            self._drop_longer(self._size)

    def end(self, trailers: Trailers) -> None:
        """The request is whole: its copies go out."""
        mirrors, self._mirrors = self._mirrors, []
        pieces, self._pieces = tuple(self._pieces), []
        for mirror in mirrors:
            if mirror.under_way >= mirror.record.most:
                mirror.tell(self._exchange, "dropped")
            else:
                mirror.copies.make(self._exchange, mirror, pieces, trailers).acquire()

    def give_up(self) -> None:
        """The request is over before it was whole."""
        mirrors, self._mirrors = self._mirrors, []
        for mirror in mirrors:
            mirror.tell(self._exchange, "dropped")

    def _drop_longer(self, size: int) -> None:
        """Copy nothing to where so long a body is not wanted."""
        left = [each for each in self._mirrors if size <= each.record.body_bytes]
        if len(left) < len(self._mirrors):
            for each in self._mirrors:
                if each not in left:
                    each.tell(self._exchange, "dropped")
            self._mirrors = left
            if not left:
                self._pieces = []
