"""Query parameters: what a query may hold, and what its parameters are for matching.

Owns the reading of the query. The query itself is forwarded as sent: nothing here rewrites one.
"""

from __future__ import annotations

import re

from ..request import Refusal, RequestHead
from .quote import quoted

PLAIN_QUERY = r"[!\"$-~]*+"
"""Queries that may pass: no control, space, `#` or byte above 0x7F."""

_REFUSED = re.compile(r"[^!\"$-~]")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")


def query_refusal(query: str) -> Refusal | None:
    """Why a query may not pass, None where it may. `query` is latin-1 text without its `?`."""
    found = _REFUSED.search(query)
    if found is None:
        return None
    return Refusal(
        "query-byte",
        f"the query holds {quoted(found[0])} at byte {found.start()}, which has to be escaped",
    )


def query_values(query: str) -> dict[str, str]:
    """Name -> the first value of that name, as bytes in latin-1 text.

    Pieces stand between `&` (`;` separates nothing), empty ones are skipped. Names and values are
    percent-decoded with `+` as space; a bad escape stands for itself. A piece without `=` is a name with the
    empty value. Nothing folds case.
    """
    values: dict[str, str] = {}
    for piece in query.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            name = _decoded(name)
            if name not in values:
                values[name] = _decoded(value)
    return values


def _decoded(text: str) -> str:
    """`+` as space and escapes as their bytes, one a character."""
    text = text.replace("+", " ")
    if "%" not in text:
        return text
    return _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text)


def query_value(head: RequestHead, name: str) -> str | None:
    """The first value of a query parameter, None where the request has none of that name."""
    values = head._parsed.get("query")
    if values is None:
        values = head._parsed["query"] = query_values(head.query) if head.query else {}
    return values.get(name)
