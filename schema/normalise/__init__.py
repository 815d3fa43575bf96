"""A request as it arrived becomes the one form that the matcher sees, or is refused with a status.

Owns the reading of method, host, path, query, fields and the client's identity: what docs/semantics.md says
under "What a request looks like to the matcher". Everything here is pure, works on bytes and raises nothing
for any input. It knows listeners and no routes.

`normalise` is the whole; `choose_listener`, `query_value` and `cookie_value` are what others need beside it;
each part is a module of its own. The four names are loaded when first asked for: the compiler, which wants
path and host alone, does not pay for the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .cookie import cookie_value as cookie_value
    from .head import normalise as normalise
    from .listen import choose_listener as choose_listener
    from .query import query_value as query_value

__all__ = ["choose_listener", "cookie_value", "normalise", "query_value"]

_HOMES = {
    "choose_listener": "listen",
    "cookie_value": "cookie",
    "normalise": "head",
    "query_value": "query",
}


def __getattr__(name: str) -> object:
    """Load the module that has the name (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = found
    return found
