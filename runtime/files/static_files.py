"""`static-files`: a route's files as replies.

Owns which file answers a path (index, fallback, a packed variant), the fields of its reply, parts of it, and
lists of directories. It reads no byte of a file itself (`sending.py`) and knows no wire.
"""

from __future__ import annotations

import os
from html import escape
from secrets import token_hex
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from gwc.schema.policies.static_files import StaticFilesRecord

from ..encodings import chosen
from ..filter import Answer, Refuse
from ..own_replies import phrase
from ..reply import Reply
from .conditions import Part, date_of, judged, parts_of
from .lookup import Directory, Found, Nothing, Root
from .sending import PIECE_BYTES, FileSide, Slice, read_now
from .types import type_of

if TYPE_CHECKING:
    from gwc.schema.request import RequestHead

    from ..exchange import Exchange

SUFFIXES: Final = {"br": ".br", "gzip": ".gz", "zstd": ".zst"}
"""Of a packed variant, which stands beside its file."""

_ALLOW: Final = (("allow", "GET, HEAD"),)


class StaticFiles:
    """The files of one route. Nothing of them is kept: what is there when it is asked for is sent."""

    def __init__(self, record: StaticFilesRecord, root: str) -> None:
        self._record = record
        self._root = Root(root, hidden=record.hidden)

    def serve(self, exchange: Exchange, path: str) -> None:
        """Answer with what `path` leads to."""
        head = exchange.head
        if head.method not in ("GET", "HEAD"):
            exchange.answer(Refuse("file-method", f"files are read, not {head.method}", fields=_ALLOW))
            return
        found = self._found(path)
        if isinstance(found, Directory):
            self._list(exchange, head, found, path)
        elif isinstance(found, Nothing):
            exchange.answer(Refuse(found.reason))
        elif found is None:
            # The client's own path: what a rewrite has made of it is not its business.
            query = "" if head.query is None else f"?{head.query}"
            exchange.answer(Answer(301, (("location", f"{head.path}/{query}"),)))
        else:
            self._send(exchange, head, found[0], found[1], found[2])

    def _found(self, path: str) -> tuple[Found, str, bytes] | Directory | Nothing | None:
        """The file with its name and place; a directory that is listed; None: the path lacks its slash."""
        place = self._root.place(path)
        found: Found | Directory | Nothing = Nothing("file-missing")
        if place is not None:
            found = self._root.open(place)
            if isinstance(found, Directory):
                if not place.endswith(b"/"):
                    return None
                for name in self._record.indexes:
                    inside = place + os.fsencode(name)
                    index = self._root.open(inside)
                    if isinstance(index, Found):
                        return index, name, inside
                if self._record.listing:
                    return found
                found = Nothing("file-missing")
        if isinstance(found, Nothing) and self._record.fallback is not None:
            place = self._root.path.rstrip(b"/") + b"/" + os.fsencode(self._record.fallback.lstrip("/"))
            found = self._root.open(place)
        if isinstance(found, Found):
            assert place is not None
            return found, os.fsdecode(os.path.basename(place)), place
        return found if isinstance(found, Nothing) else Nothing("file-missing")

    def _send(self, exchange: Exchange, head: RequestHead, found: Found, name: str, place: bytes) -> None:
        fields = [("content-type", type_of(name))]
        coding = None
        if self._record.precompressed:
            fields.append(("vary", "accept-encoding"))
            coding, found = self._packed(head, found, place)
        modified = found.modified_ns // 1_000_000_000
        etag = f'"{found.modified_ns:x}-{found.size:x}{"-" + coding if coding else ""}"'
        fields += [("etag", etag), ("last-modified", date_of(modified)), ("accept-ranges", "bytes")]
        if coding is not None:
            fields.append(("content-encoding", coding))
        if self._record.cache_control is not None:
            fields.append(("cache-control", self._record.cache_control))
        status = judged(head.headers, etag, modified)
        if status != 200:
            os.close(found.descriptor)
            kept = [field for field in fields if field[0] != "content-type"] if status == 304 else []
            exchange.answer(Answer(status, tuple(kept)))
            return
        parts = parts_of(head.headers, etag, modified, found.size) if head.method == "GET" else None
        if parts == []:
            os.close(found.descriptor)
            exchange.answer(Answer(416, (("content-range", f"bytes */{found.size}"),)))
            return
        slices: list[Slice] = [(0, found.size)] if found.size else []
        status_ = 200
        if parts is not None:
            status_ = 206
            slices, fields = _in_parts(parts, found.size, fields)
        length = sum(len(each) if isinstance(each, bytes) else each[1] for each in slices)
        reply = Reply(status_, phrase(status_).encode(), [], length)
        reply.replace_fields(fields)
        if head.method == "HEAD" or not length:
            os.close(found.descriptor)
            exchange.reply_whole(reply, b"")
            return
        only = slices[0]
        if len(slices) == 1 and not isinstance(only, bytes) and length <= PIECE_BYTES:
            data = read_now(found.descriptor, length, only[0])
            if data is not None and len(data) == length:
                os.close(found.descriptor)
                exchange.reply_whole(reply, data)
                return
        side = FileSide(exchange, found.descriptor, slices)
        exchange.upstream_side = side
        exchange.reply_head(reply, length)
        side.go_on()

    def _packed(self, head: RequestHead, found: Found, place: bytes) -> tuple[str | None, Found]:
        """A variant that the client takes and that is there, and not older than its file."""
        left = list(self._record.precompressed)
        while left:
            coding = chosen(head.headers.get("accept-encoding", ""), tuple(left))
            if coding is None:
                break
            variant = self._root.open(place + SUFFIXES[coding].encode())
            if isinstance(variant, Found):
                if variant.modified_ns >= found.modified_ns:
                    os.close(found.descriptor)
                    return coding, variant
                os.close(variant.descriptor)
            left = [each for each in left if each != coding]
        return None, found

    def _list(self, exchange: Exchange, head: RequestHead, directory: Directory, path: str) -> None:
        """What is in a directory, in HTML."""
        try:
            names = self._root.names(directory)
        except OSError:
            exchange.answer(Refuse("file-denied"))
            return
        title = escape(head.path)
        rows = ['<li><a href="../">../</a></li>'] if path.strip("/") else []
        for name, is_directory, size, modified in names:
            shown = name + "/" if is_directory else name
            address = quote(os.fsencode(name)) + ("/" if is_directory else "")
            about = "" if is_directory else f" <small>{size} bytes, {date_of(int(modified))}</small>"
            text = escape(shown.encode("utf-8", "replace").decode())
            rows.append(f'<li><a href="./{address}">{text}</a>{about}</li>')
        listed = "\n".join(rows)
        body = (
            f"<!doctype html>\n<meta charset=utf-8>\n<title>{title}</title>\n"
            f"<h1>{title}</h1>\n<ul>\n{listed}\n</ul>\n"
        ).encode()
        fields = (("content-type", "text/html; charset=utf-8"), ("cache-control", "no-cache"))
        exchange.answer(Answer(200, fields, body))


def _in_parts(
    parts: list[Part], size: int, fields: list[tuple[str, str]]
) -> tuple[list[Slice], list[tuple[str, str]]]:
    """The bytes of the parts, and the fields of a reply that has them (RFC 9110 section 14.6)."""
    if len(parts) == 1:
        part = parts[0]
        said = ("content-range", f"bytes {part.first}-{part.last}/{size}")
        return [(part.first, part.length)], [*fields, said]
    boundary = token_hex(16)
    kind = dict(fields)["content-type"]
    slices: list[Slice] = []
    for number, part in enumerate(parts):
        begin = "\r\n" if number else ""
        lines = f"{begin}--{boundary}\r\ncontent-type: {kind}\r\n"
        slices.append(f"{lines}content-range: bytes {part.first}-{part.last}/{size}\r\n\r\n".encode())
        slices.append((part.first, part.length))
    slices.append(f"\r\n--{boundary}--\r\n".encode())
    others = [field for field in fields if field[0] != "content-type"]
    return slices, [*others, ("content-type", f"multipart/byteranges; boundary={boundary}")]
