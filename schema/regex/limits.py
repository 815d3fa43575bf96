"""How large a pattern may be.

Owns the figures and why they are what they are. The linear engine takes time in the product of text and
program, so the size of a program bounds what one request can cost: 2000 positions and a field of 8 KiB are
about 0.1 s on the slowest path of google-re2, the ordinary path is a hundred times faster.
"""

from __future__ import annotations

from typing import Final

MAX_LENGTH: Final = 4096
"""Bytes of a pattern."""

MAX_COUNT: Final = 1000
"""The largest count, and the largest product of counts inside each other: google-re2 takes no more."""

MAX_POSITIONS: Final = 2000
"""Single-byte items of a pattern after its counts are written out."""

MAX_NESTING: Final = 50
"""Groups inside each other. Every stage that walks the tree recurses, and so does `re`."""

MAX_GROUP_NAME: Final = 64
"""Characters of the name of a group."""
