"""Small configurations and requests, written shortly.

Owns the shape of a hand-written row and of a request with its address, and the words that make them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from gwc.schema.request import Late, RawRequest

from .reading import Config

ADDRESS = "127.0.0.1:8080"


@dataclass(frozen=True)
class Asked:
    """A request, the address it came in by, and what its body would say if somebody read it."""

    raw: RawRequest
    address: str = ADDRESS
    late: Late | None = None


@dataclass(frozen=True)
class Row:
    """`expected` is a route's name, `route#n` for its nth block, None for a 404, a number for a refusal.

    `captures` None: not asked.
    """

    name: str
    config: Config
    asked: Asked
    expected: str | int | None
    captures: Mapping[str, str] | None = None


def ask(
    target: str = "/a",
    *,
    host: str | None = "a.test",
    method: str = "GET",
    headers: tuple[tuple[str, str], ...] = (),
    address: str = ADDRESS,
    late: Late | None = None,
    peer: str | None = "192.0.2.7",
    **more: Any,
) -> Asked:
    """A request; text is UTF-8 in header values and latin-1 elsewhere."""
    fields = [] if host is None else [(b"Host", host.encode("latin-1"))]
    fields += [(name.encode("latin-1"), value.encode("utf-8")) for name, value in headers]
    raw = RawRequest(
        method=method.encode("latin-1"),
        target=target.encode("latin-1"),
        fields=tuple(fields),
        peer=None if peer is None else ip_address(peer),
        **more,
    )
    return Asked(raw, address, late)


def config(*routes: Mapping[str, Any], **more: Any) -> Config:
    """A configuration of these routes; one without an action answers by itself."""
    return {**more, "routes": [with_action(route) for route in routes]}


def with_action(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The route with an action, or the group with actions in its routes."""
    if "group" in entry:
        return {**entry, "routes": [with_action(inner) for inner in entry["routes"]]}
    return {**entry, "respond": {"status": 200}}


def route(name: str, *blocks: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A route of these blocks."""
    return {"route": name, **({"matches": list(blocks)} if blocks else {}), **more}


def group(name: str, routes: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A group."""
    return {"group": name, **more, "routes": routes}


def with_header(*values: str, name: str = "x-v") -> Asked:
    """A request with a header, repeated where there are several values."""
    return ask(headers=tuple((name, value) for value in values))


def route_of(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """A route of one block; `priority` is the route's."""
    block = {key: value for key, value in said.items() if key != "priority"}
    settings = {key: value for key, value in said.items() if key == "priority"}
    return route(name, *([block] if block else []), **settings)


GOOD = "good"


def duel(name: str, good: Mapping[str, Any], bad: Mapping[str, Any], asked: Asked | None = None) -> Row:
    """Two routes that hold; the good one stands second and wins."""
    routes = config(route_of("bad", bad), route_of(GOOD, good))
    return Row(name, routes, asked or ask("/a/b?q=1&r=2", headers=(("x-a", "1"), ("x-b", "2"))), GOOD)


DEFAULT: Mapping[str, Any] = {"listeners": [{"listener": "default", "address": ADDRESS}]}
