"""The core schema of YAML 1.2: what an unquoted text means (https://yaml.org/spec/1.2.2/#103-core-schema).

Where YAML 1.1 would guess, the text stays text: `no`, `on`, `22:22`, `1_000`, `2024-01-01`. Numbers with
leading zeros stay text too (`010` is 8 to one reader and 10 to the other).
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from ..document import Scalar

_WORDS: dict[str, Scalar] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    **{word: float("nan") for word in (".nan", ".NaN", ".NAN")},
    **{sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
}
_NUMBER_STARTS = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_DECIMAL = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LONGEST_NUMBER = 1000
"""Python's int() takes quadratic time; nothing that a configuration counts needs this many digits."""


def resolve(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar."""
    if text[:1] not in _NUMBER_STARTS:
        return _WORDS.get(text, text)
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        try:
            return Decimal(text)
        except InvalidOperation:
            return text  # an exponent beyond what Decimal holds
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text[2:], 16)
    return _WORDS.get(text, text)
