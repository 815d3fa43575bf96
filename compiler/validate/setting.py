"""Single values set from outside: variables `GWC_SET__…` and flags `--set PATH=VALUE`.

Owns the reading of PATH and VALUE. PATH names a place by the words of the language and the names of the
configuration (`listeners.public.address`, `routes.orders-read.priority`); routes and groups are found by name
at any depth. In a variable `__` separates, case does not matter, and `_` stands for whatever the name of a
variable cannot have. VALUE is read as the place's type; the values of a list stand between commas
(`\\,` is a comma).

A setting becomes a little overlay of one key, so it is judged and merged as any other. Its mistakes have no
span: they name the variable or the flag.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from gwc.schema.diagnostic import Diagnostic, error

from ..diagnostics.nearest import nearest
from ..parse.document import Head, Node, Value
from .merge import Step, merged, named_below, rebuilt
from .record import Record, RootRecord, SetLayer, make_record
from .run import Run
from .shape import Block, Nodes, ObjectShape, Scalar, Tagged, Values, language
from .stage import read_entry
from .words import listed, plain

PREFIX: Final = "GWC_SET__"
"""What the name of a variable that sets a value begins with."""

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_COMMA = re.compile(r"(?<!\\),")
_NOT_IN_A_VARIABLE = re.compile(r"[^0-9a-z]")


class Setting(NamedTuple):
    """One value to set: `name` is how it was given, for messages; `path` and `value` as text."""

    layer: SetLayer
    name: str
    path: str
    value: str


class Target(NamedTuple):
    """The place of a path: the deepest record that exists, and the keys from there."""

    record: Record
    steps: tuple[Step, ...]
    keys: tuple[str, ...]
    shape: Scalar | Values | Block | Nodes | Tagged


def apply_settings(
    root: RootRecord, environment: Mapping[str, str], flags: Sequence[str], found: list[Diagnostic]
) -> RootRecord:
    """The configuration with variables laid over it, then flags. Mistakes are added to `found`."""
    changed = root
    for setting in (*_from_environment(environment), *_from_flags(flags, found)):
        changed = _apply(changed, setting, found)
    return changed


def _from_environment(environment: Mapping[str, str]) -> Iterator[Setting]:
    """The variables that set something, in the order of their names."""
    for name in sorted(environment):
        if name.startswith(PREFIX):
            yield Setting("environment", name, name.removeprefix(PREFIX).lower(), environment[name])


def _from_flags(flags: Sequence[str], found: list[Diagnostic]) -> Iterator[Setting]:
    for flag in flags:
        path, equals, value = flag.partition("=")
        if not equals or not path:
            found.append(
                error(
                    "GWC242",
                    None,
                    f"`--set {plain(flag)}` is not PATH=VALUE",
                    help="write `--set listeners.public.address=127.0.0.1:8080`",
                )
            )
            continue
        yield Setting("flag", f"--set {path}", path, value)


def _apply(root: RootRecord, setting: Setting, found: list[Diagnostic]) -> RootRecord:
    targets = list(_targets(root, setting))
    fitting = [target for target in targets if _takes_text(target.shape)]
    if len(fitting) > 1:
        found.append(_ambiguous(setting, fitting))
        return root
    if not fitting:
        found.append(_not_settable(setting, targets[0]) if targets else _unknown(root, setting))
        return root
    target = fitting[0]
    over, problems = _read(setting, target)
    found += problems
    if over is None:
        return root
    new = merged(target.record, over, setting.layer, setting.name)
    changed = rebuilt(root, target.steps, new)
    assert isinstance(changed, RootRecord)
    return changed


# -- PATH


def _targets(root: RootRecord, setting: Setting) -> Iterator[Target]:
    """Every place that the path can mean; more than one where names hold the separator."""
    yield from _search(root.shape, root, (), (), root, setting, setting.path)


def _search(
    shape: ObjectShape,
    record: Record | None,
    steps: tuple[Step, ...],
    missing: tuple[str, ...],
    deepest: Record,
    setting: Setting,
    rest: str,
) -> Iterator[Target]:
    """The places below one object. `record` is None where it does not exist; then `missing` leads to it."""
    for key in shape.keys.values():
        after = _after(setting, key.name, rest)
        if after is None or key.name == shape.tag or key.name == "include":
            continue
        if not after:
            yield Target(deepest, steps, (*missing, key.name), key.shape)
            continue
        inner = None if record is None else record.get(key.name)
        match key.shape:
            case Block(object=name):
                below = language().objects[name]
                if inner is None:
                    yield from _search(below, None, steps, (*missing, key.name), deepest, setting, after)
                else:
                    way = (*steps, (key.name, None))
                    yield from _search(below, inner, way, (), inner, setting, after)
            case Nodes() if inner is not None and len(inner) == 1:
                way = (*steps, (key.name, 0))
                yield from _search(inner[0].shape, inner[0], way, (), inner[0], setting, after)
            case Tagged():
                for item, way in named_below(inner or (), steps, key.name):
                    assert item.shape.tag is not None
                    beyond = _after(setting, item[item.shape.tag], after)
                    if beyond:
                        yield from _search(item.shape, item, way, (), item, setting, beyond)


def _after(setting: Setting, word: str, path: str) -> str | None:
    """What is left of a path behind a word that it begins with; None where it does not."""
    separator = "."
    if setting.layer == "environment":
        word, separator = _NOT_IN_A_VARIABLE.sub("_", word.lower()), "__"
    if path == word:
        return ""
    if path.startswith(word + separator):
        return path[len(word) + len(separator) :] or None
    return None


def _takes_text(shape: object) -> bool:
    """Whether a value on one line can fill the place."""
    return isinstance(shape, Scalar | Values) or (isinstance(shape, Block | Tagged) and shape.short)


# -- VALUE


def _read(setting: Setting, target: Target) -> tuple[Record | None, list[Diagnostic]]:
    """The value as an overlay of the target's record, judged by the readers of YAML."""
    node = _value_node(setting.value, target.keys[-1], target.shape)
    for key in reversed(target.keys[:-1]):
        node = Node(Head(key, None, 0, 0, (), ()), (node,), None, 0, len(setting.value))
    run = Run(len(language().objects), {}, partial=True)
    run.file, run.syntax = setting.name, "yaml"
    data: dict[str, Any] = {}
    read_entry(run, target.record.shape, node, data)
    problems = [
        replace(each, span=None, secondary=(), headline=f"`{setting.name}`: {each.headline}", label="")
        for each in run.diagnostics
    ]
    if problems:
        return None, problems
    holder = Node(Head("", None, 0, 0, (), ()), (node,), None, 0, len(setting.value))
    return make_record(data, holder, setting.name, target.record.shape), []


