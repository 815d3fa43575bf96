"""`error-pages`: bodies of one's own for errors.

Owns which reply is an error that a page stands for: those that the gateway makes itself, with a reason; those
of upstreams only where the route says so. A `respond` action is nobody's error.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

from gwc.schema.policies.error_pages import VARIABLES, ErrorPagesRecord
from gwc.schema.table import RouteSettings

from ..filter import Filter, FilterContext, FilterFaulty, Phase, ReplyOutcome
from ..own_replies import phrase
from ..reply import Reply
from .build import Making

MOST_BYTES: Final = 1024 * 1024
"""The longest page that is read from a file."""

_VARIABLE: Final = re.compile(rf"\$\{{({'|'.join(VARIABLES)})\}}")
_OF_THE_BODY: Final = frozenset(
    ("content-type", "content-encoding", "content-language", "etag", "last-modified", "accept-ranges")
)


class _Page(NamedTuple):
    first: int
    last: int
    text: str
    type: str


class ErrorPages(Filter):
    """Puts pages in place of bodies."""

    name = "error-pages"
    phase = Phase.ANSWER

    def __init__(self, record: ErrorPagesRecord, root: Path, fill: Callable[[str], str]) -> None:
        self._intercept = record.intercept
        self._pages = []
        for page in record.pages:
            text, kind = page.body, page.type
            if page.file is not None:
                path = root / fill(page.file)
                text = _read(path)
                kind = kind or _type_of(path.name)
            self._pages.append(_Page(page.first, page.last, text, kind or "text/plain; charset=utf-8"))

    def on_reply(self, context: FilterContext, reply: Reply) -> ReplyOutcome:
        """See Filter."""
        status = reply.status
        if status < 400 or not (context.record.reason if context.own else self._intercept):
            return None
        page = next((each for each in self._pages if each.first <= status <= each.last), None)
        if page is None:
            return None
        words = {
            "status": str(status),
            "status-text": phrase(status),
            "request-id": context.record.request_id,
        }
        if "html" in page.type:
            words = {name: escape(word) for name, word in words.items()}
        body = _VARIABLE.sub(lambda found: words[found[1]], page.text).encode()
        fields = [field for field in reply.fields() if field[0] not in _OF_THE_BODY]
        reply.replace_fields([*fields, ("content-type", page.type)])
        reply.length = len(body)
        return _Instead(body)


class _Instead:
    """Another body."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def feed(self, data: bytes) -> bytes:
        """See BodyChange."""
        return b""

    def flush(self) -> bytes:
        """See BodyChange."""
        return b""

    def end(self) -> bytes:
        """See BodyChange."""
        return self._body


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as fault:
        raise FilterFaulty(f"the error page {path} cannot be read: {fault.strerror}") from fault
    if len(data) > MOST_BYTES:
        raise FilterFaulty(f"the error page {path} has more than {MOST_BYTES} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError as fault:
        raise FilterFaulty(f"the error page {path} is not UTF-8") from fault


def _type_of(name: str) -> str | None:
    kind, _ = mimetypes.guess_type(name)
    return f"{kind}; charset=utf-8" if kind is not None and kind.startswith("text/") else kind


def make(settings: RouteSettings, making: Making) -> ErrorPages:
    """The filter of a route."""
    assert settings.error_pages is not None
    return ErrorPages(settings.error_pages, making.root, making.fill)
