"""Media types: `text/html`, with `*` for any run of characters where types are chosen, with parameters where
one is said of a body (RFC 9110 section 8.3.1).
"""

from __future__ import annotations

import re
from typing import Final

from .refusal import ValueRefusal, quoted, whole
from .token import CHARACTERS

_TYPE: Final = f"[{CHARACTERS}]+/[{CHARACTERS}]+"
_PATTERN: Final = re.compile(_TYPE)
_WHOLE: Final = re.compile(rf'{_TYPE}(?: *; *[{CHARACTERS}]+=(?:[{CHARACTERS}]+|"[ !#-\[\]-~]*"))*')


def parse_media_type(text: str) -> str | ValueRefusal:
    """A type or a pattern of types, in lower case."""
    if _PATTERN.fullmatch(text):
        return text.lower()
    if _WHOLE.fullmatch(text):
        return whole(text, f"{quoted(text)} has a parameter", "leave it out: types are compared without")
    return _refuse(text, "write a type such as `text/html`, or `text/*` for all of a kind")


def parse_content_type(text: str) -> str | ValueRefusal:
    """A type with its parameters, as it is sent."""
    if _WHOLE.fullmatch(text) and "*" not in text:
        return text
    return _refuse(text, "write a type such as `text/html; charset=utf-8`")


def _refuse(text: str, how: str) -> ValueRefusal:
    return whole(text, f"{quoted(text)} is no media type" if text else "a media type is empty", how)
