"""Groups that begin with `(?` and are none of the dialect's.

Owns their names and what to do without them: lookaround, back-references, flags, other ways to
name a group.
"""

from __future__ import annotations

import re
from typing import Final

from .refusal import refuse, shown

_INLINE_FLAGS: Final = re.compile(r"\(\?[a-zA-Z]*(?:-[a-zA-Z]+)?[:)]")
_OTHER_NAME: Final = re.compile(r"\(\?<([A-Za-z_][A-Za-z0-9_]*)>")

_GROUPS: Final = (
    ("(?<=", "lookbehind", "write what stands before as part of the pattern"),
    ("(?<!", "lookbehind", "say what may stand there, or use `not` with a second condition"),
    ("(?=", "lookahead", "write what follows as part of the pattern"),
    ("(?!", "lookahead", "say what may stand there, or use `not` with a second condition"),
    ("(?>", "atomic group", "write `(?:`: a pattern takes linear time without it"),
    ("(?P=", "back-reference", "write out what may stand there"),
    ("(?P>", "recursion", "write out what may stand there"),
    ("(?R", "recursion", "write out what may stand there"),
    ("(?&", "recursion", "write out what may stand there"),
    ("(?(", "conditional", "write both cases as alternatives, with `|`"),
    ("(?|", "branch reset", "write `(?:`"),
    ("(?#", "comment", "put it in a comment of the file"),
    ("(?'", "group name", "write `(?P<name>`"),
)
"""How the groups begin that the dialect has not, with a name and what to do instead."""


def refused_group(text: str, start: int) -> Exception:
    """The refusal of a group that begins with `(?` and is none of ours."""
    for opening, construct, advice in _GROUPS:
        if text.startswith(opening, start):
            return refuse(start, len(opening), construct, f"`{opening}` begins a {construct}", advice)
    named = _OTHER_NAME.match(text, start)
    if named is not None:
        return refuse(
            start,
            len(named[0]),
            "group name",
            f"`{shown(named[0])}` is not how a group gets its name here",
            f"write `(?P<{shown(named[1])}>`",
        )
    flags = _INLINE_FLAGS.match(text, start)
    if flags is not None and flags[0] != "(?)":
        if flags[0] == "(?i)":
            advice = "put it at the very beginning of the pattern"
        elif "i" in flags[0]:
            advice = "write `(?i)` at the very beginning of the pattern, alone"
        else:
            advice = "take it out: `.` is any byte but a line feed, and `[^a]` takes line feeds too"
        return refuse(
            start, len(flags[0]), "inline flag", f"`{flags[0]}` sets flags inside the pattern", advice
        )
    return refuse(start, 2, "group", "`(?` begins no group of the dialect", "write `(?:` or `(?P<name>`")
