"""Markers: what a golden case says of itself, on the line that it says it of.

    route "a" { respond } // error: [GWC301]
    route "b" {           // warning: [GWC402] error: [GWC303]
    "                     // a line that cannot carry a comment is marked from below:
    // error^: [GWC101]      one `^` for each line up

What no line can carry (a finding without a place, a file that is no text) stands in the case's file
`unmarked`, one a line: `error GWC001`, or with its place `error GWC004 gwc.kdl:3`. So a refresh of the
expected output can never hide that a finding was lost, and cannot hide a new error or warning either. Notes
may go unmarked.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from .adapter import Finding

NOT_INPUT: Final = ("command", "expected.txt", "unmarked")

_MARKER: Final = re.compile(r"\b(error|warning|note)(\^*): \[(GWC[0-9]{3})\]")
_UNMARKED: Final = re.compile(r"(error|warning|note) (GWC[0-9]{3})(?: (\S+):([0-9]+))?")


def marked(case: Path) -> list[Finding]:
    """Every finding that the case's files announce, sorted."""
    found: list[Finding] = []
    for path in sorted(case.rglob("*")):
        if path.name in NOT_INPUT or not path.is_file():
            continue
        lines = re.split(r"\r\n?|\n", path.read_bytes().decode("utf-8", "replace"))
        name = path.relative_to(case).as_posix()
        for number, line in enumerate(lines, 1):
            for severity, up, code in _MARKER.findall(line):
                found.append(Finding(name, number - len(up), severity, code))
    listed = case / "unmarked"
    for line in listed.read_text(encoding="utf-8").splitlines() if listed.exists() else ():
        entry = _UNMARKED.fullmatch(line)
        assert entry is not None, f"{listed}: {line!r} is no finding"
        severity, code, file, at = entry.groups()
        found.append(Finding(file or "", int(at or 0), severity, code))
    return sorted(found)


def differences(announced: list[Finding], found: list[Finding]) -> list[str]:
    """What was announced and not found, and what was found and not announced (but for notes)."""
    missing, surplus = list(announced), []
    for each in found:
        if each in missing:
            missing.remove(each)
        elif each.severity != "note":
            surplus.append(each)
    return [
        *(
            f"announced and not found: {each.severity} {each.code} {each.file}:{each.line}"
            for each in missing
        ),
        *(
            f"found and not announced: {each.severity} {each.code} {each.file}:{each.line}"
            for each in surplus
        ),
    ]
