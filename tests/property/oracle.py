"""Which alternative wins, said the slow and obvious way.

Owns a second opinion on docs/semantics.md, "Matching": every alternative is written out, every predicate is
tested, all are sorted by the nine lines, the first that holds wins. It reads the configuration as data (the
tree of schema/config.schema.json, short forms and all) and shares no code with resolving, lowering, matching.

It trusts that the configuration is free of mistakes: references exist, patterns are well formed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from gwc.schema.request import Late, RawRequest

from .holding import (
    PATH_KEYS,
    Pattern,
    Written,
    captures_of,
    holds,
    host_patterns,
    path_patterns,
    written_out,
)
from .reading import (
    Config,
    Refused,
    View,
    as_list,
    read,
)

PRIORITIES = {"low": -100, "normal": 0, "high": 100, "critical": 1000}
OTHERS = ("client-ip", "scheme", "sni", "sample", "model", "stream", "tools", "not")
"""What line 8 counts; inherited hosts and paths come on top, `listener` never counts."""


@dataclass(frozen=True)
class Alternative:
    """One host and one path value of a block with everything else that must hold.

    `match` is the number of the route's block, `number` counts the alternatives of one block; both from 1.
    `steps` are what must hold in written order, outer groups first; of "host" and "path" the value is the one
    pattern. `order` are the nine lines; the least wins.
    """

    route: str
    match: int
    number: int
    steps: tuple[Written, ...]
    order: tuple[Any, ...]

    @property
    def id(self) -> str:
        """`route#match.number`."""
        return f"{self.route}#{self.match}.{self.number}"

    @property
    def host(self) -> Pattern | None:
        """The innermost host."""
        return innermost(self.steps, "host")

    @property
    def path(self) -> Pattern | None:
        """The innermost path."""
        return innermost(self.steps, "path")


def innermost(steps: Sequence[Written], wanted: str) -> Pattern | None:
    """The last host or path of the steps."""
    patterns: list[Pattern] = [value for key, value in steps if key == wanted]
    return patterns[-1] if patterns else None


@dataclass(frozen=True)
class Verdict:
    """What becomes of a request: `winner` None is a 404. `holds` goes with `ranking`, best first."""

    view: View
    ranking: tuple[Alternative, ...]
    holds: tuple[bool, ...]
    winner: Alternative | None
    captures: Mapping[str, str]


def decide(
    config: Config,
    raw: RawRequest,
    address: str,
    *,
    late: Late | None = None,
    sample_of: Callable[[bytes], int],
) -> Verdict | Refused:
    """The decision on a request that came in by `address`."""
    view = read(config, raw, address, late, sample_of)
    return view if isinstance(view, Refused) else judge(config, view)


def judge(config: Config, view: View) -> Verdict:
    """The decision on a request that has been read."""
    ranking = rank(config)
    matchers = matchers_of(config)
    holds = tuple(alternative_holds(each, view, matchers) for each in ranking)
    winner = next((each for each, held in zip(ranking, holds, strict=True) if held), None)
    captures: Mapping[str, str] = {}
    if winner is not None and winner.path is not None:
        captures = captures_of(winner.path, view.path) or {}
    return Verdict(view, ranking, holds, winner, captures)


# --- writing every alternative out -----------------------------------------------------------------------


def matchers_of(config: Config) -> dict[str, Config]:
    """Named conditions by name."""
    return {each["matcher"]: each for each in config.get("matchers", ())}


def rank(config: Config) -> tuple[Alternative, ...]:
    """All alternatives, sorted by the nine lines."""
    return tuple(sorted(expand(config), key=lambda each: each.order))


def expand(config: Config) -> Iterator[Alternative]:
    """All alternatives in the order of the document."""
    matchers = matchers_of(config)
    outermost = config.get("defaults", {}).get("priority", "normal")
    position = 0
    for route, priority, levels in walk(config.get("routes", ()), outermost, []):
        numbers: dict[int, int] = {}
        # First every way to take one block of each level, then the values of those blocks.
        for taken in product(*(enumerate(blocks, 1) for blocks in levels)):
            match = taken[-1][0]
            for chosen in product(*(block_choices(block, matchers) for _, block in taken)):
                numbers[match] = numbers.get(match, 0) + 1
                yield alternative(route["route"], match, numbers[match], priority, chosen, position)
                position += 1


def walk(
    entries: Sequence[Config], priority: str | int, outer: list[list[Config]]
) -> Iterator[tuple[Config, str | int, list[list[Config]]]]:
    """Each route with its priority and the blocks of each level, the outermost group's first."""
    for entry in entries:
        inner_priority = entry.get("priority", priority)
        blocks: list[Config] = as_list(entry["matches"]) if "matches" in entry else []
        if "group" in entry:
            levels = [*outer, blocks] if blocks else outer
            yield from walk(entry["routes"], inner_priority, levels)
        else:
            yield entry, inner_priority, [*outer, blocks or [{}]]


