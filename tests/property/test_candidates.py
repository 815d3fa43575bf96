"""What `explain` says of every alternative agrees with the oracle."""

from __future__ import annotations

from dataclasses import replace

from gwc.runtime.candidates import explain_candidates, holding
from gwc.schema.normalise.sample import sample_of
from gwc.schema.request import Late, Rejection
from hypothesis import given
from hypothesis import strategies as st

from .asking import requests
from .holding import Pattern
from .oracle import Verdict, decide, first_failure, matchers_of
from .strategies import configs
from .subject import head_of, table_for

REQUESTS_EACH = 4
KEYS = {"exact": "path", "prefix": "path-prefix", "template": "path-template", "regex": "path-regex"}


@given(st.data())
def test_who_holds_and_why_not(data: st.DataObject) -> None:
    """Who holds; of who does not, the first predicate that fails, in the order written."""
    config = data.draw(configs())
    table = table_for(config)
    matchers = matchers_of(config)
    for _ in range(REQUESTS_EACH):
        asked = data.draw(requests(config))
        head = head_of(table, asked)
        verdict = decide(config, asked.raw, asked.address, late=asked.late, sample_of=sample_of)
        if isinstance(head, Rejection) or not isinstance(verdict, Verdict):
            continue
        head = replace(head, late=asked.late or Late())
        held = [rank for rank, holds in enumerate(verdict.holds) if holds]
        assert holding(table, head) == held
        candidates = explain_candidates(table, head, limit=len(verdict.ranking))
        assert [each.rank for each in candidates] == sorted(
            (rank for rank in range(len(verdict.ranking)) if rank not in held[:1]),
            key=lambda rank: (not in_place(verdict, rank), rank),
        )
        for each in candidates:
            judged = verdict.ranking[each.rank]
            assert (each.id, each.route, each.match) == (judged.id, judged.route, judged.match)
            failure = first_failure(judged, verdict.view, matchers)
            assert each.holds == (failure is None)
            if failure is None:
                assert each.failed is None
            else:
                key, value = failure
                name = KEYS[value.kind] if isinstance(value, Pattern) and key == "path" else key
                assert str(each.failed).split(" ")[0] == name


def in_place(verdict: Verdict, rank: int) -> bool:
    """Whether all hosts and paths of an alternative hold, inherited ones too."""
    steps = [step for step in verdict.ranking[rank].steps if step[0] in ("host", "path")]
    return first_failure(replace(verdict.ranking[rank], steps=tuple(steps)), verdict.view, {}) is None


@given(st.data())
def test_few_candidates(data: st.DataObject) -> None:
    """With a limit, those in place come first, and no more are shown than asked for."""
    config = data.draw(configs())
    table = table_for(config)
    asked = data.draw(requests(config))
    limit = data.draw(st.integers(0, 10))
    head = head_of(table, asked)
    verdict = decide(config, asked.raw, asked.address, late=asked.late, sample_of=sample_of)
    if isinstance(head, Rejection) or not isinstance(verdict, Verdict):
        return
    shown = explain_candidates(table, replace(head, late=asked.late or Late()), limit=limit)
    others = [rank for rank, each in enumerate(verdict.ranking) if each is not verdict.winner]
    placed = [rank for rank in others if in_place(verdict, rank)]
    ranks = [each.rank for each in shown]
    assert len(ranks) == min(limit, len(others))
    assert ranks[: len(placed)] == placed[:limit]
    misses = ranks[len(placed) :]
    assert misses == sorted(misses)
