"""Every value that is in force, with where it comes from: what `gwc config` prints.

Owns the walk and the spelling of paths: names instead of numbers (`routes.orders.priority`). What is in force
was decided by `resolve`; this only asks it where.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gwc.compiler.resolve import Resolution
from gwc.compiler.resolve.resolved import HeaderRules
from gwc.compiler.resolve.scopes import Scoped
from gwc.compiler.source import SourceFile
from gwc.compiler.validate.provenance import provenance
from gwc.compiler.validate.record import Record

Sources = Mapping[str, SourceFile]

_TAGS = ("listener", "upstream", "matcher", "target", "route", "group", "header")


def resolved_values(resolution: Resolution, sources: Sources) -> Iterator[dict[str, Any]]:
    """One entry a value: `path`, `value`, `layer`, `from` (file:line, variable or flag)."""
    root = resolution.root
    for key, tag in (("listeners", "listener"), ("upstreams", "upstream"), ("matchers", "matcher")):
        for record in root.get(key, ()):
            yield from _record(f"{key}.{record[tag]}", record, sources, skip=(tag,))
    assert resolution.config is not None, "errors end the command before this"
    for scoped in resolution.routes:
        yield from _route(scoped, sources)


def _route(scoped: Scoped, sources: Sources) -> Iterator[dict[str, Any]]:
    """What is in force for one route, inherited or its own."""
    name = f"routes.{scoped.record['route']}"
    scope = scoped.scope
    for owner in scope.owners:
        if "matches" in owner:
            inherited = "" if owner is scoped.record else f".{owner['group']}"
            yield from _values(f"{name}{inherited}.matches", owner, "matches", sources)
    setter = next((each for each in reversed(scope.owners) if "priority" in each), None)
    if setter is None:
        yield {"path": f"{name}.priority", "value": scope.priority, "layer": "default", "from": ""}
    else:
        yield from _values(f"{name}.priority", setter, "priority", sources)
    for setting in (scope.action, scope.rewrite_at):
        if setting is not None:
            yield from _values(f"{name}.{setting.key}", setting.owner, setting.key, sources)
    for key, rules in (
        ("request-headers", scope.request_headers),
        ("response-headers", scope.response_headers),
    ):
        for owner in scope.owners:
            if key in owner:
                for path, value, place in _rules(owner[key], rules):
                    yield _entry(f"{name}.{key}.{path}", value, *place, sources)


def _rules(record: Record, in_force: HeaderRules) -> Iterator[tuple[str, Any, tuple[Record, str]]]:
    """The rules of one block that are still in force, with the record and pointer each stands at."""
    for number, rule in enumerate(record.get("rename", ())):
        if (rule["from"].lower(), rule["to"].lower()) in in_force.rename:
            yield f"rename.{rule['from'].lower()}", rule["to"].lower(), (record, f"/rename/{number}/to")
    for key, kept in (("set", in_force.set), ("add", in_force.add)):
        names = {name for name, _ in kept}
        for number, rule in enumerate(record.get(key, ())):
            if rule["name"].lower() in names:
                yield f"{key}.{rule['name'].lower()}", rule["value"], (record, f"/{key}/{number}/value")
    for number, removed in enumerate(record.get("remove", ())):
        if removed.lower() in in_force.remove:
            yield "remove", removed.lower(), (record, f"/remove/{number}")


def _record(
    path: str, record: Record, sources: Sources, skip: tuple[str, ...] = ()
) -> Iterator[dict[str, Any]]:
    """The values of a record, and the defaults of what it leaves out."""
    for key in record:
        if key not in skip:
            yield from _values(f"{path}.{key}", record, key, sources)
    for key, shape in record.shape.keys.items():
        if key not in record and shape.default is not None:
            yield {"path": f"{path}.{key}", "value": shape.default, "layer": "default", "from": ""}


def _values(path: str, record: Record, key: str, sources: Sources) -> Iterator[dict[str, Any]]:
    """Every scalar below `record[key]`; what has a name is shown by it."""
    for steps, value in _scalars((key,), record[key]):
        shown = _spelt(record, steps)
        if shown is not None:
            yield _entry(f"{path}{shown}", value, record, "/" + "/".join(steps), sources)


def _scalars(steps: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every scalar in or below a value with the steps that lead to it. Keys have no `/` and no `~`."""
    if isinstance(value, Record):
        for key, each in value.items():
            yield from _scalars((*steps, key), each)
    elif isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from _scalars((*steps, str(number)), each)
    else:
        yield steps, value


def _spelt(record: Record, steps: tuple[str, ...]) -> str | None:
    """The steps after the first as text; None for the name of something that is shown in its path."""
    text = ""
    value: Any = record[steps[0]]
    for step in steps[1:]:
        if isinstance(value, tuple):
            value = value[int(step)]
            tag = next((each for each in _TAGS if isinstance(value, Record) and each in value), None)
            text += f".{value[tag]}" if tag else f"[{step}]"
        else:
            if step in _TAGS and len(value) > 1 and step == next(iter(value)):
                return None
            text += f".{step}"
            value = value[step]
    return text


def _entry(path: str, value: Any, record: Record, pointer: str, sources: Sources) -> dict[str, Any]:
    origin = provenance(record, pointer)
    if origin.span is None:
        place = origin.name
    else:
        source = sources.get(origin.span.file)
        line = source.line_column(origin.span.start)[0] if source is not None else 1
        place = f"{origin.span.file}:{line}"
    return {"path": path, "value": value, "layer": origin.layer, "from": place}
