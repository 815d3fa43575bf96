"""Names of header fields: tokens of at most 256 bytes, of which the case does not count."""

from __future__ import annotations

import re
from typing import Final

from .refusal import ValueRefusal, quoted, whole
from .token import CHARACTERS, refuse_token

_NAME: Final = re.compile(f"[{CHARACTERS}]{{1,256}}")
_WITH_VALUE: Final = re.compile(f"([{CHARACTERS}]{{1,64}}): *(.{{0,60}})")


def parse_header_name(text: str) -> str | ValueRefusal:
    """The name in lower case. Which names a key refuses is the key's matter."""
    if _NAME.fullmatch(text):
        return text.lower()
    if text.startswith(":") and _NAME.fullmatch(text, 1):
        return whole(
            text,
            f"{quoted(text)} is a pseudo header, not a field",
            "use `method`, `scheme`, `host` or `path`",
        )
    with_value = _WITH_VALUE.fullmatch(text)
    if with_value is not None:
        advice = (
            f'write `"{with_value[1]}" "{with_value[2]}"`' if with_value[2] else f"write `{with_value[1]}`"
        )
        return ValueRefusal(with_value.end(1), 1, "a header name is written without a colon", advice)
    refusal = refuse_token(text, "a header name", 256)
    assert refusal is not None
    return refusal
