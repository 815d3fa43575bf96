"""What a route says of the pages that stand for errors."""

from __future__ import annotations

from typing import NamedTuple


class ErrorPage(NamedTuple):
    """A body for the statuses from `first` to `last`: the content of `file`, else `body`. `type` is what it
    is, None: as the file's name says, else plain text.
    """

    first: int
    last: int
    file: str | None = None
    body: str = ""
    type: str | None = None


class ErrorPagesRecord(NamedTuple):
    """The first page that fits is sent for each error of the gateway's own; `intercept`: for those of
    upstreams too.
    """

    pages: tuple[ErrorPage, ...]
    intercept: bool = False


VARIABLES = ("status", "status-text", "request-id")
"""What may stand in a page as `${…}`."""