def _value_node(text: str, key: str, shape: object) -> Node:
    """The tree that YAML would give for the value."""
    if isinstance(shape, Block) and language().objects[shape.object].args:
        filled = language().objects[shape.object]
        return _value_node(text, key, filled.keys[filled.args[0]].shape)
    if isinstance(shape, Scalar):
        value = Value(_typed(text, shape), None, 0, len(text))
        return Node(Head(key, None, 0, 0, (value,), ()), None, None, 0, len(text))
    scalar = shape.item if isinstance(shape, Values) else None
    items = []
    for start, piece in _pieces(text):
        read = piece if scalar is None else _typed(piece, scalar)
        head = Head("-", None, 0, 0, (Value(read, None, 0, len(piece)),), ())
        items.append(Node(head, None, None, start, start + len(piece)))
    return Node(Head(key, None, 0, 0, (), ()), None, tuple(items), 0, len(text))


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """The pieces between commas, blanks around them taken away, each with where it begins."""
    start = 0
    for piece in _COMMA.split(text):
        bare = piece.strip(" ")
        yield start + len(piece) - len(piece.lstrip(" ")), bare.replace("\\,", ",")
        start += len(piece) + 1


def _typed(text: str, scalar: Scalar) -> str | int | bool:
    """The text as the value it spells, as far as the place takes such values."""
    if scalar.flag and text in ("true", "false"):
        return text == "true"
    whole = scalar.integer or any(type(choice) is int for choice in scalar.choices)
    if whole and _INTEGER.fullmatch(text):
        return int(text)
    return text


# -- mistakes


