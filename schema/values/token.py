"""Tokens (RFC 9110 section 5.6.2): what names of methods, header fields and cookies are made of.

Owns the set of characters and the words for what is not in it.
"""

from __future__ import annotations

import re
from typing import Final

from .refusal import ValueRefusal, quoted

CHARACTERS: Final = "!#$%&'*+.^_`|~0-9A-Za-z-"
"""The characters of a token, as they stand in a class of a regular expression."""

_STRANGER: Final = re.compile(f"[^{CHARACTERS}]")


def refuse_token(text: str, what: str, longest: int) -> ValueRefusal | None:
    """What keeps `text` from being a token of at most `longest` characters, None if it is one.

    `what` is said with its article: `a header name`.
    """
    if not text:
        return ValueRefusal(0, 0, f"{what} is empty", "write letters, digits and `-`")
    stranger = _STRANGER.search(text)
    if stranger is not None:
        char = stranger[0]
        named = {" ": "a space", "\t": "a tab"}.get(char, quoted(char))
        return ValueRefusal(
            stranger.start(),
            1,
            f"{what} cannot hold {named}",
            "it is made of letters, digits and ``!#$%&'*+-.^_`|~``",
        )
    if len(text) > longest:
        return ValueRefusal(
            longest, len(text) - longest, f"{what} is {len(text)} characters long", f"{longest} are allowed"
        )
    return None
