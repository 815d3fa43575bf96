"""`compress`: replies packed in a coding that the client understands.

Owns which replies are packed (as nginx's gzip and Caddy's encode decide, RFC 9110 section 12.5.3) and what
then becomes of their fields. A reply is left alone that is packed already, is a part (206), has no body, says
`no-transform`, or is short.
"""

from __future__ import annotations

import re
from fnmatch import translate
from typing import Final

from gwc.schema.policies.compress import CompressRecord
from gwc.schema.table import RouteSettings

from ..encodings import Packer, chosen, packer
from ..filter import Filter, FilterContext, Phase, ReplyOutcome
from ..reply import Reply
from .build import Making

_NEVER: Final = (204, 205, 206, 304)


class Compress(Filter):
    """Packs replies. Where several codings are wanted alike, the first that is configured counts."""

    name = "compress"
    phase = Phase.CODING

    def __init__(self, record: CompressRecord) -> None:
        self._record = record
        self._types = re.compile("|".join(translate(each.lower()) for each in record.types))

    def on_reply(self, context: FilterContext, reply: Reply) -> ReplyOutcome:
        """See Filter."""
        if reply.status in _NEVER or reply.status < 200 or reply.length == 0:
            return None
        fields = reply.fields()
        values: dict[str, str] = {}
        for name, value in fields:
            values[name] = f"{values[name]}, {value}" if name in values else value
        kind = values.get("content-type", "").partition(";")[0].strip(" \t").lower()
        short = reply.length is not None and reply.length < self._record.least_bytes
        if not kind or short or not self._types.match(kind):
            return None
        if "content-encoding" in values or "no-transform" in values.get("cache-control", "").lower():
            return None
        encoding = chosen(context.head.headers.get("accept-encoding", ""), self._record.encodings)
        vary = values.get("vary", "")
        named = {each.strip(" \t").lower() for each in vary.split(",")}
        if not named & {"accept-encoding", "*"}:
            fields = [field for field in fields if field[0] != "vary"]
            fields.append(("vary", f"{vary}, accept-encoding" if vary else "accept-encoding"))
        if encoding is None:
            reply.replace_fields(fields)
            return None
        fields = [(name, _weak(value) if name == "etag" else value) for name, value in fields]
        # What is a range of the packed body nobody can say.
        fields = [field for field in fields if field[0] not in ("accept-ranges", "content-md5", "digest")]
        reply.replace_fields([*fields, ("content-encoding", encoding)])
        streams = reply.length is None
        reply.length = None
        return None if context.head.method == "HEAD" else _Packing(packer(encoding), streams=streams)


class _Packing:
    """Packs a body. What comes without a length may be a stream that somebody waits for: each piece goes on
    at once.
    """

    def __init__(self, packer: Packer, *, streams: bool) -> None:
        self._packer = packer
        self._streams = streams

    def feed(self, data: bytes) -> bytes:
        """See BodyChange."""
        packed = self._packer.feed(data)
        return packed + self._packer.flush() if self._streams else packed

    def flush(self) -> bytes:
        """See BodyChange."""
        return b""

    def end(self) -> bytes:
        """See BodyChange."""
        return self._packer.end()


def _weak(etag: str) -> str:
    """The packed body is not the same bytes (RFC 9110 section 8.8.1)."""
    return etag if etag.startswith("W/") else f"W/{etag}"


def make(settings: RouteSettings, _making: Making) -> Compress:
    """The filter of a route."""
    assert settings.compress is not None
    return Compress(settings.compress)
