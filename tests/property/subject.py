"""What is tested: gwc itself, from the text of a configuration to the answer on a request.

Owns the one place where the property tests touch the compiler, the artifact and the matcher.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from gwc.compiler.pipeline import CompileResult, compile_text
from gwc.runtime.match import Match, NeedsBody, NoMatch, match
from gwc.schema.artifact import dump, load
from gwc.schema.diagnostic import Severity
from gwc.schema.normalise import normalise
from gwc.schema.request import Late, Rejection, RequestHead
from gwc.schema.table import RouteTable

from .build import Asked
from .reading import Config
from .spelling import kdl, yaml

Syntax = Literal["kdl", "yaml"]
FILES: Mapping[Syntax, str] = {"kdl": "gwc.kdl", "yaml": "gwc.yaml"}


@dataclass(frozen=True)
class Answer:
    """`status` is what a request is refused with, 404 where nothing takes it, None where a route does.

    `asked_at` is the rank of the alternative for whose sake the body was read, None where it was not.
    """

    status: int | None
    id: str = ""
    route: str = ""
    match: int = 0
    captures: Mapping[str, str] | None = None
    asked_at: int | None = field(default=None, compare=False)


def compiled(text: str, syntax: Syntax) -> CompileResult:
    """What the compiler makes of a text."""
    return compile_text(text, syntax, FILES[syntax])


def table_of(text: str, syntax: Syntax) -> RouteTable:
    """The table of a text that has no errors."""
    result = compiled(text, syntax)
    errors = [each for each in result.diagnostics if each.severity is Severity.ERROR]
    assert result.table is not None, f"{errors}\n{text}"
    return result.table


def table_for(config: Config, syntax: Syntax = "yaml", style: int = 0) -> RouteTable:
    """The table of a configuration given as data."""
    return table_of(kdl(config, style) if syntax == "kdl" else yaml(config, style), syntax)


def head_of(table: RouteTable, asked: Asked) -> RequestHead | Rejection:
    """The request as the matcher sees it; nobody has read its body."""
    return normalise(asked.raw, table.entry(asked.address))


def answer(table: RouteTable, asked: Asked) -> Answer:
    """The decision. A body is read only if the matcher asks for it, and what it says is then known."""
    head = head_of(table, asked)
    if isinstance(head, Rejection):
        return Answer(head.status)
    informed = match(table, replace(head, late=asked.late or Late()))
    assert not isinstance(informed, NeedsBody), "the body has been read"
    decided = said(table, informed)
    outcome = match(table, head)
    if isinstance(outcome, NeedsBody):
        return replace(decided, asked_at=outcome.rank)
    assert said(table, outcome) == decided, "a decision without the body is the decision with it"
    return decided


def said(table: RouteTable, outcome: Match | NoMatch) -> Answer:
    """The outcome with names instead of numbers."""
    if isinstance(outcome, NoMatch):
        return Answer(404)
    return Answer(
        None,
        outcome.id,
        table.routes[outcome.route].name,
        outcome.match,
        dict(outcome.captures),
    )


def through_bytes(table: RouteTable) -> RouteTable:
    """The table written out and read again."""
    again = load(dump(table))
    assert isinstance(again, RouteTable), again
    return again


def ranking(table: RouteTable) -> list[tuple[str, str | None, str | None]]:
    """All alternatives by rank: id, host and path as text."""
    return [
        (each.id, each.host[1] if each.host else None, each.path[1] if each.path else None)
        for each in table.alternatives
    ]


# One cache: hand-written rows share configurations, and shrinking asks for the same one again and again.
@lru_cache(maxsize=64)
def cached_table(text: str, syntax: Syntax) -> RouteTable:
    """`table_of`, remembered."""
    return table_of(text, syntax)
