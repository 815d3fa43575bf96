"""`use`: matchers written into blocks, and what is told where that cannot be."""

from __future__ import annotations

import pytest
from gwc.compiler.pipeline import compile_text
from gwc.schema.diagnostic import Diagnostic, Severity


def _errors(matchers: str, block: str) -> list[Diagnostic]:
    """The errors of a route with one block."""
    text = f'{matchers}\nroutes {{ route "r" {{ matches {{ {block} }}; respond }} }}\n'
    result = compile_text(text, "kdl")
    return [each for each in result.diagnostics if each.severity is Severity.ERROR]


def _places(matchers: str, block: str) -> list[tuple[str, str, str]]:
    """Code, text at the primary span and at the first secondary one of each error."""
    text = f'{matchers}\nroutes {{ route "r" {{ matches {{ {block} }}; respond }} }}\n'
    found = []
    for each in _errors(matchers, block):
        assert each.span is not None
        second = each.secondary[0].span if each.secondary else None
        at = text[each.span.start : each.span.end]
        found.append((each.code, at, text[second.start : second.end] if second else ""))
    return found


def test_several_matchers_stand_in_one_block() -> None:
    """Matchers with different conditions are used side by side, and by one another."""
    matchers = (
        'matcher "a" { method "GET" }; matcher "b" { header "x"; use "c" }; matcher "c" { client-ip "::1" }'
    )
    assert _errors(matchers, 'use "a" "b"') == []
    assert _errors(matchers, 'use "a"; use "b"; header "x"; path "/p"') == []


def test_a_matcher_used_twice_repeats_its_conditions() -> None:
    """The second `use` is shown, with the first."""
    assert _places('matcher "a" { method "GET" }', 'use "a" "a"') == [("GWC306", '"a"', '"a"')]


def test_the_block_that_has_both_is_shown() -> None:
    """Of a condition that came twice the uses are shown that stand in one block, wherever that is."""
    matchers = 'matcher "a" { method "GET" }\nmatcher "b" { use "a" }\n'
    both = 'matcher "both" { use "a"; use "b" }\n'
    assert _places(matchers + both, 'use "both"') == [("GWC306", '"b"', '"a"')]
    assert _places(matchers, 'use "b"; method "GET"') == [("GWC306", "method", '"b"')]
    assert _places(matchers, 'method "GET"; use "b"') == [("GWC306", '"b"', "method")]


def test_a_second_kind_of_path_by_way_of_use_names_both_kinds() -> None:
    """The two keys are different ones, and the message says which."""
    (only,) = _errors('matcher "a" { path "/x" }', 'path-prefix "/y"; use "a"')
    assert only.headline == "`path-prefix` and `path` stand in one block by way of `use`"


def test_a_circle_is_told_once() -> None:
    """Only the `use` that closes the circle is an error, whatever conditions stand in it."""
    found = _places('matcher "a" { method "GET"; use "b" }\nmatcher "b" { use "a" }', 'use "a"')
    assert found == [("GWC305", '"a"', "")]


def test_a_long_chain_of_matchers_ends_with_one_error() -> None:
    """Depth has a limit of its own instead of the machine's."""
    chain = "\n".join(f'matcher "m{n}" {{ use "m{n + 1}" }}' for n in range(3000))
    found = _places(f'{chain}\nmatcher "m3000" {{ header "x" }}', 'use "m0"')
    assert found == [("GWC331", '"m64"', "")]
    short = "\n".join(f'matcher "m{n}" {{ use "m{n + 1}" }}' for n in range(63))
    assert _errors(f'{short}\nmatcher "m63" {{ header "x" }}', 'use "m0"') == []


def test_matchers_that_double_each_other_end_with_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """What sixty lines would multiply into is never made."""
    monkeypatch.setattr("gwc.compiler.resolve.blocks.MAX_WRITTEN_IN", 1_000_000)
    monkeypatch.setattr("gwc.compiler.resolve.MAX_WRITTEN_IN", 1_000_000)
    doubling = "\n".join(f'matcher "m{n}" {{ use "m{n + 1}" "m{n + 1}" }}' for n in range(60))
    found = _places(f'{doubling}\nmatcher "m60" {{ header "x" }}', 'use "m0"')
    assert [code for code, *_ in found] == ["GWC331"]


def test_what_all_routes_use_has_a_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large matcher in many routes is told at the route that was too much, and resolving ends there."""
    monkeypatch.setattr("gwc.compiler.resolve.blocks.MAX_WRITTEN_IN", 10_000)
    monkeypatch.setattr("gwc.compiler.resolve.MAX_WRITTEN_IN", 10_000)
    routes = "\n".join(f'route "r{n}" {{ matches {{ use "m" }}; respond }}' for n in range(100))
    result = compile_text(f'matcher "m" {{ header "x" }}\nroutes {{ {routes} }}', "kdl")
    assert [each.code for each in result.diagnostics] == ["GWC331"]


def test_alternatives_are_counted_over_all_routes() -> None:
    """Routes that are few enough each are too many together, before all are written out."""
    hosts = " ".join(f'"h{n}.test"' for n in range(500))
    paths = " ".join(f'"/{n}"' for n in range(300))
    route = f"matches {{ host {hosts}; path {paths} }}; respond"
    routes = "\n".join(f'route "r{n}" {{ {route} }}' for n in range(40))
    result = compile_text(f"routes {{ {routes} }}", "kdl")
    (only,) = result.diagnostics
    assert (only.code, only.headline) == (
        "GWC330",
        "the routes expand to more than 400000 alternatives",
    )
