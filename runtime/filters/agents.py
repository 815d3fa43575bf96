"""`agents`: external processors, each a filter of the routes that name it.

Owns what an agent's verdict does to a request and its reply, and what becomes of them when it fails. How it
is asked is `agent_link.py`'s, in which words `agent_words.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import getrandbits
from typing import Any

from gwc.schema.policies.agents import AgentRecord
from gwc.schema.table import RouteSettings

from ..actions.headers import HeaderChanges, apply_changes
from ..filter import Answer, Filter, FilterContext, Outcome, Phase, Refuse, ReplyOutcome, Said
from ..filtering import Cut
from ..reply import Reply
from .agent_link import Agent, AgentFailed
from .agent_words import Event, Verdict, event_of, told_request, told_response
from .build import Making


def make(settings: RouteSettings, making: Making) -> Sequence[Filter]:
    """A filter for each agent of a route, in their order."""
    return [AgentFilter(record, making) for record in settings.agents or ()]


@dataclass(slots=True)
class Course:
    """One request at one agent.

    Mutable: `over` says that it is asked no more, because it is done or has failed; `changes` are those of
    the reply that it said beforehand.
    """

    identity: str
    over: bool = False
    changes: list[HeaderChanges] = field(default_factory=list)


class AgentFilter(Filter):
    """One agent of a route."""

    phase = Phase.TRANSFORM

    def __init__(self, record: AgentRecord, making: Making) -> None:
        self.name = f"agent {record.name}"
        self._record = record
        self._timeout_s = record.timeout_ms / 1000
        self._sees = frozenset(record.sees)
        url = making.fill(record.url)
        self._agent: Agent = making.keep.at(
            ("agent", record.name, url, record.failures, record.open_ms),
            lambda: Agent(record, url, making.observer, making.loop),
        )

    async def prepare(self) -> None:
        """See Filter."""
        await self._agent.prepare()

    # --- requests --------------------------------------------------------------------------------------

    def on_request(self, context: FilterContext) -> Outcome:
        """See Filter."""
        course = context.notes[self.name] = Course(_identity(context))
        return self._on_head(context, course) if self._record.request_headers else None

    async def _on_head(self, context: FilterContext, course: Course) -> Said:
        request = told_request(context, self._sees)
        verdict = await self._ask(
            context, course, "request-headers", not context.length, {"request": request}
        )
        return verdict if not isinstance(verdict, Verdict) else self._judge(context, course, verdict)

    async def _ask(
        self, context: FilterContext, course: Course, event: Event, end: bool, told: dict[str, Any]
    ) -> Verdict | Refuse | None:
        """The agent's verdict. None: it has failed, and that is to be as if it was not there."""
        said = event_of(event, course.identity, end=end, **told)
        try:
            return await self._agent.ask(event, said, end=end, timeout_s=self._timeout_s)
        except AgentFailed as fault:
            course.over = True
            if self._record.on_failure == "allow":
                return None
            detail = f"{self._record.name}: {fault.args[0]}"
            return Refuse("agent-failed", detail, rule=self._record.name)

    def _judge(self, context: FilterContext, course: Course, verdict: Verdict) -> Said:
        """What a verdict does, other than to a body."""
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

    # --- replies ---------------------------------------------------------------------------------------

    def on_reply(self, context: FilterContext, reply: Reply) -> ReplyOutcome:
        """See Filter. What the gateway says itself is told to nobody."""
        course: Course | None = context.notes.get(self.name)
        if course is None:
            return None
        if context.own or course.over or not self._record.response_headers:
            _change(reply, course)
            return None
        return self._on_reply_head(context, course, reply)

    async def _on_reply_head(self, context: FilterContext, course: Course, reply: Reply) -> None:
        told = {
            "request": told_request(context, self._sees),
            "response": told_response(reply, self._sees),
        }
        end = reply.length == 0 or context.head.method == "HEAD"
        verdict = await self._ask(context, course, "response-headers", end, told)
        said = self._judge(context, course, verdict) if isinstance(verdict, Verdict) else verdict
        if said is not None:
            raise Cut(said.reason, said.detail if isinstance(said, Refuse) else "", said)
        _change(reply, course)


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
