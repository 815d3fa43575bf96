"""Preflights: which route answers for the request that a browser asks about before it sends it.

Owns what a preflight is, and the one rule about matching it: it is matched with the method that it asks for,
and if that winner has `cors`, it is that route's; else it is matched as it was sent. Other conditions are
asked of the preflight itself: it has no body, and no header fields of the request to come. What is answered
is `filters/cors.py`'s.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from gwc.schema.request import Late, RequestHead
from gwc.schema.table import RouteTable

from .match import Match, match

METHOD_FIELD: Final = "access-control-request-method"

_METHOD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}")


def is_preflight(head: RequestHead) -> bool:
    """Whether it is OPTIONS with Origin and Access-Control-Request-Method."""
    return head.method == "OPTIONS" and METHOD_FIELD in head.headers and "origin" in head.headers


def asked_for(head: RequestHead) -> RequestHead | None:
    """The head with the method that a preflight asks for; None where that is no method."""
    method = head.headers[METHOD_FIELD]
    if _METHOD.fullmatch(method) is None:
        return None
    return replace(head, method=method, late=Late())


def preflight_match(table: RouteTable, head: RequestHead) -> Match | None:
    """The winner for the request that is asked about, if it has `cors`; None where there is none."""
    asked = asked_for(head)
    if asked is None:
        return None
    found = match(table, asked)
    if not isinstance(found, Match):
        return None
    settings = table.settings_of_routes[table.routes[found.route].settings]
    return found if settings.cors is not None else None
