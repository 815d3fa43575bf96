"""Hashes of keys: `sha256:` and 64 hexadecimal digits."""

from __future__ import annotations

import re
from typing import Final

from .refusal import ValueRefusal, whole

_HASH: Final = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")
_ADVICE: Final = 'write `sha256:` and what `printf %s "$KEY" | sha256sum` prints'


def parse_key_hash(text: str) -> bytes | ValueRefusal:
    """The 32 bytes of a hash; none yet where a reference stands for it. `sha256:` may be left out."""
    if "${" in text:
        from ..template.value import ValueTemplate, parse_value

        found = parse_value(text, variables=False)
        return b"" if isinstance(found, ValueTemplate) else found
    matched = _HASH.fullmatch(text)
    if matched is not None:
        return bytes.fromhex(matched[1])
    # What was written may be the key itself: it is not shown.
    return whole(text, "this is not the SHA-256 of a key", _ADVICE)
