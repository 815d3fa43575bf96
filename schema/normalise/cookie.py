"""Cookies: what a request's Cookie fields say, for matching.

Owns the reading of the Cookie field. It is forwarded as it came.
"""

from __future__ import annotations

from ..request import RequestHead


def cookie_values(field: str) -> dict[str, str]:
    """Name -> the first value of that name, from Cookie fields joined with `; `.

    Pieces stand between `;` and are trimmed of spaces and tabs; name and value stand on both sides of the
    first `=`, as they are (quotes and escapes kept, nothing folds case). A piece without `=` is ignored.
    """
    values: dict[str, str] = {}
    for piece in field.split(";"):
        name, equals, value = piece.strip(" \t").partition("=")
        if equals and name not in values:
            values[name] = value
    return values


def cookie_value(head: RequestHead, name: str) -> str | None:
    """The value of a cookie, None where the request has none of that name."""
    values = head._parsed.get("cookie")
    if values is None:
        field = head.headers.get("cookie")
        values = head._parsed["cookie"] = {} if field is None else cookie_values(field)
    return values.get(name)
