"""Which listener takes a request: of those on one address, the one whose scope fits most exactly.

Owns the choice by host and by TLS server name. Sockets and certificates are the runtime's.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..listener import ListenerSettings
from ..request import STATUSES, Rejection
from .quote import quoted


def choose_listener(
    host: str, entry: Sequence[ListenerSettings], sni: str | None
) -> ListenerSettings | Rejection:
    """The listener for a normalised host (\"\" for none) that came in where the listeners of `entry` listen.

    An exact scope before a longer wildcard before a shorter one before no scope; none fits: 404. On a TLS
    listener the server name (normalised, None for none) has picked one the same way, and a host whose best
    listener is another gets 421; a client that names no server has picked what takes the empty host.
    """
    best = best_listener(host, entry)
    if best is None:
        return Rejection(
            STATUSES["listener-none"], "listener-none", f"no listener here takes the host {quoted(host)}"
        )
    if best.tls and sni != host:
        picked = best_listener(sni or "", entry)
        if picked is not best:
            named = "no server name" if sni is None else f"the server name {quoted(sni)}"
            return Rejection(
                STATUSES["misdirected"],
                "misdirected",
                f"the connection was made with {named}; the host {quoted(host)} belongs to another listener",
                None if picked is None else picked.name,
            )
    return best


def best_listener(host: str, entry: Sequence[ListenerSettings]) -> ListenerSettings | None:
    """The listener whose scope fits the host most exactly. PERF: one without scope is the common case."""
    if len(entry) == 1 and not entry[0].scope:
        return entry[0]
    for listener in entry:
        if host in listener.scope:
            return listener
    dot = host.find(".")
    while dot != -1:
        wildcard = "*" + host[dot:]
        for listener in entry:
            if wildcard in listener.scope:
                return listener
        dot = host.find(".", dot + 1)
    for listener in entry:
        if not listener.scope:
            return listener
    return None
