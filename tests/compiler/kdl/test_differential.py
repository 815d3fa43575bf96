"""All ways to read KDL agree: a small, always equal slice of tools/fuzz/kdl_differential.py."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from .test_suite import load

ROOT = Path(__file__).parents[3]
fuzz = load(ROOT / "tools" / "fuzz" / "kdl_differential.py")


def test_mutated_documents_are_read_alike() -> None:
    """Fast path, fine path and plain grammar agree on 600 documents made of the seeds in the repository."""
    comparison = fuzz.Comparison()
    for text in islice(fuzz.documents(1, fuzz.SEEDS), 600):
        assert comparison.problem(text) is None, text
    assert comparison.accepted > 50
    assert comparison.compared > 500


@pytest.mark.slow
def test_many_mutated_documents_are_read_alike() -> None:
    """The same for 5000 documents, the official suite's among the seeds."""
    comparison = fuzz.Comparison()
    for text in islice(fuzz.documents(2, fuzz.corpus()), 5_000):
        assert comparison.problem(text) is None, text


def test_the_comparison_notices_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """An oracle that reads otherwise is a problem; so a silent comparison is not an empty one."""
    comparison = fuzz.Comparison()
    monkeypatch.setattr(comparison.oracle, "parse_plain", lambda text: None)
    assert "by the grammar None" in str(comparison.problem("a b"))


def test_the_plain_grammar_reads_the_seeds() -> None:
    """The oracle is no rubber stamp: it reads the good seeds and rejects the two bad ones."""
    comparison = fuzz.Comparison()
    read = [comparison.oracle.parse_plain(text) is not None for text in fuzz.SEEDS]
    assert read.count(False) == 1
