"""Names that a person gives: listeners, upstreams, routes, groups, matchers.

Owns their characters: letters, digits and `. _ - / :`, at most 200, beginning with a letter or digit. Names
stand in logs, metrics, URLs of the admin API and command lines, unquoted.
"""

from __future__ import annotations

import re
from typing import Final

from .refusal import ValueRefusal, quoted

LONGEST: Final = 200

_NAME: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._/:-]{{0,{LONGEST - 1}}}")
_STRANGER: Final = re.compile(r"[^A-Za-z0-9._/:-]")
_RUN: Final = re.compile(r"[^A-Za-z0-9._/:-]+")


def parse_name(text: str) -> str | ValueRefusal:
    """The name as it was written; upper and lower case differ."""
    if _NAME.fullmatch(text):
        return text
    if not text:
        return ValueRefusal(0, 0, "a name is empty", "write letters, digits and `. _ - / :`")
    if len(text) > LONGEST:
        return ValueRefusal(
            LONGEST, len(text) - LONGEST, f"a name is {len(text)} characters long", f"{LONGEST} are allowed"
        )
    instead = _RUN.sub("-", text).strip("._/:-")
    advice = f"write `{instead}`" if instead else "a name is letters, digits and `. _ - / :`"
    stranger = _STRANGER.search(text)
    if stranger is None:
        return ValueRefusal(0, 1, f"a name cannot begin with {quoted(text[0])}", advice)
    char = stranger[0]
    named = {" ": "a space", "\t": "a tab"}.get(char, quoted(char))
    return ValueRefusal(stranger.start(), 1, f"a name cannot hold {named}", advice)
