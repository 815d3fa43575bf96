"""Refusals that a table and the head of a request are enough for, for `gwc explain`.

Owns which these are, in the order in which they come: the client's address, a route that is closed because it
says nothing of `authenticate`, a builtin that is told on private listeners alone. What hangs on credentials,
counts, bodies or targets is not foreseen.
"""

from __future__ import annotations

from gwc.schema.request import RequestHead
from gwc.schema.table import BUILTINS, PRIVATE_BUILTINS, RouteTable

from .filter import Refuse
from .observe.reasons import REASONS


def foreseen(table: RouteTable, route_number: int, head: RequestHead) -> tuple[int, str, str] | None:
    """Status, reason and detail of the refusal; None where none is certain."""
    from .filters.addresses import refusal

    route = table.routes[route_number]
    settings = table.settings_of_routes[route.settings]
    refused = None if settings.addresses is None else refusal(settings.addresses, head.client_ip)
    policy = settings.authentication
    if refused is None and policy is not None and not policy.asks and head.listener in policy.closed:
        refused = Refuse("route-closed", "other routes of the listener have `authenticate`, this one has not")
    if refused is None and route.action == "builtin" and BUILTINS[route.target] in PRIVATE_BUILTINS:
        private = any(each.private for each in table.listeners if each.name == head.listener)
        if not private:
            refused = Refuse("not-private", f"`{BUILTINS[route.target]}` is told on private listeners alone")
    return None if refused is None else (REASONS[refused.reason], refused.reason, refused.detail)
