"""How an upstream's targets are chosen, for `gwc explain`: as data, and as words.

Owns what is shown of it and what is not: a secret is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gwc.schema.policies.choosing import Choosing
from gwc.schema.values.duration import format_milliseconds
from gwc.schema.values.share import format_share


def choosing_shown(settings: Choosing) -> dict[str, Any]:
    """What is said; null for what is not. Milliseconds, millionths, ranges of statuses."""
    balance, cookie = settings.balance, settings.sticky_cookie
    parts = (settings.health, settings.ejection, settings.breaker)
    health, ejection, breaker = (None if each is None else each._asdict() for each in parts)
    return {
        "balance": balance.algorithm,
        "hashed": " ".join(filter(None, (balance.by, balance.name))) or None,
        "sticky_cookie": None if cookie is None else {"name": cookie.name, "ttl_ms": cookie.ttl_ms or None},
        "slow_start_ms": settings.slow_start_ms or None,
        "health": health,
        "ejection": ejection,
        "breaker": breaker,
        "panic": settings.panic or None,
    }


def choosing_line(shown: Mapping[str, Any]) -> str:
    """The same for people, in short."""
    said = [f"balance {shown['balance']}" + (f" by {shown['hashed']}" if shown["hashed"] else "")]
    if shown["sticky_cookie"] is not None:
        said.append(f"sticky cookie {shown['sticky_cookie']['name']}")
    if shown["slow_start_ms"] is not None:
        said.append(f"slow start {format_milliseconds(shown['slow_start_ms'])}")
    health, ejection, breaker = shown["health"], shown["ejection"], shown["breaker"]
    if health is not None:
        what = f"{health['kind']} {health['path']}" if health["kind"] == "http" else health["kind"]
        said.append(f"probes {what} every {format_milliseconds(health['interval_ms'])}")
    if ejection is not None:
        when = [f"{ejection['failures']} failures in a row"] if ejection["failures"] else []
        when += [f"{format_share(ejection['share'])} failures"] if ejection["share"] else []
        said.append(f"ejection after {' or '.join(when)} for {format_milliseconds(ejection['time_ms'])}")
    if breaker is not None:
        opens = f"opens after {breaker['failures']} failures for {format_milliseconds(breaker['open_ms'])}"
        said.append(f"breaker of {breaker['of']} {opens}")
    if shown["panic"] is not None:
        said.append(f"panic below {format_share(shown['panic'])}")
    return ", ".join(said)
