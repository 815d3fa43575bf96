"""Every key of the language by its path, and the word by which a test says which keys it shows.

Owns the walk over the schema and the reading of `@shows(…)` from the tests beside it. A path begins at the
top of the configuration and names the kinds on its way: `listener.limits.fields`, `route.matches.header.min`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

from gwc.compiler.validate.shape import ROOT, Block, Nodes, Tagged, language

Test = TypeVar("Test", bound=Callable[..., None])

SAME = {"group": "route", "defaults": "route", "matcher": "predicates"}
"""Objects whose keys mean what those of another mean; how they get there is the compiler's."""

_NOT_SAME = ("group.matches",)

_BRACES = re.compile(r"\{([^{}]*)\}")


@cache
def every_key() -> tuple[str, ...]:
    """The paths of all keys. Objects within themselves (`not`, groups of groups) are walked once."""
    return tuple(_walk(ROOT, "", frozenset({ROOT})))


def _walk(name: str, prefix: str, above: frozenset[str]) -> Iterator[str]:
    objects = language().objects
    known = objects[SAME[name]].keys if name in SAME else {}
    for key in objects[name].keys.values():
        path = f"{prefix}.{key.name}" if prefix else key.name
        if key.name == objects[name].tag or (key.name in known and path not in _NOT_SAME):
            continue
        yield path
        shape = key.shape
        if name in SAME:
            continue
        if isinstance(shape, Tagged):
            for tag, owner in shape.objects.items():
                if owner not in above:
                    inline = tag if not prefix else f"{prefix}.{tag}"
                    place = path if prefix and shape.place == "block" else inline
                    yield from _walk(owner, place, above | {owner})
        elif isinstance(shape, Block | Nodes) and shape.object not in above:
            yield from _walk(shape.object, path, above | {shape.object})


def expanded(text: str) -> list[str]:
    """`a.{b,c}` is `a.b` and `a.c`; with an empty choice at the end, `a.{,b}`, it is `a` and `a.b`."""
    found = _BRACES.search(text)
    if found is None:
        return [text.rstrip(".")]
    return [
        each
        for choice in found[1].split(",")
        for each in expanded(text[: found.start()] + choice.strip() + text[found.end() :])
    ]


def shows(*paths: str) -> Callable[[Test], Test]:
    """Say which keys' effect a test shows: paths of `every_key`, with `{a,b}` for several."""
    unknown = [each for path in paths for each in expanded(path) if each not in every_key()]
    assert not unknown, f"the language has no {unknown}"
    return lambda test: test


@cache
def shown() -> dict[str, list[str]]:
    """The tests that show each key, read off the files, so that it does not matter which of them run."""
    found: dict[str, list[str]] = {}
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for path in _paths_of(node):
                    for each in expanded(path):
                        found.setdefault(each, []).append(f"{file.name}::{node.name}")
    return found


def _paths_of(test: ast.FunctionDef) -> Iterator[str]:
    for each in test.decorator_list:
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "shows":
            for argument in each.args:
                assert isinstance(argument, ast.Constant), f"{test.name}: the paths are written out"
                yield str(argument.value)
