"""GWC405: a host that no request can have, because no listener takes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gwc.schema.diagnostic import Diagnostic, warning
from gwc.schema.listener import ListenerSettings
from gwc.schema.predicate import HostPattern

from ..resolve import Resolution
from ..resolve.patterns import host_pattern, hosts_overlap
from ..validate.record import span_of


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each host of a route's or group's own block outside every scope that could bring it."""
    config = resolution.config
    assert config is not None
    settings = {listener.settings.name: listener.settings for listener in config.listeners}
    if not any(each.hosts for each in settings.values()):
        return
    told: set[int] = set()
    reasons: dict[tuple[frozenset[str] | None, str], str | None] = {}  # few hosts, many routes
    for scoped in resolution.routes:
        for blocks in scoped.scope.levels:
            for block in blocks:
                if block.record is None or block.hosts is None or id(block.record) in told:
                    continue
                told.add(id(block.record))
                host = block.record.get("host")
                if host is None:  # it came by way of `use`
                    continue
                left = _narrowed(scoped.scope.listeners, block.listeners)
                for index, text in enumerate(host.get("name", ())):
                    reason = reasons.get((left, text), "")
                    if reason == "":
                        reachable = [each for name, each in settings.items() if left is None or name in left]
                        reason = reasons[left, text] = _impossible(host_pattern(text), reachable)
                    if reason:
                        yield warning(
                            "GWC405",
                            span_of(host, "name", index),
                            f"no request can have the host `{text}`",
                            label=reason,
                            help="write a host that a listener takes, or widen the listener's `host`",
                        )


def _narrowed(outer: frozenset[str] | None, own: frozenset[str] | None) -> frozenset[str] | None:
    """The listeners in both, None for all."""
    if outer is None or own is None:
        return own if outer is None else outer
    return outer & own


def _impossible(pattern: HostPattern, listeners: Sequence[ListenerSettings]) -> str | None:
    """Why no request can have such a host, None if one can."""
    if not listeners or any(not each.hosts for each in listeners):
        return None
    scopes = [scope for each in listeners for scope in each.hosts]
    if any(hosts_overlap(pattern.text, scope) for scope in scopes):
        return None
    return "outside the `host` of every listener that the route applies to"
