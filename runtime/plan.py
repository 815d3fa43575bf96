"""A route as a request needs it: what its table record says, put together once.

Owns what is worked out when a table is made live. An exchange keeps its plan, not the table, so that a swap
neither ends nor changes it. A route that asks for nothing special is `plain`, and pays for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from gwc.schema.table import ActionKind, RouteSettings, UpstreamTimeouts

from .timers import NEVER

if TYPE_CHECKING:
    from .files.static_files import StaticFiles
    from .filtering import Chain
    from .mirror import Mirror
    from .tries import TryRules
    from .upstream.pool import Upstream


class Times(NamedTuple):
    """How long things may take, in seconds, NEVER where they may for ever: the request as a whole, the
    silence between two arrivals, the wait for a reply's head, one try; the silence of an event stream.
    """

    total_s: float
    idle_s: float
    first_byte_s: float
    try_s: float
    stream_idle_s: float = NEVER


NO_TIMES: Final = Times(NEVER, NEVER, NEVER, NEVER)


def times_of(settings: RouteSettings, upstream: UpstreamTimeouts) -> Times:
    """A route's own time limits, and the upstream's where it says none."""
    return Times(
        _seconds(upstream.request_ms if settings.request_ms is None else settings.request_ms),
        _seconds(upstream.idle_ms if settings.idle_ms is None else settings.idle_ms),
        _seconds(upstream.first_byte_ms if settings.first_byte_ms is None else settings.first_byte_ms),
        _seconds(settings.per_try_ms or 0),
        _seconds(settings.stream_idle_ms),
    )


def _seconds(milliseconds: int) -> float:
    return milliseconds / 1000 if milliseconds else NEVER


@dataclass(frozen=True, slots=True)
class Plan:
    """One route. `upstream` is there where the route has just one; `plain`: its requests are forwarded as
    they are, so nobody has to decide anything. `upstreams` are all it may use, by name, with the time limits
    that hold there; `times` are those of the one. `filters` are its policies, None where it has none.
    `tries`: what the route says of further ones. `files`: what it serves of them.
    `mirrors`: where copies go.
    """

    route: str
    action: ActionKind
    settings: RouteSettings
    plain: bool
    upstream: Upstream | None
    upstreams: dict[str, tuple[Upstream, Times]]
    target: int
    times: Times
    filters: Chain | None = None
    tries: TryRules | None = None
    files: StaticFiles | None = None
    mirrors: tuple[Mirror, ...] = ()
