"""Code, page and case go together: none of the three is without the others."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from gwc.compiler.diagnostics.catalogue import codes, page

from .markers import marked
from .test_golden import CASES, HERE

ROOT = HERE.parents[1]
CODE = re.compile(r"GWC[0-9]{3}")

TESTED_ELSEWHERE = frozenset({"GWC003", "GWC005", "GWC006", "GWC015", "GWC016", "GWC234", "GWC330"})
"""Codes that neither an example of some lines nor a case of some files can show; another test names them."""


@cache
def source_nodes() -> tuple[ast.AST, ...]:
    """The constants and calls of all modules that can emit a code (read once for all tests)."""
    modules = (
        ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        for package in ("compiler", "schema")
        for path in sorted((ROOT / package).rglob("*.py"))
    )
    return tuple(
        node for module in modules for node in ast.walk(module) if isinstance(node, ast.Constant | ast.Call)
    )


def literals() -> set[str]:
    """Every string in the source that is a code and nothing else."""
    return {
        node.value
        for node in source_nodes()
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value)
    }


def emitted() -> dict[str, set[str]]:
    """The severities with which each code is emitted by `error("GWC…", …)` and its like."""
    found: dict[str, set[str]] = {}
    for node in source_nodes():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            first = node.args[0]
            if (
                isinstance(first, ast.Constant)
                and isinstance(first.value, str)
                and CODE.fullmatch(first.value)
            ):
                found.setdefault(first.value, set()).add(node.func.id)
    return found


def test_every_code_in_the_source_has_a_page() -> None:
    """Whoever emits a code explains it."""
    assert sorted(literals() - set(codes())) == []


def test_every_page_is_of_a_code_in_the_source() -> None:
    """A page whose code is gone is gone too."""
    assert sorted(set(codes()) - literals()) == []


def test_a_code_has_the_severity_of_its_page() -> None:
    """What a page calls a warning is never emitted as an error, and the other way round."""
    wrong = []
    for code, makers in emitted().items():
        found = page(code)
        severities = makers & {"error", "warning", "note"}
        if found is not None and severities - {found.severity.word}:
            wrong.append((code, found.severity.word, sorted(severities)))
    assert wrong == []


def test_every_code_is_shown_by_a_case_or_an_example() -> None:
    """No finding is without a run in which somebody can see it."""
    shown = {each.code for case in CASES for each in marked(case)}
    for code in codes():
        found = page(code)
        assert found is not None
        if found.example:
            shown.add(code)
    tests = [path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]
    text = "".join(path.read_text(encoding="utf-8") for path in tests)
    shown |= {code for code in TESTED_ELSEWHERE if code in text}
    assert sorted(set(codes()) - shown) == []


def test_no_output_is_kept_of_a_code_that_is_gone() -> None:
    """The outputs that are kept of the pages' examples are those of pages that are there."""
    kept = {path.stem for path in (HERE / "pages").glob("*")}
    assert sorted(kept - {code for code in codes() if (found := page(code)) and found.example}) == []
