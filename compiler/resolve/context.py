"""What the resolving functions share while one configuration is resolved.

Owns the collecting of diagnostics and the tables of names. It is mutable (`found`, `used_upstreams`,
`used_matchers` grow while resolving runs) and lives for one run of `resolve`; nothing keeps it afterwards.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

from gwc.schema.diagnostic import Diagnostic, Label, error
from gwc.schema.listener import ListenerSettings, PathOptions
from gwc.schema.policies.agents import AgentRecord
from gwc.schema.span import Span

from ..diagnostics.nearest import nearest
from ..validate.record import Record, RootRecord, key_span, span_of

Shareable = TypeVar("Shareable", bound=Hashable)


@dataclass(slots=True)
class Context:
    """Names by kind, and what was found so far.

    The three mappings hold the records that names are bound to; they are complete before the first route is
    resolved. `settings` are the listeners, whose path options decide which patterns can be produced.
    `written_in` is how much text `use` has written into blocks, `told_depth` whether it was told once that
    matchers use one another too deep.
    """

    listeners: Mapping[str, Record]
    upstreams: Mapping[str, Record]
    matchers: Mapping[str, Record]
    settings: Mapping[str, ListenerSettings]
    agents: Mapping[str, AgentRecord] = field(default_factory=dict)
    found: list[Diagnostic] = field(default_factory=list)
    used_upstreams: set[str] = field(default_factory=set)
    used_matchers: set[str] = field(default_factory=set)
    written_in: int = 0
    told_depth: bool = False
    _shared: dict[object, object] = field(default_factory=dict)
    _options: dict[frozenset[str] | None, tuple[PathOptions, ...]] = field(default_factory=dict)

    def path_options(self, allowed: frozenset[str] | None) -> tuple[PathOptions, ...]:
        """The distinct path options of the listeners `allowed`, of all where None; remembered."""
        known = self._options.get(allowed)
        if known is None:
            settings = [each for each in self.settings.values() if allowed is None or each.name in allowed]
            known = tuple(dict.fromkeys(each.path_options for each in settings)) or (PathOptions(),)
            self._options[allowed] = known
        return known

    def share(self, value: Shareable) -> Shareable:
        """The first value that was equal to this one: later stages can tell equal ones by identity."""
        return cast(Shareable, self._shared.setdefault(value, value))

    def report(self, diagnostic: Diagnostic) -> None:
        """Collect one finding; resolving goes on."""
        self.found.append(diagnostic)


def name_table(kind: str, records: Sequence[Record], found: list[Diagnostic]) -> dict[str, Record]:
    """Records by name; a name that stands twice is reported with both places, the first one counts."""
    table: dict[str, Record] = {}
    for record in records:
        name = record[kind]
        first = table.get(name)
        if first is None:
            table[name] = record
            continue
        found.append(
            error(
                "GWC301",
                span_of(record, kind),
                f"{kind} `{name}` stands twice",
                label="the second of this name",
                secondary=(Label(span_of(first, kind), "the first"),),
                help=f"give one of them another name; {_article(kind)} is referred to by its name",
            )
        )
    return table


def top_of(root: Record, file: str) -> Span:
    """Where it is told what a whole file lacks: its first node, so that a comment can stand above it."""
    for entry_file, node in root.entries if isinstance(root, RootRecord) else ():
        if entry_file == file:
            return Span(file, node.start + node.head.name_start, node.start + node.head.name_end)
    return Span(file, 0, 0)


def undefined(
    context: Context, kind: str, name: str, record: Record, key: str, index: int | None = None
) -> None:
    """Report a reference to a name that does not exist, with the nearest one and what there is."""
    known = {"upstream": context.upstreams, "matcher": context.matchers, "listener": context.listeners}[kind]
    near = nearest(name, known)
    if near is not None:
        advice = f"did you mean `{near}`?"
    elif known:
        shown = ", ".join(f"`{each}`" for each in list(known)[:8])
        more = f" and {len(known) - 8} more" if len(known) > 8 else ""
        advice = f"there is {shown}{more}"
    else:
        advice = f"no {kind} is defined; add one"
    context.report(
        error(
            "GWC302",
            span_of(record, key, index),
            f"there is no {kind} `{name}`",
            label="not defined anywhere",
            help=advice,
        )
    )


def name_span(record: Record, key: str) -> Span:
    """Where the name of a listener, upstream or route stands.

    PERF: asked for every route, so KDL's usual form (the first argument) is read off; 1 us instead of 8.
    """
    node = record.node
    if node.head.args:
        first = node.head.args[0]
        return Span(record.file, node.start + first.start, node.start + first.end)
    return span_of(record, key)


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


__all__ = ["Context", "Record", "key_span", "name_span", "name_table", "span_of", "undefined"]
