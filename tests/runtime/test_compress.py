"""Which coding a client gets."""

from __future__ import annotations

import pytest
from gwc.runtime.encodings import chosen

OFFERED = ("zstd", "br", "gzip")


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("gzip, br, zstd", "zstd"),
        ("gzip;q=1, br;q=0.9", "gzip"),
        ("gzip;q=0", None),
        ("*", "zstd"),
        ("*;q=0.1, br", "br"),
        ("*, zstd;q=0", "br"),
        ("identity", None),
        ("identity, gzip;q=0.5", None),
        ("gzip, identity;q=0.5", "gzip"),
        ("x-gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip ; q=0.5 , br ; q=0.7", "br"),
        ("gzip;q=2", None),
        ("deflate", None),
        ("gzip;;q=1", None),
    ],
)
def test_choice(accepted: str, expected: str | None) -> None:
    """The client's weights count, then the order offered; what cannot be read is not wanted."""
    assert chosen(accepted, OFFERED) == expected
