"""Ports as text: the digits behind a colon.

Owns their spelling (no sign, no leading zero) and their range, 1 to 65535.
"""

from __future__ import annotations

from typing import Final

from .refusal import ValueRefusal, quoted

HIGHEST: Final = 65535

_NAMED: Final = {"http": 80, "https": 443, "http-alt": 8080}


def parse_port(text: str, offset: int = 0) -> int | ValueRefusal:
    """The port that `text` writes; `offset` is where it stands in what a person wrote."""
    if text.isascii() and text.isdigit() and text[0] != "0" and len(text) <= 5 and int(text) <= HIGHEST:
        return int(text)
    shown = quoted(text)
    if not text:
        return ValueRefusal(
            offset, 0, "the port is missing", "write a number from 1 to 65535 behind the colon"
        )
    if text in _NAMED:
        return ValueRefusal(offset, len(text), f"the port {shown} is not a number", f"write `{_NAMED[text]}`")
    if not (text.isascii() and text.isdigit()):
        return ValueRefusal(
            offset, len(text), f"the port {shown} is not a number", "write a number from 1 to 65535"
        )
    bare = text.lstrip("0")
    if bare != text and bare and len(bare) <= 5 and int(bare) <= HIGHEST:
        return ValueRefusal(offset, len(text), f"the port {shown} has leading zeros", f"write `{bare}`")
    return ValueRefusal(offset, len(text), f"{shown} is no port", "a port is a number from 1 to 65535")
