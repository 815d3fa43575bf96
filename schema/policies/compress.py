"""What a route says of compressing its replies, and of request bodies that come compressed."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Encoding = Literal["zstd", "br", "gzip"]

TYPES: Final = (
    "text/*",
    "application/json",
    "application/javascript",
    "application/xml",
    "application/xhtml+xml",
    "application/*+json",
    "application/*+xml",
    "application/x-ndjson",
    "application/wasm",
    "image/svg+xml",
)
"""Types whose bodies become shorter. What is compressed in itself (pictures, films, archives) is not here."""


class CompressRecord(NamedTuple):
    """Replies are compressed in the first of `encodings` that a client likes best, where their type is one of
    `types` (`*` any run of characters) and they are not known to be shorter than `least_bytes`.
    """

    encodings: tuple[Encoding, ...] = ("zstd", "br", "gzip")
    types: tuple[str, ...] = TYPES
    least_bytes: int = 1024


class DecompressRecord(NamedTuple):
    """How far a compressed request body is unpacked for a policy that reads it."""

    most_bytes: int = 10 * 1024 * 1024
    ratio: int = 100