def _ambiguous(setting: Setting, targets: Sequence[Target]) -> Diagnostic:
    ways = [_thing(target) for target in targets[:4]]
    more = f" and {len(targets) - 4} more" if len(targets) > 4 else ""
    return error(
        "GWC245",
        None,
        f"`{setting.name}` can mean {len(targets)} places",
        help=f"it fits {', '.join(ways[:-1])} and {ways[-1]}{more}; "
        "change one of the names, or use an overlay file",
    )


def _thing(target: Target) -> str:
    """What a target belongs to: the kind and name of the object, or its path."""
    tag = target.record.shape.tag
    return f"`{_way(target)}`" if tag is None else f"the {tag} `{target.record[tag]}`"


def _way(target: Target) -> str:
    """The path of a target, as a flag would write it."""
    words: list[str] = []
    if target.steps:
        words.append(target.steps[0][0])
        if target.record.shape.tag is not None:
            words.append(target.record[target.record.shape.tag])
    return ".".join((*words, *target.keys))


def _not_settable(setting: Setting, target: Target) -> Diagnostic:
    shape = target.shape
    key = target.keys[-1]
    if isinstance(shape, Block):
        names = list(language().objects[shape.object].keys)
        advice = f"set one of its keys: {listed((f'{_way(target)}.{name}' for name in names), 'or', 4)}"
    else:
        advice = "use an overlay file"
    return error(
        "GWC244", None, f"`{setting.name}` names a block, and `{key}` is not set by one value", help=advice
    )


def _unknown(root: RootRecord, setting: Setting) -> Diagnostic:
    """The report of a path that leads nowhere, with what is near at the step that fails."""
    separator = "." if setting.layer == "flag" else "__"
    known, failed, is_value = _step_that_fails(root, setting)
    if is_value:
        headline = f"`{setting.name}` leads nowhere: there is nothing below `{plain(failed)}`"
        return error("GWC243", None, headline, help="take away what follows it")
    if any(_after(setting, each, failed) == "" for each in known):
        return error(
            "GWC244",
            None,
            f"`{setting.name}` names no single value: `{plain(failed)}` is a block, or stands several times",
            help="go on to one of its keys, or use an overlay file",
        )
    near = nearest(failed, known)
    shown = plain(failed)
    if near is not None:
        advice = f"did you mean `{near}`?"
    elif known:
        advice = f"here stands one of {listed(known, 'and', 8)}"
    else:
        example = separator.join(("routes", "NAME", "priority"))
        advice = f"write keys and names with `{separator}` between them: `{example}`"
    return error("GWC243", None, f"`{setting.name}` leads nowhere: there is no `{shown}`", help=advice)


def _step_that_fails(root: RootRecord, setting: Setting) -> tuple[list[str], str, bool]:
    """The words that could stand where the path fails, the word that stands there, and if it is a value's."""
    separator = "." if setting.layer == "flag" else "__"
    best: tuple[int, list[str]] = (len(setting.path), [])
    values: set[int] = set()  # what is left of the path where a key of a value stands
    pending: list[tuple[ObjectShape, Record | None, str]] = [(root.shape, root, setting.path)]
    while pending:
        shape, record, rest = pending.pop()
        keys = [key for key in shape.keys.values() if key.name not in (shape.tag, "include")]
        if not best[1] or len(rest) < best[0]:
            best = (len(rest), [key.name for key in keys])
        for key in keys:
            after = _after(setting, key.name, rest)
            if not after:
                continue
            inner = None if record is None else record.get(key.name)
            if isinstance(key.shape, Scalar | Values):
                values.add(len(rest))
            elif isinstance(key.shape, Block):
                pending.append((language().objects[key.shape.object], inner, after))
            elif isinstance(key.shape, Nodes) and inner is not None and len(inner) == 1:
                pending.append((inner[0].shape, inner[0], after))
            elif isinstance(key.shape, Tagged):
                items = [item for item, _ in named_below(inner or (), (), key.name)]
                if len(after) < best[0]:
                    best = (len(after), [item[item.shape.tag] for item in items if item.shape.tag])
                for item in items:
                    beyond = _after(setting, item[str(item.shape.tag)], after)
                    if beyond:
                        pending.append((item.shape, item, beyond))
    rest = setting.path[len(setting.path) - best[0] :]
    return best[1], rest.partition(separator)[0] or rest, best[0] in values
