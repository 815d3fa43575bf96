"""What requests are served by, worked out of a table: a plan for each route, a policy for each listener."""

from __future__ import annotations

from collections.abc import Mapping

from gwc.schema.table import RouteRecord, RouteTable

from ..filtering import Chain
from ..mirror import Mirror
from ..plan import NO_TIMES, Plan, Times, times_of
from ..snapshot import ListenerPolicy
from ..tries import TryRules
from ..upstream.pool import Upstream
from ..upstream.targets import Setup


def plan_of(
    table: RouteTable,
    route: RouteRecord,
    setups: Mapping[str, Setup],
    filters: Chain | None,
    tries: TryRules | None,
    mirrors: tuple[Mirror, ...],
) -> Plan:
    """One route's plan."""
    settings = table.settings_of_routes[route.settings]
    used: dict[str, tuple[Upstream, Times]] = {}
    single: Upstream | None = None
    times = NO_TIMES
    if route.action == "upstream":
        setup = setups[table.upstreams[route.target].name]
        single, times = setup.upstream, times_of(settings, setup.timeouts)
        used[single.name] = single, times
    elif route.action == "split":
        for part in table.splits[route.target]:
            setup = setups[table.upstreams[part.upstream].name]
            used[setup.upstream.name] = setup.upstream, times_of(settings, setup.timeouts)
    plain = (
        single is not None
        and route.rewrite is None
        and not route.request_rules
        and not route.response_rules
        and tries is None
        and not mirrors
    )
    return Plan(
        route.name,
        route.action,
        settings,
        plain,
        single,
        used,
        route.target,
        times,
        filters,
        tries,
        mirrors=mirrors,
    )


def policies_of(table: RouteTable) -> dict[str, ListenerPolicy]:
    """What listeners say of every request; those that say nothing are left out."""
    return {
        record.name: ListenerPolicy(
            record.redirect_port,
            b"" if record.hsts is None else b"strict-transport-security: " + record.hsts.encode("ascii"),
            record.private,
        )
        for record in table.listeners
        if record.redirect_port is not None or record.hsts is not None or record.private
    }
