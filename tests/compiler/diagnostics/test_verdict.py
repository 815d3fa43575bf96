"""The verdict on all findings of a run."""

from __future__ import annotations

import pytest
from gwc.compiler.diagnostics.verdict import count, exit_code, worst
from gwc.schema.diagnostic import Diagnostic, Severity

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


def of(*severities: Severity) -> list[Diagnostic]:
    """Findings of these severities."""
    return [Diagnostic("GWC401", severity, "h") for severity in severities]


@pytest.mark.parametrize(
    ("severities", "fail_on", "code"),
    [
        ((), NOTE, 0),
        ((NOTE,), NOTE, 1),
        ((NOTE,), WARNING, 0),
        ((NOTE, WARNING), WARNING, 1),
        ((WARNING, NOTE), ERROR, 0),
        ((NOTE, ERROR, WARNING), ERROR, 1),
    ],
)
def test_the_exit_code_follows_from_the_worst_finding(
    severities: tuple[Severity, ...], fail_on: Severity, code: int
) -> None:
    """At or above the threshold is 1, below it is 0."""
    assert exit_code(of(*severities), fail_on) == code


def test_errors_alone_fail_by_default() -> None:
    """The threshold is an error unless somebody asks for another."""
    assert exit_code(of(WARNING)) == 0
    assert exit_code(of(ERROR)) == 1


def test_the_worst_of_nothing_is_nothing() -> None:
    """There is no severity without a finding."""
    assert worst(()) is None
    assert worst(of(NOTE, WARNING, NOTE)) is WARNING


def test_every_severity_is_counted() -> None:
    """The worst comes first, and none is left out."""
    assert list(count(of(NOTE, WARNING, NOTE)).items()) == [(ERROR, 0), (WARNING, 1), (NOTE, 2)]
