"""`agents`: external processors, each a filter of the routes that name it.

Owns what an agent's verdict does to a request and its reply, and what becomes of them when it fails. How it
is asked is `agent_link.py`'s, in which words `agent_words.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import getrandbits
from typing import Any, Final
from urllib.parse import urlsplit

from gwc.schema.policies.agents import AgentRecord
from gwc.schema.table import RouteSettings

from ..actions.headers import HeaderChanges, apply_changes
from ..filter import (
    Answer,
    BodyChange,
    Filter,
    FilterContext,
    FilterFaulty,
    Outcome,
    Phase,
    Refuse,
    ReplyOutcome,
    Said,
)
from ..filtering import Cut
from ..reply import Reply
from .agent_bodies import Both, WatchedBody
from .agent_link import MOST_BYTES, Agent, AgentFailed
from .agent_words import Event, Verdict, event_of, told_request, told_response
from .build import Making


def make(settings: RouteSettings, making: Making) -> Sequence[Filter]:
    """A filter for each agent of a route, in their order."""
    return [AgentFilter(record, making) for record in settings.agents or ()]


_WITHOUT_BODY: Final = frozenset((101, 204, 205, 304))


@dataclass(slots=True)
class Course:
    """One request at one agent.

    Mutable: `over` says that it is asked no more, because it is done or has failed; `changes` are those of
    the reply that it said beforehand.
    """

    identity: str
    over: bool = False
    changes: list[HeaderChanges] = field(default_factory=list)

    def is_over(self) -> bool:
        """Whether it is asked no more."""
        return self.over


class AgentFilter(Filter):
    """One agent of a route."""

    phase = Phase.TRANSFORM

    def __init__(self, record: AgentRecord, making: Making) -> None:
        self.name = f"agent {record.name}"
        self._record = record
        self._timeout_s = record.timeout_ms / 1000
        self._sees = frozenset(record.sees)
        bodies = {record.request_body, record.response_body} != {"none"}
        self._most = MOST_BYTES + (2 * record.inspect_bytes if bodies else 0)
        url = _url(record, making)
        self._agent: Agent = making.keep.at(
            ("agent", record.name, record.transport, url, record.failures, record.open_ms),
            lambda: Agent(record, url, making.observer, making.loop),
        )

    async def prepare(self) -> None:
        """See Filter."""
        await self._agent.prepare()

    async def _ask(
        self,
        context: FilterContext,
        course: Course,
        event: Event,
        *,
        end: bool,
        reply: Reply | None = None,
        body: bytes | None = None,
        sequence: int | None = None,
        late: frozenset[str] = frozenset(),
    ) -> Verdict | Refuse | None:
        """The agent's verdict. None: it has failed, and that is to be as if it was not there.

        Heads are told with every event but those of further pieces of a body.
        """
        heads = not sequence
        said = event_of(
            event,
            course.identity,
            end=end,
            request=told_request(context, self._sees) if heads else None,
            response=told_response(reply, self._sees) if heads and reply is not None else None,
            body=body,
            sequence=sequence,
        )
        try:
            return await self._agent.ask(
                course.identity, event, said, end=end, timeout_s=self._timeout_s, most=self._most, late=late
            )
        except AgentFailed as fault:
            course.over = True
            if self._record.on_failure == "allow":
                return None
            detail = f"{self._record.name}: {fault.args[0]}"
            return Refuse("agent-failed", detail, rule=self._record.name)

    def _judge(self, context: FilterContext, course: Course, verdict: Verdict | Refuse | None) -> Said:
        """What a verdict does, other than to a body."""
        if not isinstance(verdict, Verdict):
            return verdict
        course.over = course.over or verdict.done
        if verdict.request is not None:
            context.changes.append(verdict.request)
        if verdict.response is not None:
            course.changes.append(verdict.response)
        if verdict.action in ("continue", "more"):
            return None
        course.over = True
        detail = f"{self._record.name}: {verdict.reason or verdict.action}"
        if verdict.action == "redirect" or verdict.body is not None:
            context.record.detail = detail
            return Answer(verdict.status, verdict.fields, verdict.body or b"", "agent-blocked")
        return Refuse(
            "agent-blocked", detail, rule=self._record.name, status=verdict.status, fields=verdict.fields
        )

    def on_end(self, context: FilterContext) -> None:
        """See Filter."""
        course: Course | None = context.notes.get(self.name)
        if course is not None:
            self._agent.over(course.identity)

    # --- requests --------------------------------------------------------------------------------------

    def on_request(self, context: FilterContext) -> Outcome:
        """See Filter."""
        course = context.notes[self.name] = Course(_identity(context))
        if self._record.response_body != "none":
            context.removed.add("accept-encoding")
        if self._record.request_headers:
            return self._on_head(context, course)
        self._watch_request(context, course)
        return None

    async def _on_head(self, context: FilterContext, course: Course) -> Said:
        verdict = await self._ask(context, course, "request-headers", end=not context.length)
        said = self._judge(context, course, verdict)
        if said is None:
            self._watch_request(context, course)
        return said

    def _watch_request(self, context: FilterContext, course: Course) -> None:
        if self._record.request_body == "stream" and context.length and not course.over:
            self._stream_request(context, course)

    def _stream_request(self, context: FilterContext, course: Course) -> None:
        """From now on the body passes the agent, at once or from what may be held on piece by piece."""

        async def ask(body: bytes, sequence: int, end: bool) -> Verdict | None:
            verdict = await self._ask(
                context, course, "request-body", end=end, body=body, sequence=sequence, late=_REQUEST_LATE
            )
            _cut_if(self._judge(context, course, verdict), self._record.name)
            return verdict if isinstance(verdict, Verdict) else None

        def too_long() -> None:
            _cut_if(self.on_long(course, 413), self._record.name)

        change: BodyChange = WatchedBody(
            self._record.request_body,
            self._record.inspect_bytes,
            ask=ask,
            is_over=course.is_over,
            too_long=too_long,
        )
        before = context.request_change
        context.request_change = change if before is None else Both(before, change)

    def body_wanted(self, context: FilterContext) -> int:
        """See Filter."""
        course: Course | None = context.notes.get(self.name)
        if course is None or course.over or self._record.request_body not in ("buffer", "hybrid"):
            return 0
        return self._record.inspect_bytes

    def on_long_body(self, context: FilterContext) -> Said:
        """See Filter."""
        course: Course = context.notes[self.name]
        if self._record.request_body == "hybrid":
            self._stream_request(context, course)
            return None
        return self.on_long(course, 413)

    def on_long(self, course: Course, status: int) -> Said:
        """More of a body would have to be held than may be: it passes unseen, or not at all."""
        course.over = True
        if self._record.over == "pass":
            return None
        detail = f"{self._record.name}: longer than {self._record.inspect_bytes} bytes"
        return Refuse("agent-body", detail, rule=self._record.name, status=status)

    def on_body(self, context: FilterContext) -> Outcome:
        """See Filter."""
        return self._on_body(context, context.notes[self.name])

    async def _on_body(self, context: FilterContext, course: Course) -> Said:
        verdict = await self._ask(context, course, "request-body", end=True, body=context.body, sequence=0)
        if isinstance(verdict, Verdict) and verdict.action == "continue" and verdict.body is not None:
            context.body = verdict.body
        return self._judge(context, course, verdict)

    # --- replies ---------------------------------------------------------------------------------------

    def on_reply(self, context: FilterContext, reply: Reply) -> ReplyOutcome:
        """See Filter. What the gateway says itself is told to nobody."""
        course: Course | None = context.notes.get(self.name)
        if course is None:
            return None
        if context.own or course.over:
            _change(reply, course)
            return None
        if self._record.response_headers:
            return self._on_reply_head(context, course, reply)
        _change(reply, course)
        return self._watch_reply(context, course, reply)

    async def _on_reply_head(self, context: FilterContext, course: Course, reply: Reply) -> BodyChange | None:
        end = not _has_body(context, reply)
        verdict = await self._ask(context, course, "response-headers", end=end, reply=reply)
        _cut_if(self._judge(context, course, verdict), self._record.name)
        _change(reply, course)
        return None if course.over else self._watch_reply(context, course, reply)

    def _watch_reply(self, context: FilterContext, course: Course, reply: Reply) -> BodyChange | None:
        """What the reply's body passes through; an event stream is never held as a whole."""
        mode = self._record.response_body
        if mode == "none" or not _has_body(context, reply):
            return None
        if reply.is_event_stream:
            if mode == "buffer":
                _cut_if(self.on_long(course, 502), self._record.name)
                return None
            mode = "stream"

        async def ask(body: bytes, sequence: int, end: bool) -> Verdict | None:
            verdict = await self._ask(
                context,
                course,
                "response-body",
                end=end,
                reply=reply,
                body=body,
                sequence=sequence,
                late=frozenset() if mode != "stream" and not sequence else _REPLY_LATE,
            )
            _cut_if(self._judge(context, course, verdict), self._record.name)
            _change(reply, course)
            return verdict if isinstance(verdict, Verdict) else None

        def too_long() -> None:
            _cut_if(self.on_long(course, 502), self._record.name)

        reply.length = None
        return WatchedBody(
            mode, self._record.inspect_bytes, ask=ask, is_over=course.is_over, too_long=too_long
        )


_REQUEST_LATE: Final = frozenset(("request",))
_REPLY_LATE: Final = frozenset(("response",))


def _url(record: AgentRecord, making: Making) -> str:
    """Where the agent is, references filled in. Raises FilterFaulty where they make no URL."""
    url = making.fill(record.url)
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise FilterFaulty(f"agent `{record.name}`: `{record.url}` does not make an http or https URL")
    return url


def _has_body(context: FilterContext, reply: Reply) -> bool:
    return context.head.method != "HEAD" and reply.status not in _WITHOUT_BODY and reply.length != 0


def _cut_if(said: Said, agent: str) -> None:
    """A message that is under way goes no further, where that was said."""
    if said is not None:
        raise Cut(said.reason, said.detail if isinstance(said, Refuse) else agent, said)


def _change(reply: Reply, course: Course) -> None:
    """Make the changes of fields that were said for a reply."""
    if course.changes:
        fields: Any = reply.fields()
        for changes in course.changes:
            fields = apply_changes(fields, changes)
        course.changes.clear()
        reply.replace_fields(fields)


def _identity(context: FilterContext) -> str:
    """What ties the events of one request together; the same for all agents."""
    found: str = context.notes.setdefault("agents", f"{getrandbits(128):032x}")
    return found
