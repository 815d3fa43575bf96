"""Regular expressions in routes: found behind their beginnings, run by either engine, captured alike."""

from __future__ import annotations

from typing import Any

from gwc.schema.diagnostic import Severity
from gwc.schema.normalise.sample import sample_of
from hypothesis import assume, given
from hypothesis import strategies as st

from .build import ask, config, route_of
from .oracle import Verdict, decide
from .regexes import path_regexes
from .spelling import yaml
from .subject import answer, compiled

paths = st.lists(st.sampled_from(("/", "a", "b", "A", "1", "ab", "/a", ".", "-", "c")), max_size=8).map(
    lambda parts: "/" + "".join(parts)
)


def is_in_dialect(block: dict[str, Any]) -> bool:
    """Whether gwc takes the expression; which ones it refuses is tested where the dialect is."""
    result = compiled(yaml(config(route_of("r", block))), "yaml")
    return not any(each.severity is Severity.ERROR for each in result.diagnostics)


@given(st.lists(path_regexes(), min_size=1, max_size=6), st.lists(paths, min_size=1, max_size=8))
def test_paths(patterns: list[str], targets: list[str]) -> None:
    """Several expressions on the path compete; the first in the document wins, and captures."""
    blocks = [{"path-regex": pattern} for pattern in patterns]
    blocks = [block for block in blocks if is_in_dialect(block)]
    assume(blocks)
    together = config(*(route_of(f"r{number}", block) for number, block in enumerate(blocks)))
    table = compiled(yaml(together), "yaml").table
    assert table is not None
    for target in targets:
        asked = ask(target)
        verdict = decide(together, asked.raw, asked.address, sample_of=sample_of)
        if isinstance(verdict, Verdict):
            got = answer(table, asked)
            assert got.route == ("" if verdict.winner is None else verdict.winner.route)
            assert (got.captures or {}) == verdict.captures


@given(path_regexes(), st.lists(paths, min_size=1, max_size=8), st.booleans())
def test_values(pattern: str, values: list[str], ignore_case: bool) -> None:
    """The same of a header's value."""
    block = {"header": {"name": "x-v", "regex": pattern, "ignore-case": ignore_case}}
    assume(is_in_dialect(block))
    alone = config(route_of("r", block))
    table = compiled(yaml(alone), "yaml").table
    assert table is not None
    for value in values:
        asked = ask(headers=(("x-v", value),))
        verdict = decide(alone, asked.raw, asked.address, sample_of=sample_of)
        assert isinstance(verdict, Verdict)
        assert answer(table, asked).route == ("" if verdict.winner is None else "r")
