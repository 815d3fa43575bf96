"""Configured text as the matcher compares it: UTF-8 bytes, one byte a character."""

from __future__ import annotations


def as_bytes_text(text: str) -> str:
    """`text` in UTF-8, each byte spelt as one latin-1 character; ASCII stays as it is."""
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("latin-1")
