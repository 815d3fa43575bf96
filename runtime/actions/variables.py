"""Variables of a request: `${req.host}`, `${path.id}` and the like, filled into values.

Owns what each variable is worth. They speak of the request before any rewrite. What is missing is empty.
References (`${env:NAME}`, `${file:path}`) are left as written: whoever loads the table resolves them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gwc.schema.request import RequestHead
from gwc.schema.table import Value


@dataclass(frozen=True, slots=True)
class Facts:
    """What variables are filled from. The ids are the request's; whoever has none leaves them as written.

    `identity` has what is known of who the request is from, by variable; None where that is not known here.
    """

    head: RequestHead
    route: str
    captures: Mapping[str, str]
    trace_id: str = "${trace-id}"
    request_id: str = "${request-id}"
    identity: Mapping[str, str] | None = None


def fill(value: Value, facts: Facts) -> str:
    """The text of a value. `value` is text, variable, text, variable, … text."""
    if len(value) == 1:
        return "".join(value)  # plain text, even where a secret was filled in that would not show itself
    parts = [part if index % 2 == 0 else worth(part, facts) for index, part in enumerate(value)]
    return "".join(parts)


def worth(name: str, facts: Facts) -> str:
    """What one variable is worth; a reference stays as it is written."""
    head = facts.head
    if name.startswith("path."):
        return facts.captures.get(name[5:], "")
    if name.startswith("req.header."):
        return head.headers.get(name[11:], "")
    if name.startswith("identity."):
        return f"${{{name}}}" if facts.identity is None else facts.identity.get(name, "")
    if name.startswith(("env:", "file:")):
        return f"${{{name}}}"
    if name == "client-ip":
        return "" if head.client_ip is None else str(head.client_ip)
    return {
        "req.method": head.method,
        "req.scheme": head.scheme,
        "req.host": head.host,
        "req.path": head.path,
        "req.query": head.query or "",
        "listener": head.listener,
        "route": facts.route,
        "trace-id": facts.trace_id,
        "request-id": facts.request_id,
    }[name]
