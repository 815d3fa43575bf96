"""Methods of requests: tokens of at most 32 bytes, case-sensitive."""

from __future__ import annotations

import re
from typing import Final

from .refusal import ValueRefusal, quoted, whole
from .token import CHARACTERS, refuse_token

_METHOD: Final = re.compile(f"[{CHARACTERS}]{{1,32}}")
_LIST: Final = re.compile(r"[A-Za-z]+(?:[ ,|/;]+[A-Za-z]+)+")


def parse_method(text: str) -> str | ValueRefusal:
    """The method as it was written; upper and lower case differ."""
    if _METHOD.fullmatch(text):
        return text
    if len(text) < 200 and _LIST.fullmatch(text):
        methods = re.split(r"[ ,|/;]+", text)
        listed = " ".join(f'"{method}"' for method in methods)
        return whole(text, f"{quoted(text)} is several methods in one", f"write each for itself: {listed}")
    refusal = refuse_token(text, "a method", 32)
    assert refusal is not None
    return refusal
