"""Balancing and health: what is refused or advised against, each at the smallest place that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from gwc.compiler.pipeline import compile_text

LONG = '"0123456789abcdef"'

SAID = [
    # (what an upstream of two targets says, [(code, the place)])
    ('balance "least-request"', [("GWC212", '"least-request"')]),
    ('balance "hash"', [("GWC355", '"hash"')]),
    ('balance "hash" "client-ip" header="x"', [("GWC355", "header")]),
    ('balance "hash" "host"', [("GWC212", '"host"')]),
    ('balance "latency" cookie="x"', [("GWC324", "cookie")]),
    ('balance "hash" "path"; slow-start "1s"', [("GWC324", "slow-start")]),
    ('slow-start "0s"', [("GWC235", "0s")]),
    ('sticky-cookie { ttl "1h" }', [("GWC205", "sticky-cookie")]),
    ('sticky-cookie { secret "short" }', [("GWC356", '"short"')]),
    (f"sticky-cookie {{ secret {LONG} }}", [("GWC441", LONG)]),
    ('sticky-cookie { secret "${env:1}" }', [("GWC231", "${env:1}")]),
    ('sticky-cookie { secret "${env:S}"; name "a b" }', [("GWC230", " ")]),
    ('ejection { status "6xx" }', [("GWC354", "6xx")]),
    ('ejection { status "504-500" }', [("GWC354", "504-500")]),
    ("breaker { status 99 }", [("GWC211", "99")]),
    ("ejection { consecutive-failures 0 }", [("GWC211", "0")]),
    ('ejection { over "1s" }', [("GWC324", "over")]),
    ("ejection { requests 7 }", [("GWC324", "requests")]),
    ('ejection { consecutive-failures "off" }', [("GWC324", "consecutive-failures")]),
    ('ejection { most "101%" }', [("GWC232", "101%")]),
    ('breaker { scope "targets" }', [("GWC212", '"targets"')]),
    ('panic "50%"', [("GWC324", "panic")]),
    ('health "tcp" path="/x"', [("GWC324", "path")]),
    ('health "tcp" { host "a.b" }', [("GWC324", "host")]),
    ('health "http" { service "x" }', [("GWC324", "service")]),
    ('health path="x"', [("GWC227", "x")]),
    ('health "udp"', [("GWC212", '"udp"')]),
    ('health { interval "off" }', [("GWC235", "off")]),
    ("health; ejection; breaker", None),
    ('health; panic "50%"; balance "hash" query="x"', []),
]


@pytest.mark.parametrize(("said", "wanted"), SAID)
def test_what_is_wrong_is_told_where_it_stands(said: str, wanted: list[tuple[str, str]] | None) -> None:
    """Each mistake has its code and its place."""
    text = (
        'listeners { listener "a" { address "127.0.0.1:80" } }\n'
        f'upstreams {{ upstream "u" {{ target "10.0.0.1:1"; target "10.0.0.2:1"; {said} }} }}\n'
        'routes { route "r" { upstream "u" } }\n'
    )
    found = compile_text(text, "kdl").diagnostics
    if wanted is None:
        assert found
        return
    shown = [(each.code, text[each.span.start : each.span.end] if each.span else "") for each in found]
    assert [code for code, _ in shown] == [code for code, _ in wanted]
    for (_, place), (_, at) in zip(shown, wanted, strict=True):
        assert place.strip('"') == at.strip('"') or at in place


def test_one_target_alone() -> None:
    """Ejection and slow start are advised against; a name may be several."""
    for target, count in (("10.0.0.1:1", 2), ("unix:/x", 2), ("a.b:1", 0), ("${env:A}", 0)):
        said = 'slow-start "1s"; ejection { time "1s" }'
        text = (
            'listeners { listener "a" { address "127.0.0.1:80" } }\n'
            f'upstreams {{ upstream "u" {{ target "{target}"; {said} }} }}\n'
            'routes { route "r" { upstream "u" } }\n'
        )
        codes = [each.code for each in compile_text(text, "kdl").diagnostics]
        assert codes.count("GWC440") == count, codes


def test_a_secret_is_looked_for() -> None:
    """`check --env` finds the variable of a sticky cookie missing, as a gateway does when it loads."""
    from gwc.runtime.secrets import Secrets, SecretsMissing

    text = (
        'listeners { listener "a" { address "127.0.0.1:80" } }\n'
        'upstreams { upstream "u" { target "10.0.0.1:1"; sticky-cookie { secret "${env:NO_SUCH}" } } }\n'
        'routes { route "r" { upstream "u" } }\n'
    )
    table = compile_text(text, "kdl").table
    assert table is not None
    with pytest.raises(SecretsMissing, match="NO_SUCH"):
        Secrets({}, Path()).check(table)


def test_explain_shows_how_targets_are_chosen() -> None:
    """As data and in words, without the secret."""
    from gwc.runtime.choosing_shown import choosing_line, choosing_shown

    said = (
        'balance "hash" header="x"; sticky-cookie { secret "0123456789abcdef"; ttl "1h" }; health path="/h"\n'
        'ejection { error-share "50%" }; breaker; panic "40%"'
    )
    text = (
        'listeners { listener "a" { address "127.0.0.1:80" } }\n'
        f'upstreams {{ upstream "u" {{ target "10.0.0.1:1"; target "10.0.0.2:1"; {said} }} }}\n'
        'routes { route "r" { upstream "u" } }\n'
    ).replace("breaker;", "breaker { failures 5 };")
    table = compile_text(text, "kdl").table
    assert table is not None
    choosing = table.upstreams[0].choosing
    assert choosing is not None
    shown = choosing_shown(choosing)
    assert "0123456789abcdef" not in repr(shown)
    assert choosing_line(shown) == (
        "balance hash by header x, sticky cookie gwc-target, probes http /h every 10s, "
        "ejection after 5 failures in a row or 50% failures for 30s, "
        "breaker of target opens after 5 failures for 30s, panic below 40%"
    )
