"""Content codings (RFC 9110 section 8.4.1): which one a client wants, bodies packed piece by piece, and
unpacked within limits.

Owns the three libraries and nothing of when they are used.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from typing import Final, Protocol

_GZIP: Final = 16 + zlib.MAX_WBITS
_GZIP_LEVEL: Final = 5
_BROTLI_QUALITY: Final = 4
_ZSTD_LEVEL: Final = 3
_STEP: Final = 64 * 1024
_LITTLE: Final = 512

_ELEMENT = re.compile(r"([\w!#$%&'*+.^`|~-]+)[ \t]*(?:;[ \t]*q=([01](?:\.[0-9]{0,3})?))?", re.ASCII)

KNOWN: Final = ("gzip", "x-gzip", "deflate", "br", "zstd")
"""The codings that can be unpacked."""


class Packer(Protocol):
    """Packs one body. `flush`: everything that went in can be unpacked by what came out so far."""

    def feed(self, data: bytes) -> bytes:
        """A piece; what comes out may be nothing yet."""

    def flush(self) -> bytes:
        """What was held back."""

    def end(self) -> bytes:
        """The rest."""


class _Gzip:
    def __init__(self) -> None:
        self._packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP)

    def feed(self, data: bytes) -> bytes:
        return self._packer.compress(data)

    def flush(self) -> bytes:
        return self._packer.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        return self._packer.flush()


class _Brotli:
    def __init__(self) -> None:
        import brotli

        self._packer = brotli.Compressor(quality=_BROTLI_QUALITY)

    def feed(self, data: bytes) -> bytes:
        return bytes(self._packer.process(data))

    def flush(self) -> bytes:
        return bytes(self._packer.flush())

    def end(self) -> bytes:
        return bytes(self._packer.finish())


class _Zstd:
    def __init__(self) -> None:
        import zstandard

        self._packer = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()
        self._part = zstandard.COMPRESSOBJ_FLUSH_BLOCK

    def feed(self, data: bytes) -> bytes:
        return self._packer.compress(data)

    def flush(self) -> bytes:
        return self._packer.flush(self._part)

    def end(self) -> bytes:
        return self._packer.flush()


def packer(encoding: str) -> Packer:
    """A new packer for `gzip`, `br` or `zstd`."""
    if encoding == "gzip":
        return _Gzip()
    return _Brotli() if encoding == "br" else _Zstd()


class Unpackable(ValueError):
    """Raised where a body cannot be unpacked; `too_long`: it would be longer than it may be."""

    def __init__(self, detail: str, *, too_long: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.too_long = too_long


def unpacked(body: bytes, codings: str, most: int, ratio: int) -> bytes:
    """The body without its codings, the last one first.

    It may have `most` bytes, and `ratio` times those that came: a small body that unpacks to a huge one is an
    attack. Errors: Unpackable.
    """
    named = [each.strip(" \t").lower() for each in codings.split(",") if each.strip(" \t")]
    if len(named) > 2:
        raise Unpackable("more than two codings")
    limit = min(most, max(len(body), 1) * ratio)
    for coding in reversed(named):
        if coding == "identity":
            continue
        if coding not in KNOWN:
            raise Unpackable(f"the coding `{coding}` is not understood")
        body = _unpacked(body, coding, limit)
    return body


def _unpacked(body: bytes, coding: str, limit: int) -> bytes:
    try:
        if coding == "br":
            return _unpacked_br(body, limit)
        if coding == "zstd":
            return _unpacked_zstd(body, limit)
        return _unpacked_zlib(body, coding, limit)
    except Unpackable:
        raise
    except Exception as fault:  # each library has errors of its own
        raise Unpackable(f"the body is not {coding}") from fault


def _unpacked_zlib(body: bytes, coding: str, limit: int) -> bytes:
    # RFC 9110 section 8.4.1.2: deflate is the zlib format; some send it bare.
    bits = (zlib.MAX_WBITS, -zlib.MAX_WBITS) if coding == "deflate" else (_GZIP,)
    for number, each in enumerate(bits):
        unpacker = zlib.decompressobj(each)
        try:
            found = unpacker.decompress(body, limit + 1)
        except zlib.error:
            if number + 1 < len(bits):
                continue
            raise
        if len(found) > limit:
            raise Unpackable(f"unpacked it has more than {limit} bytes", too_long=True)
        if not unpacker.eof or unpacker.unused_data:
            raise Unpackable(f"the body is not {coding}")
        return found
    raise AssertionError("one of the forms raises or returns")


def _unpacked_br(body: bytes, limit: int) -> bytes:
    import brotli

    unpacker = brotli.Decompressor()
    pieces = [unpacker.process(body, output_buffer_limit=_STEP)]
    total = len(pieces[0])
    while not unpacker.is_finished():
        if total > limit:
            raise Unpackable(f"unpacked it has more than {limit} bytes", too_long=True)
        piece = unpacker.process(b"", output_buffer_limit=_STEP)
        if not piece and unpacker.can_accept_more_data():
            raise Unpackable("the body is not br")
        pieces.append(piece)
        total += len(piece)
    if total > limit:
        raise Unpackable(f"unpacked it has more than {limit} bytes", too_long=True)
    return b"".join(pieces)


def _unpacked_zstd(body: bytes, limit: int) -> bytes:
    import zstandard

    unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 23).decompressobj()
    pieces: list[bytes] = []
    total = at = 0
    # The library unpacks all of what it gets, 32 000 times as much at worst: it gets little at once.
    while at < len(body) and not unpacker.eof:
        piece = unpacker.decompress(body[at : at + _LITTLE])
        at += _LITTLE
        total += len(piece)
        if total > limit:
            raise Unpackable(f"unpacked it has more than {limit} bytes", too_long=True)
        pieces.append(piece)
    if not unpacker.eof or unpacker.unused_data or at < len(body):
        raise Unpackable("the body is not zstd")
    return b"".join(pieces)


# PERF: clients say few things; a memo that is bounded.
@lru_cache(maxsize=512)
def chosen(accepted: str, offered: tuple[str, ...]) -> str | None:
    """The coding that an Accept-Encoding field wants most, the first offered among equals; None: as it is."""
    weights: dict[str, float] = {}
    for each in accepted.lower().split(","):
        found = _ELEMENT.fullmatch(each.strip(" \t"))
        if found is not None:
            weights.setdefault(found[1], float(found[2] or 1))
    other = weights.get("*", 0.0)
    best, most = None, 0.0
    for coding in offered:
        weight = weights.get(coding, other)
        if coding == "gzip" and coding not in weights:
            weight = weights.get("x-gzip", other)
        if weight > most:
            best, most = coding, weight
    if best is not None and weights.get("identity", 0.0) > most:
        return None
    return best
