"""`agents`: the external processors, and which of them a route has.

Owns what must hold of one agent and of a route's list of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gwc.schema.diagnostic import Diagnostic, Label, error
from gwc.schema.policies.agents import AgentRecord

from ..diagnostics.nearest import nearest
from .amounts import amount_of
from .context import Context, Record, key_span, name_table, span_of

_OFF: Final = "off"
_FIELDS: Final = {
    "timeout": "timeout_ms",
    "on-failure": "on_failure",
    "request-headers": "request_headers",
    "response-headers": "response_headers",
    "request-body": "request_body",
    "response-body": "response_body",
    "inspect": "inspect_bytes",
    "over": "over",
}
_BREAKER: Final = {"failures": "failures", "open": "open_ms"}


def resolve_agents(records: Sequence[Record], found: list[Diagnostic]) -> dict[str, AgentRecord]:
    """The agents by name, whatever they are used for."""
    return {name: _agent(record, found) for name, record in name_table("agent", records, found).items()}


def _agent(record: Record, found: list[Diagnostic]) -> AgentRecord:
    name = record["agent"]
    if name == _OFF:
        found.append(
            error(
                "GWC387",
                span_of(record, "agent"),
                "an agent cannot be called `off`",
                label="in a route this takes inherited agents away",
                help="give it another name",
            )
        )
    own: dict[str, Any] = {field: amount_of(record, key) for key, field in _FIELDS.items() if key in record}
    breaker = record.get("breaker", {})
    own |= {field: amount_of(breaker, key) for key, field in _BREAKER.items() if key in breaker}
    ways = [key for key in ("url", "grpc") if key in record]
    if len(ways) != 1:
        found.append(
            error(
                "GWC462",
                key_span(record, ways[1]) if ways else span_of(record, "agent"),
                f"agent `{name}` has two addresses" if ways else f"agent `{name}` has no address",
                label="the second" if ways else "nobody to ask",
                help="keep `url`, for HTTP, or `grpc`" if ways else "add `url`, for HTTP, or `grpc`",
            )
        )
    own["transport"] = "grpc" if ways[:1] == ["grpc"] else "http"
    agent = AgentRecord(
        name, record[ways[0]] if ways else "", sees=tuple(dict.fromkeys(record.get("sees", ()))), **own
    )
    bodies = {agent.request_body, agent.response_body} != {"none"}
    if not (agent.request_headers or agent.response_headers or bodies):
        found.append(
            error(
                "GWC389",
                span_of(record, "agent"),
                f"agent `{name}` is told of nothing",
                label="would never be asked",
                help="say what it is told of, or leave out `request-headers #false`",
            )
        )
    found += (
        error(
            "GWC388",
            key_span(record, key),
            f"`{key}` has no effect on an agent that is told of no body",
            label="nothing is held for it",
            help=f"add `request-body` or `response-body`, or take `{key}` out",
        )
        for key in ("inspect", "over")
        if key in record and not bodies
    )
    return agent


def resolve_use(context: Context, names: Sequence[str], owner: Record) -> tuple[AgentRecord, ...] | None:
    """The agents of a block in their order; None for `agents "off"`."""
    if tuple(names) == (_OFF,):
        return None
    chosen: dict[str, int] = {}
    for index, name in enumerate(names):
        if name == _OFF or name in chosen:
            first = chosen.get(name)
            context.report(
                error(
                    "GWC387",
                    span_of(owner, "agents", index),
                    "`off` stands beside agents" if first is None else f"agent `{name}` stands twice",
                    label="takes all of them away" if first is None else "the second",
                    secondary=() if first is None else (Label(span_of(owner, "agents", first), "the first"),),
                    help='write `agents "off"` alone, or take `off` out'
                    if first is None
                    else "an agent is asked once of each event; keep one",
                )
            )
            continue
        chosen[name] = index
        if name not in context.agents:
            _undefined(context, name, context.agents, owner, index)
    return tuple(context.agents[name] for name in chosen if name in context.agents) or None


def _undefined(
    context: Context, name: str, known: Mapping[str, AgentRecord], owner: Record, index: int
) -> None:
    near = nearest(name, known)
    if near is not None:
        advice = f"did you mean `{near}`?"
    elif known:
        shown = ", ".join(f"`{each}`" for each in list(known)[:8])
        advice = f"there is {shown}"
    else:
        advice = 'write it at the top level: `agents { agent "…" { url "…" } }`'
    context.report(
        error(
            "GWC386",
            span_of(owner, "agents", index),
            f"there is no agent `{name}`",
            label="not defined anywhere",
            help=advice,
        )
    )
