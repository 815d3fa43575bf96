"""The verdict on all findings of one run: the worst of them, and the exit code that follows.

Owns the rule for findings: 0 clean, 1 findings at or above the threshold. The codes
for wrong usage and for bugs are the command line's own. No format of output has a say here.
"""

from __future__ import annotations

from collections.abc import Iterable

from gwc.schema.diagnostic import Diagnostic, Severity

CLEAN = 0
FINDINGS = 1


def worst(diagnostics: Iterable[Diagnostic]) -> Severity | None:
    """The highest severity among the findings, None if there are none."""
    return max((each.severity for each in diagnostics), default=None)


def exit_code(diagnostics: Iterable[Diagnostic], fail_on: Severity = Severity.ERROR) -> int:
    """1 if a finding is at least as bad as `fail_on`, else 0."""
    found = worst(diagnostics)
    return FINDINGS if found is not None and found >= fail_on else CLEAN


def count(diagnostics: Iterable[Diagnostic]) -> dict[Severity, int]:
    """How many findings there are of each severity, the worst first; every severity is a key."""
    counts = dict.fromkeys(sorted(Severity, reverse=True), 0)
    for each in diagnostics:
        counts[each.severity] += 1
    return counts
