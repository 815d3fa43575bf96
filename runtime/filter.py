"""What a filter is: the interface between a request's course and the policies that its route has.

Owns the calls, their order for one filter, and the forms of what a filter says. Which filters there are is
`filters/`'s business, when they are called `filtering.py`'s. Knows no wire and no upstream.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from gwc.schema.request import RequestHead

from .actions.headers import Field, HeaderChanges
from .observe.record import RequestRecord
from .reply import Reply

if TYPE_CHECKING:
    from .plan import Plan
    from .sides import Services


class Phase(IntEnum):
    """When a filter has its turn; the size limits of the route stand between CORS and AUTHENTICATION."""

    ADDRESS = 0
    CORS = 1
    AUTHENTICATION = 2
    LIMITS = 3
    CODING = 4
    BODY = 5
    TRANSFORM = 6
    ANSWER = 7


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request is from, as an authenticating filter found out. `kind` is how: `api-key`, `jwt` …

    `claims` are what else is known of it, names with values. All text is one byte a character, and none of it
    breaks a field's value.
    """

    kind: str
    name: str
    claims: tuple[tuple[str, str], ...] = ()

    def variables(self) -> dict[str, str]:
        """What header rules may use of it, by the variable's name."""
        return {
            "identity.kind": self.kind,
            "identity.name": self.name,
            **{f"identity.claim.{claim}": value for claim, value in self.claims},
        }


class Refuse(NamedTuple):
    """Turn the request away with a reply of the gateway's own.

    `reason` is a word of `observe.reasons`, which has the status too unless `status` is given; `rule` says
    for the audit log which rule it was. `fields` are added to the reply (`retry-after`, `www-authenticate`);
    `message` replaces the words that the body would have.
    """

    reason: str
    detail: str = ""
    rule: str = ""
    status: int | None = None
    fields: tuple[Field, ...] = ()
    message: str | None = None


class Answer(NamedTuple):
    """Answer instead of the route's action; not a refusal. `reason` may say why for the access log."""

    status: int
    fields: tuple[Field, ...] = ()
    body: bytes = b""
    reason: str = ""


Said: TypeAlias = Refuse | Answer | None
"""What a filter says to a request: None is go on."""

Outcome: TypeAlias = Said | Awaitable[Said]
"""At once, or later: then nothing else of this request goes on meanwhile, and the filter minds the time."""


class FilterFaulty(Exception):
    """Raised where a filter cannot be made or prepared; `reason` says why, in words for the error log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BodyChange(Protocol):
    """Something that a body passes through, piece by piece.

    Each call gives what goes on (b"": nothing yet), at once or later; while it is later, reading rests.
    `flush` asks for everything that can go now, because whoever sends has no more for the moment. What is
    raised ends the message: `filtering.Cut` with a reason, anything else is a bug. One with a true
    `holds_head` keeps a reply's head back until the first byte or the end has passed, so that a Cut is still
    an error reply.
    """

    def feed(self, data: bytes) -> bytes | Awaitable[bytes]:
        """A piece."""

    def flush(self) -> bytes | Awaitable[bytes]:
        """What was held back."""

    def end(self) -> bytes | Awaitable[bytes]:
        """The body is whole: the rest."""


ReplyOutcome: TypeAlias = BodyChange | Awaitable[BodyChange | None] | None
"""What a filter says to a reply; later only for replies of targets."""


@dataclass(slots=True)
class FilterContext:
    """One request as filters see it, from its first filter to its end.

    Mutable: `head`, whose query a filter may change before it goes on; `identity`, set by whoever
    authenticates; `set_fields` and `removed` (lower-case names), which the upstream's request gets before
    the route's own header rules, and after them `changes`, in their order; `reply_fields`, set on every reply
    to this request; `notes`, where a filter keeps what it needs later, by its own `name`; `request_change`,
    which the request's body passes through. `body` is there for filters that asked for it. `peer` is who the
    connection is from, `head.client_ip` who the request is from. `preflight`: the route was found for the
    method that a CORS preflight asks for. `own`: the reply is the gateway's, not a target's. `length` is the
    request body's: bytes, negative where it comes in chunks.
    """

    services: Services
    plan: Plan
    head: RequestHead
    record: RequestRecord
    peer: str
    length: int
    preflight: bool = False
    identity: Identity | None = None
    own: bool = False
    body: bytes = b""
    set_fields: list[Field] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    changes: list[HeaderChanges] = field(default_factory=list)
    reply_fields: list[Field] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    request_change: BodyChange | None = None


class Filter:
    """A policy of routes, made when a table is made live; shared by routes with equal settings.

    A subclass overrides the calls that it needs, and only those are made. For one request: `on_request`;
    `body_wanted` and `on_body` if the body was wanted; `on_reply` for each reply head that goes to the client
    (a target's or the gateway's own, also a refusal by an earlier filter); `on_end`, once, however it ends.
    """

    name: str = ""
    phase: Phase = Phase.TRANSFORM

    async def prepare(self) -> None:
        """Before the table is live: what takes time (files, key sets). Raises FilterFaulty where the table
        cannot be served.
        """

    def on_request(self, context: FilterContext) -> Outcome:
        """The head is there and matched."""

    def body_wanted(self, context: FilterContext) -> int:
        """How many bytes of body this filter wants to see at most, 0: none. A longer one: `on_long_body`."""
        return 0

    def on_long_body(self, context: FilterContext) -> Said:
        """The body is longer than this filter looks at. By default that is refused."""
        return Refuse("body-length", f"longer than `{self.name}` reads", rule=self.name)

    def on_body(self, context: FilterContext) -> Outcome:
        """The whole body is in `context.body`, which may be replaced."""

    def on_reply(self, context: FilterContext, reply: Reply) -> ReplyOutcome:
        """The reply's head, which may be changed. What is returned changes the body; `reply.length` is then
        None unless the change keeps it.
        """

    def on_end(self, context: FilterContext) -> None:
        """The request is over."""
