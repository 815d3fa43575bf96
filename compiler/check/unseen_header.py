"""GWC416: a condition on a header field that no route ever gets to see.

Names with `_` and the fields that override a request's method or URL are dropped from every request,
forwarding fields from those of peers that are not trusted. Whoever checks `x-forwarded-proto` behind a load
balancer has to say first that the load balancer is trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gwc.schema.diagnostic import Diagnostic, warning
from gwc.schema.normalise.fields import OVERRIDES, is_forwarding

from ..resolve import Item
from ..resolve.resolved import Listener
from ..validate.record import span_of


def check(item: Item, listeners: Sequence[Listener]) -> Iterator[Diagnostic]:
    """One finding for each such condition."""
    trusting = any(listener.settings.trusted_proxies for listener in listeners)
    for block in item.blocks:
        for test in block.get("header", ()):
            name = test["name"].lower()
            reason = _unseen(name, trusting)
            if reason is not None:
                yield warning(
                    "GWC416",
                    span_of(test, "name"),
                    f"header `{name}` is dropped from every request",
                    label="never there",
                    help=reason,
                )


def _unseen(name: str, trusting: bool) -> str | None:
    """Why a field is never seen, as advice; None where it can be."""
    if "_" in name:
        return f"names with `_` are dropped, because others read them as `-`: use `{name.replace('_', '-')}`"
    if name in OVERRIDES:
        return "it would change the request behind the gateway's back; use another name"
    if is_forwarding(name) and not trusting:
        return (
            "give the listener `trusted-proxies`, the networks of the proxies in front; `scheme` and "
            "`client-ip` read what they say"
        )
    return None
