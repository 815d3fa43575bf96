"""Values of header fields that the gateway writes: text with variables, safe to put on a line.

Owns what must not stand in them (RFC 9110 section 5.5): control characters, above all CR and LF, which would
begin another field. What a variable holds is the runtime's to judge.
"""

from __future__ import annotations

import re
from typing import Final

from ..template.value import ValueTemplate, parse_value
from .refusal import ValueRefusal, quoted

_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NAMED: Final = {"\r": "a carriage return", "\n": "a line feed", "\0": "a NUL"}


def parse_field_value(text: str) -> ValueTemplate | ValueRefusal:
    """The value, taken apart at its variables. Spaces and tabs around it are refused: none would arrive."""
    plain = parse_plain_value(text)
    return plain if isinstance(plain, ValueRefusal) else parse_value(text)


def parse_plain_value(text: str) -> str | ValueRefusal:
    """The value as it is, in which nothing is filled in."""
    control = _CONTROL.search(text)
    if control is not None:
        char = control[0]
        named = _NAMED.get(char, f"the control character {quoted(char)}")
        advice = "a field is one line" if char in "\r\n" else "take it out"
        return ValueRefusal(control.start(), 1, f"the value of a header field cannot hold {named}", advice)
    if text[:1] in (" ", "\t"):
        return ValueRefusal(
            0, 1, "the value of a header field begins with a space", "take it out: it is not sent"
        )
    if text[-1:] in (" ", "\t"):
        return ValueRefusal(
            len(text) - 1, 1, "the value of a header field ends in a space", "take it out: it is not sent"
        )
    return text
