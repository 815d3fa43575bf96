"""Bytes of a request as they may stand in a sentence: quoted, escaped, cut short.

Owns the quoting alone. Nothing that a client sent reaches a log or a terminal otherwise.
"""

from __future__ import annotations

_LONGEST = 60


def quoted(data: bytes | str) -> str:
    """The bytes in backticks: printable ASCII as it is, the rest and the backslash as `\\xNN`, 60 at most."""
    raw = data if isinstance(data, bytes) else data.encode("latin-1", "replace")
    shown = "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b"\\`" else f"\\x{byte:02x}"
        for byte in raw[:_LONGEST]
    )
    return f"`{shown}`" if len(raw) <= _LONGEST else f"`{shown}`…"
