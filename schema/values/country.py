"""Codes of countries: two letters, as of ISO 3166-1."""

from __future__ import annotations

import re
from typing import Final

from .refusal import ValueRefusal, quoted, whole

_CODE: Final = re.compile(r"[A-Za-z]{2}")
_NEAR: Final = {"UK": "GB", "EN": "GB"}


def parse_country(text: str) -> str | ValueRefusal:
    """The code in capitals."""
    code = text.upper()
    if code in _NEAR:
        return whole(text, f"{quoted(text)} is not the code of a country", f"did you mean `{_NEAR[code]}`?")
    if _CODE.fullmatch(text) is None:
        advice = "write the two letters of ISO 3166-1, such as `DE`"
        return whole(text, f"{quoted(text)} is not the code of a country", advice)
    return code
