"""A request's way through the filters of its route, and its reply's way back.

Owns the order of calls, the waiting where a filter answers later, and the bodies that pass through filters.
What a filter decides is its own; what becomes of the request then is the exchange's. Replies go through the
filters in reverse order, so that the first one is nearest to the client both ways.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar, cast

from .encodings import Unpackable, unpacked
from .filter import Answer, BodyChange, Filter, FilterContext, Outcome, Phase, Refuse, Said
from .reply import Reply

if TYPE_CHECKING:
    from .exchange import Exchange
    from .sides import Trailers

Found = TypeVar("Found")

_UNTIL_LIMITS: Final = Phase.AUTHENTICATION
"""The first phase after the route's size limits."""


class Cut(Exception):
    """Raised where a filter ends a reply or a body that is under way.

    `reason` is a word of `observe.reasons`; `said` is what is answered where there is
    still somebody to be answered.
    """

    def __init__(self, reason: str, detail: str = "", said: Refuse | Answer | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.said = said


@dataclass(frozen=True, slots=True)
class Chain:
    """The filters of a route, by the calls that they want. `before_limits`: how many of `requests` have their
    turn before the route's size limits.
    """

    filters: tuple[Filter, ...]
    requests: tuple[Filter, ...]
    before_limits: int
    bodies: tuple[Filter, ...]
    replies: tuple[Filter, ...]
    ends: tuple[Filter, ...]


def chain_of(filters: Sequence[Filter]) -> Chain | None:
    """The filters in the order of their phases, as listed within one; None where there is none."""
    if not filters:
        return None
    ordered = tuple(sorted(filters, key=lambda each: each.phase))
    requests = tuple(each for each in ordered if _overrides(each, "on_request"))
    return Chain(
        ordered,
        requests,
        sum(each.phase < _UNTIL_LIMITS for each in requests),
        tuple(each for each in ordered if _overrides(each, "on_body")),
        tuple(each for each in reversed(ordered) if _overrides(each, "on_reply")),
        tuple(each for each in ordered if _overrides(each, "on_end")),
    )


def _overrides(each: Filter, call: str) -> bool:
    return getattr(type(each), call) is not getattr(Filter, call)


class Filtering:
    """One request among the filters of its route.

    Mutable: how far it is (`_at`), the body as it came and as filters got it (`_came`), the call that is
    waited for (`_task`), the changes that each body passes through, and what of the reply came while
    something was waited for.
    """

    __slots__ = (
        "_at",
        "_came",
        "_chain",
        "_changes",
        "_exchange",
        "_go_on",
        "_head",
        "_held",
        "_request_held",
        "_task",
        "context",
        "request_change",
    )

    def __init__(
        self, exchange: Exchange, chain: Chain, context: FilterContext, go_on: Callable[[], None]
    ) -> None:
        self._exchange = exchange
        self._chain = chain
        self.context = context
        self._go_on = go_on
        self._at = 0
        self._came = b"", b""
        self._task: asyncio.Task[None] | None = None
        self._changes: tuple[BodyChange, ...] = ()
        self._head: Callable[[], None] | None = None
        # PERF: most requests wait for nobody, so what waits is made where something does.
        self._held: deque[Callable[[], None]] | None = None
        self._request_held: deque[Callable[[], None]] | None = None
        self.request_change: BodyChange | None = None

    # --- the request -----------------------------------------------------------------------------------

    def begin(self) -> None:
        """The next filters, until one answers or has to be waited for; after the last the action is done."""
        chain, exchange, context = self._chain, self._exchange, self.context
        requests = chain.requests
        while True:
            if self._at == chain.before_limits and exchange.refused_by_length():
                return
            if self._at == len(requests):
                break
            each = requests[self._at]
            self._at += 1
            outcome = each.on_request(context)
            if outcome is not None and not self._take(outcome, self.begin):
                return
        self._at = 0
        if chain.bodies and exchange.length:
            wanted = max(each.body_wanted(context) for each in chain.bodies)
            if wanted:
                exchange.collect(wanted, self._collected)
                return
        self._all_passed()

    def _collected(self, body: bytes | None) -> None:
        """The body is there, None where it is longer than anybody wanted."""
        if body is None:
            for each in self._chain.bodies:
                wanted = each.body_wanted(self.context)
                said = each.on_long_body(self.context) if wanted else None
                if said is not None:
                    self._exchange.answer(said)
                    return
            self._all_passed()
            return
        codings = self.context.head.headers.get("content-encoding")
        if codings is None:
            self.context.body = body
        else:
            limits = self.context.plan.settings.decompress
            try:
                self.context.body = unpacked(body, codings, limits.most_bytes, limits.ratio)
            except Unpackable as fault:
                reason = "body-length" if fault.too_long else "body-coding"
                self._exchange.answer(Refuse(reason, fault.detail))
                return
        self._came = body, self.context.body
        self._bodies()

    def _bodies(self) -> None:
        """The filters that read the body, one after the other."""
        bodies = self._chain.bodies
        while self._at < len(bodies):
            each = bodies[self._at]
            self._at += 1
            wanted = each.body_wanted(self.context)
            if not wanted:
                continue
            if len(self.context.body) > wanted:
                said = each.on_long_body(self.context)
                if said is not None:
                    self._exchange.answer(said)
                    return
                continue
            if not self._take(each.on_body(self.context), self._bodies):
                return
        came, read = self._came
        if self.context.body is read:
            self._exchange.replace_body(came)
        else:
            self.context.removed.add("content-encoding")
            self._exchange.replace_body(self.context.body)
        self._came = b"", b""
        self._all_passed()

    def _all_passed(self) -> None:
        if self.context.request_change is not None and self._exchange.length:
            self.request_change = self.context.request_change
            self._exchange.change_request()
        self._go_on()

    def _take(self, outcome: Outcome, then: Callable[[], None]) -> bool:
        """Whether to go on at once; else `then` does later, or there is an answer."""
        if outcome is None:
            return True
        if isinstance(outcome, Refuse | Answer):
            self._exchange.answer(outcome)
            return False

        def said(late: Said) -> None:
            if late is None:
                then()
            else:
                self._exchange.answer(late)

        self._later(outcome, said)
        return False

    def request_data(self, data: bytes) -> None:
        """A piece of the request's body, which a filter changes."""
        self._in_turn(lambda: self._request_piece(data), of_request=True)

    def request_end(self, trailers: Trailers) -> None:
        """The request is whole."""
        self._in_turn(lambda: self._request_last(trailers), of_request=True)

    def _request_piece(self, data: bytes) -> None:
        assert self.request_change is not None
        self._when(self.request_change.feed(data), self._exchange.pass_request_data)

    def _request_last(self, trailers: Trailers) -> None:
        assert self.request_change is not None

        def last(data: bytes) -> None:
            self._exchange.pass_request_data(data)
            self._exchange.pass_request_end(trailers)

        self._when(self.request_change.end(), last)

    # --- the reply -------------------------------------------------------------------------------------

    @property
    def changes_reply(self) -> bool:
        """Whether the reply's body passes through here."""
        return bool(self._changes or self._held) or self._task is not None

    def reply(self, reply: Reply, then: Callable[[], None]) -> None:
        """A target's reply head; `then` sends it."""
        if self._task is not None:
            self._in_turn(lambda: self._first_of(reply, then))
            return
        try:
            self._first_of(reply, then)
        except Exception as fault:
            self._failed(fault)

    def _first_of(self, reply: Reply, then: Callable[[], None]) -> None:
        self._at = 0
        self._changes, self._head = (), None  # what there was of a try before does not count
        self.context.own = False
        self._replies(reply, then)

    def _replies(self, reply: Reply, then: Callable[[], None]) -> None:
        replies, context = self._chain.replies, self.context
        while self._at < len(replies):
            each = replies[self._at]
            self._at += 1
            change = each.on_reply(context, reply)
            if change is None:
                continue
            if isinstance(change, Awaitable):

                def later(found: BodyChange | None) -> None:
                    if found is not None:
                        self._changes += (found,)
                    self._replies(reply, then)

                self._later(change, later)
                return
            self._changes += (change,)
        if self._changes:
            if context.head.method == "HEAD" or reply.status in (101, 204, 304):
                self._changes = ()
            elif any(getattr(each, "holds_head", False) for each in self._changes):
                self._head = then
                return
        then()

    def _pass(self, data: bytes) -> None:
        """A piece of the body that has been through all changes."""
        if data:
            self._send_head()
        self._exchange.pass_reply_data(data)

    def _send_head(self) -> None:
        """The head, where a change held it back."""
        head, self._head = self._head, None
        if head is not None:
            head()

    def own_reply(self, reply: Reply, body: bytes) -> bytes:
        """A reply that the gateway makes itself; its body as it goes out. Nothing is waited for."""
        self.context.own = True
        for each in self._chain.replies:
            change = each.on_reply(self.context, reply)
            if change is None:
                continue
            assert not isinstance(change, Awaitable), "a reply of our own waits for nobody"
            body = cast(bytes, change.feed(body)) + cast(bytes, change.end())
            reply.length = len(body)
        return body

    def data(self, data: bytes) -> None:
        """A piece of the reply's body."""
        self._in_turn(lambda: self._through(data, 0, self._pass))

    def flush(self) -> None:
        """There is no more for the moment."""
        self._in_turn(self._flush)

    def end(self, trailers: Trailers) -> None:
        """The reply is whole."""
        self._in_turn(lambda: self._end(0, trailers))

    def _through(self, data: bytes, first: int, then: Callable[[bytes], None]) -> None:
        """A piece through the changes from `first` on."""
        for number in range(first, len(self._changes)):
            if not data:
                break
            fed = self._changes[number].feed(data)
            if not isinstance(fed, bytes):
                self._later(fed, partial(self._through, first=number + 1, then=then))
                return
            data = fed
        then(data)

    def _flush(self) -> None:
        for number, each in enumerate(self._changes):
            held = each.flush()
            if not isinstance(held, bytes):
                self._later(held, partial(self._through, first=number + 1, then=self._flushed))
                return
            if held:
                self._through(held, number + 1, self._pass)
        if self._head is None:
            self._exchange.pass_flush()

    def _flushed(self, data: bytes) -> None:
        self._pass(data)
        if self._head is None:
            self._exchange.pass_flush()

    def _end(self, number: int, trailers: Trailers) -> None:
        """The end of each change's body, one after the other."""
        if number == len(self._changes):
            self._send_head()
            self._exchange.pass_reply_end(trailers)
            return

        def rest(data: bytes) -> None:
            self._through(data, number + 1, passed)

        def passed(data: bytes) -> None:
            self._pass(data)
            self._end(number + 1, trailers)

        self._when(self._changes[number].end(), rest)

    # --- waiting ---------------------------------------------------------------------------------------

    def finish(self) -> None:
        """The request is over: nobody is waited for, and every filter is told."""
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
        self._held = self._request_held = None
        for each in self._chain.ends:
            try:
                each.on_end(self.context)
            except Exception as bug:
                self._tell(bug)

    def _in_turn(self, do: Callable[[], None], *, of_request: bool = False) -> None:
        """Now, or after what is waited for."""
        if self._task is None:
            self._guarded(do)
            return
        if of_request:
            if self._request_held is None:
                self._request_held = deque()
            self._request_held.append(do)
        else:
            if self._held is None:
                self._held = deque()
            self._held.append(do)
        self._exchange.hold()

    def _when(self, value: bytes | Awaitable[bytes], then: Callable[[bytes], None]) -> None:
        if isinstance(value, bytes):
            then(value)
        else:
            self._later(value, then)

    def _later(self, awaited: Awaitable[Found], then: Callable[[Found], None]) -> None:
        """Wait for it, then go on with it and with what came meanwhile."""
        assert self._task is None, "one thing at a time is waited for"
        self._task = self._exchange.services.loop.create_task(self._wait(awaited, then))
        self._exchange.hold()

    async def _wait(self, awaited: Awaitable[Found], then: Callable[[Found], None]) -> None:
        try:
            found = await awaited
        except asyncio.CancelledError:
            raise
        except Exception as fault:
            self._task = None
            self._failed(fault)
            return
        self._task = None
        self._guarded(lambda: then(found))
        for held in (self._held, self._request_held):
            while held and self._task is None and not self._exchange.over:
                self._guarded(held.popleft())
        if self._task is None:
            self._exchange.let_go()

    def _guarded(self, do: Callable[[], None]) -> None:
        try:
            do()
        except Exception as fault:
            self._failed(fault)

    def _failed(self, fault: Exception) -> None:
        """A body was cut, or a filter has a bug: of this request nothing is known any more."""
        if isinstance(fault, Cut):
            if fault.said is not None and not self._exchange.replied:
                self._exchange.answer(fault.said)
            else:
                self._exchange.fail(fault.reason, fault.detail)
            return
        self._exchange.fail("filter-failed", self._tell(fault))

    def _tell(self, bug: Exception) -> str:
        what = f"{type(bug).__name__}: {bug}"
        self._exchange.services.observer.error("error", "bug", where="filter", what=what)
        return what
