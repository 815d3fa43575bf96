"""A route as a request needs it: what its table record says, put together once.

Owns what is worked out when a table is made live. An exchange keeps its plan, not the table, so that a swap
neither ends nor changes it. A route that asks for nothing special is `plain`, and pays for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gwc.schema.table import ActionKind, RouteSettings

if TYPE_CHECKING:
    from .upstream.pool import Upstream


@dataclass(frozen=True, slots=True)
class Plan:
    """One route. `upstream` is there where the route has just one; `plain`: its requests are forwarded as
    they are, so nobody has to decide anything. `upstreams` are all it may use, by name.
    """

    route: str
    action: ActionKind
    settings: RouteSettings
    plain: bool
    upstream: Upstream | None
    upstreams: dict[str, Upstream]
    target: int
