"""The compiled table and the oracle agree: who wins, what is captured, the order of all alternatives."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from gwc.schema.normalise.sample import sample_of
from hypothesis import given
from hypothesis import strategies as st

from .asking import requests
from .build import Asked, Row
from .holding import holds, is_late
from .oracle import Verdict, decide, matchers_of, rank
from .reading import Config, Refused
from .rows import ROWS
from .spelling import yaml
from .strategies import configs, crowded_configs
from .subject import Answer, answer, cached_table, ranking, table_for

REQUESTS_EACH = 6


def verdict_on(config: Config, asked: Asked) -> Verdict | Refused:
    """What the oracle says."""
    return decide(config, asked.raw, asked.address, late=asked.late, sample_of=sample_of)


def expected(verdict: Verdict) -> Answer:
    """The oracle's verdict as an answer."""
    winner = verdict.winner
    if winner is None:
        return Answer(404)
    return Answer(None, winner.id, winner.route, winner.match, dict(verdict.captures))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_rows(row: Row) -> None:
    """Every hand-written row holds of the compiled table too."""
    got = answer(cached_table(yaml(row.config), "yaml"), row.asked)
    if isinstance(row.expected, int):
        assert got.status == row.expected
    elif row.expected is None:
        assert got.status == 404
    else:
        numbered = "#" in row.expected
        assert row.expected == (f"{got.route}#{got.match}" if numbered else got.route)
        assert row.captures is None or got.captures == row.captures


@given(configs())
def test_order(config: Config) -> None:
    """All alternatives stand in the same order, under the same ids."""
    assert ranking(table_for(config)) == [
        (each.id, each.host.text if each.host else None, each.path.text if each.path else None)
        for each in rank(config)
    ]


def hold_together(data: st.DataObject, config: Config) -> None:
    """Requests made from the configuration's patterns get the same answer of both."""
    table = table_for(config)
    for _ in range(REQUESTS_EACH):
        asked = data.draw(requests(config))
        verdict = verdict_on(config, asked)
        got = answer(table, asked)
        if isinstance(verdict, Refused):
            assert got.status in verdict.statuses
        else:
            assert got == expected(verdict)
            assert got.asked_at == asks_for_body(verdict, matchers_of(config))


def asks_for_body(verdict: Verdict, matchers: Mapping[str, Config]) -> int | None:
    """The best rank of which all holds that can be told without the body, if it needs the body at all."""
    for place, each in enumerate(verdict.ranking):
        late = {step for step, (key, value) in enumerate(each.steps) if is_late(key, value, matchers)}
        early = [step for number, step in enumerate(each.steps) if number not in late]
        if all(holds(key, value, verdict.view, matchers) for key, value in early):
            return place if late else None
    return None


@given(st.data())
def test_winner_and_captures(data: st.DataObject) -> None:
    """Small configurations that use everything."""
    hold_together(data, data.draw(configs()))


@given(st.data())
def test_crowds(data: st.DataObject) -> None:
    """Configurations with many routes at one place, so that tables take their other forms."""
    hold_together(data, data.draw(crowded_configs()))
