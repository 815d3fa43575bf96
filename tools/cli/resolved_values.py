"""Every value that is in force, with where it comes from: what `gwc config` prints.

Owns the walk and the spelling of paths: names instead of numbers (`routes.orders.priority`). What is in force
was decided by `resolve`; this only asks it where.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gwc.compiler.resolve import Resolution
from gwc.compiler.resolve.listeners import IMPLICIT
from gwc.compiler.resolve.policies import POLICIES
from gwc.compiler.resolve.scopes import Scoped
from gwc.compiler.source import SourceFile
from gwc.compiler.validate.provenance import provenance
from gwc.compiler.validate.record import Record
from gwc.compiler.validate.shape import Block, language

Sources = Mapping[str, SourceFile]

_IN_FORCE = (
    "listener-limits",
    "listener-timeouts",
    "upstream-connections",
    "upstream-timeouts",
    "upstream-names",
    "access-log",
    "error-log",
    "audit-log",
)
"""Objects whose defaults hold where nobody writes them."""

_POLICIES = ("allow", "deny", "authenticate", "geo", "agents")
"""Keys of which an inner one takes the place of an outer one whole, whatever the action."""

_TAGS = ("listener", "upstream", "agent", "matcher", "target", "route", "group", "header")


def resolved_values(resolution: Resolution, sources: Sources) -> Iterator[dict[str, Any]]:
    """One entry a value: `path`, `value`, `layer`, `from` (file:line, variable or flag)."""
    root = resolution.root
    for key in root:
        if key not in ("include", "defaults", "listeners", "upstreams", "agents", "matchers", "routes"):
            yield from _values(key, root, key, sources)
    for key, default in _left_out(root):
        yield _default(key, default)
    tags = ("listener", "upstream", "agent", "matcher")
    for key, tag in ((f"{tag}s", tag) for tag in tags):
        for record in root.get(key, ()):
            yield from _record(f"{key}.{record[tag]}", record, sources, skip=(tag,))
    if not root.get("listeners"):
        for address in IMPLICIT.addresses:
            yield _default(f"listeners.{IMPLICIT.name}.address", address)
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
        yield _default(f"{name}.priority", scope.priority)
    else:
        yield from _values(f"{name}.priority", setter, "priority", sources)
    action = None if scope.action is None else scope.action.key
    answers = action in ("redirect", "respond", "builtin", "static-files")
    for setting in (scope.action, None if answers and action != "static-files" else scope.rewrite_at):
        if setting is not None:
            yield from _values(f"{name}.{setting.key}", setting.owner, setting.key, sources)
    for key in ("response-headers",) if answers else ("request-headers", "response-headers"):
        for record, pointer, path, value in _rules(scope.owners, key):
            yield _entry(f"{name}.{key}.{path}", value, record, pointer, sources)
    for key in ("limits",) if answers else ("timeouts", "limits", "trailers"):
        for inner, setter, default in _settings(scope.owners, key):
            if answers and inner == "response-body":
                continue
            if setter is not None:
                yield from _values(f"{name}.{key}.{inner}", setter, key, sources, inner)
            elif default is not None:
                yield _default(f"{name}.{key}.{inner}", default)
    for key in POLICIES:
        setter = next((each for each in reversed(scope.owners) if key in each), None)
        if setter is not None:
            yield from _values(f"{name}.{key}", setter, key, sources)
    own = (
        ("reasons",)
        if answers
        else ("retries", "fallback", "mirror", "reasons", "websocket", "drain-streams")
    )
    for key in (*own, "sticky") if action == "split" else own:
        setter = next((each for each in reversed(scope.owners) if key in each), None)
        if setter is not None:
            yield from _values(f"{name}.{key}", setter, key, sources)
        elif key == "reasons":
            yield _default(f"{name}.{key}", False)
    for key in _POLICIES:
        setter = next((each for each in reversed(scope.owners) if key in each), None)
        if setter is not None:
            yield from _values(f"{name}.{key}", setter, key, sources)


def _settings(owners: Sequence[Record], key: str) -> Iterator[tuple[str, Record | None, Any]]:
    """Each key of a block that is laid over key by key: the innermost owner that has it, its default."""
    place = language().objects["route"].keys[key].shape
    assert isinstance(place, Block)
    having = [owner for owner in reversed(owners) if key in owner]
    for inner, shape in language().objects[place.object].keys.items():
        yield inner, next((owner for owner in having if inner in owner[key]), None), shape.default


def _rules(owners: Sequence[Record], key: str) -> list[tuple[Record, str, str, Any]]:
    """The header rules in force, outer ones first: record and pointer of each, its path and its value.

    A rule is in force unless one further in acts on the same name.
    """
    found: list[tuple[Record, str, str, Any]] = []
    taken: set[str] = set()
    for owner in reversed(owners):
        if key in owner:
            own = [each for each in _written_rules(owner[key]) if each[0] not in taken]
            taken |= {name for name, *_ in own}
            found[:0] = [(owner, f"/{key}{pointer}", path, value) for _, pointer, path, value in own]
    return found


def _written_rules(record: Record) -> Iterator[tuple[str, str, str, Any]]:
    """The rules of one block: the name that each acts on, its pointer, path and value."""
    for number, rule in enumerate(record.get("rename", ())):
        name = rule["from"].lower()
        yield name, f"/rename/{number}/to", f"rename.{name}", rule["to"].lower()
    for kind in ("set", "add"):
        for number, rule in enumerate(record.get(kind, ())):
            name = rule["name"].lower()
            yield name, f"/{kind}/{number}/value", f"{kind}.{name}", rule["value"]
    for number, removed in enumerate(record.get("remove", ())):
        yield removed.lower(), f"/remove/{number}", "remove", removed.lower()


def _record(
    path: str, record: Record, sources: Sources, skip: tuple[str, ...] = ()
) -> Iterator[dict[str, Any]]:
    """The values of a record, and the defaults of what it leaves out."""
    for key in record:
        if key not in skip:
            yield from _values(f"{path}.{key}", record, key, sources)
    for key, default in _left_out(record):
        yield _default(f"{path}.{key}", default)


def _values(
    path: str, record: Record, key: str, sources: Sources, inner: str | None = None
) -> Iterator[dict[str, Any]]:
    """Every scalar below `record[key]` or `record[key][inner]`, defaults included; what has a name by it."""
    below = _scalars((key,), record[key]) if inner is None else _scalars((key, inner), record[key][inner])
    for steps, value, written in below:
        shown = _spelt(record, steps) if inner is None else _spelt(record[key], steps[1:])
        if shown is None:
            continue
        if written:
            yield _entry(f"{path}{shown}", value, record, "/" + "/".join(steps), sources)
        else:
            yield _default(f"{path}{shown}", value)


def _scalars(steps: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any, bool]]:
    """Every scalar in or below a value with the steps that lead to it, and whether somebody wrote it.

    Keys have no `/` and no `~`.
    """
    if isinstance(value, Record):
        for key, each in value.items():
            yield from _scalars((*steps, key), each)
        for key, default in _left_out(value):
            yield (*steps, key), default, False
    elif isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from _scalars((*steps, str(number)), each)
    else:
        yield steps, value, True


def _left_out(record: Record) -> Iterator[tuple[str, Any]]:
    """The defaults of what a record leaves out, but for the operators of conditions.

    Those of a block that is left out whole, too, where they are in force nevertheless.
    """
    for key, shape in record.shape.keys.items():
        if key in record or key == "ignore-case":
            continue
        if shape.default is not None:
            yield key, shape.default
        elif isinstance(shape.shape, Block) and shape.shape.object in _IN_FORCE:
            for inner, each in language().objects[shape.shape.object].keys.items():
                if each.default is not None:
                    yield f"{key}.{inner}", each.default


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
            if step == value.shape.tag and len(value) > 1:
                return None
            text += f".{step}"
            value = value.get(step)
    return text


def _default(path: str, value: Any) -> dict[str, Any]:
    return {"path": path, "value": value, "layer": "default", "from": ""}


def _entry(path: str, value: Any, record: Record, pointer: str, sources: Sources) -> dict[str, Any]:
    origin = provenance(record, pointer)
    if origin.span is None:
        place = origin.name
    else:
        source = sources.get(origin.span.file)
        line = source.line_column(origin.span.start)[0] if source is not None else 1
        place = f"{origin.span.file}:{line}"
    return {"path": path, "value": value, "layer": origin.layer, "from": place}
