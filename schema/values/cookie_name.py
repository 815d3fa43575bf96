"""Names of cookies (RFC 6265 section 4.1.1): tokens of at most 256 bytes, case-sensitive."""

from __future__ import annotations

import re
from typing import Final

from .refusal import ValueRefusal
from .token import CHARACTERS, refuse_token

_NAME: Final = re.compile(f"[{CHARACTERS}]{{1,256}}")


def parse_cookie_name(text: str) -> str | ValueRefusal:
    """The name as it was written."""
    if _NAME.fullmatch(text):
        return text
    refusal = refuse_token(text, "a cookie name", 256)
    assert refusal is not None
    if text[refusal.offset : refusal.offset + 1] == "=":
        return ValueRefusal(
            refusal.offset, 1, "a cookie name ends before the `=`", "write the name and the value apart"
        )
    return refusal