def block_choices(block: Config, matchers: Mapping[str, Config]) -> list[tuple[Written, ...]]:
    """The block once for each pair of one host and one path value, hosts outer, paths inner."""
    written = list(written_out(block, matchers))
    hosts = [pattern for key, value in written if key == "host" for pattern in host_patterns(value)]
    paths = [pattern for key, value in written if key in PATH_KEYS for pattern in path_patterns(key, value)]
    return [
        tuple(
            ("host", host) if key == "host" else ("path", path) if key in PATH_KEYS else (key, value)
            for key, value in written
        )
        for host in hosts or (None,)
        for path in paths or (None,)
    ]


def alternative(
    route: str,
    match: int,
    number: int,
    priority: str | int,
    chosen: Sequence[tuple[Written, ...]],
    position: int,
) -> Alternative:
    """One alternative of the choices of all levels; the innermost host and path are its own."""
    steps = tuple(step for level in chosen for step in level)
    keys = [key for key, _ in steps]
    host, path = innermost(steps, "host"), innermost(steps, "path")
    inherited = max(0, keys.count("host") - 1) + max(0, keys.count("path") - 1)
    order = (
        -(PRIORITIES[priority] if isinstance(priority, str) else priority),
        host_place(host),
        path_place(path),
        -literal_bytes(path),
        0 if "method" in keys else 1,
        -(keys.count("header") + keys.count("cookie")),
        -keys.count("query"),
        -(inherited + sum(keys.count(key) for key in OTHERS)),
        position,
    )
    return Alternative(route, match, number, steps, order)


# --- the nine lines --------------------------------------------------------------------------------------


def host_place(host: Pattern | None) -> tuple[int, int]:
    """Line 2: exact, wildcard (the longer suffix first), regex, none."""
    if host is None:
        return 3, 0
    if host.kind == "exact":
        return 0, 0
    return (1, -len(host.text)) if host.kind == "wildcard" else (2, 0)


def path_place(path: Pattern | None) -> int:
    """Line 3: exact, template without a rest, regex, prefix and template with a rest and none."""
    if path is None or path.kind == "prefix" or (path.kind == "template" and path.text.endswith("...}")):
        return 3
    return {"exact": 0, "template": 1, "regex": 2}[path.kind]


def literal_bytes(path: Pattern | None) -> int:
    """Line 4: the literal bytes of the pattern."""
    if path is None or path.kind == "regex":
        return 0
    if path.kind == "exact":
        return len(path.text)
    if path.kind == "prefix":
        return len(path.text.rstrip("/"))
    without_rest = re.sub(r"/\{[^{}]*\.\.\.\}", "", path.text)
    return len(re.sub(r"\{[^{}]*\}", "", without_rest))


def alternative_holds(each: Alternative, view: View, matchers: Mapping[str, Config]) -> bool:
    """Whether everything that an alternative asks for holds."""
    return first_failure(each, view, matchers) is None


def first_failure(each: Alternative, view: View, matchers: Mapping[str, Config]) -> Written | None:
    """The first of its steps that does not hold."""
    for key, value in each.steps:
        if not holds(key, value, view, matchers):
            return key, value
    return None
