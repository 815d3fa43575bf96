"""Routes and what they do: settings become records that share what is alike.

Owns the sections `rules`, `splits`, `redirects`, `responds`, `static_files`, `settings_of_routes` and
`routes`. Knows nothing of matching.
"""

from __future__ import annotations

from collections.abc import Iterable

from gwc.schema.policies.static_files import StaticFilesRecord
from gwc.schema.table import (
    BUILTINS,
    ActionKind,
    HeaderRules,
    RedirectRecord,
    RespondRecord,
    RewriteRecord,
    RouteRecord,
    RouteSettings,
    SplitPart,
    UpstreamRecord,
)

from ..resolve import resolved
from .numbering import Numbering
from .values import lower_value

NO_RULES = HeaderRules((), (), (), ())


class Actions:
    """The sections of actions under construction. Grows with each route."""

    def __init__(self, upstreams: Iterable[resolved.Upstream]) -> None:
        self.upstreams = tuple(
            UpstreamRecord(
                each.name,
                tuple((target.address, target.weight) for target in each.targets),
                each.tls,
                each.connections,
                each.timeouts,
                each.names,
                each.protocol,
                each.choosing,
                each.egress,
            )
            for each in upstreams
        )
        self._upstream_numbers = {each.name: number for number, each in enumerate(self.upstreams)}
        self.rules: list[HeaderRules] = [NO_RULES]
        self.splits: Numbering[tuple[SplitPart, ...]] = Numbering()
        self.redirects: Numbering[RedirectRecord] = Numbering()
        self.responds: Numbering[RespondRecord] = Numbering()
        self.static_files: Numbering[StaticFilesRecord] = Numbering()
        self.settings: Numbering[RouteSettings] = Numbering([RouteSettings()])
        self._rules_seen: dict[resolved.HeaderRules, int] = {resolved.HeaderRules(): 0}
        # PERF: resolving makes equal values one object, and hashing what is in them costs ten times as much.
        self._rules_of: dict[int, int] = {}
        self._settings_of: dict[int, int] = {}
        self._actions_of: dict[int, tuple[ActionKind, int]] = {}

    def route(self, route: resolved.Route) -> RouteRecord:
        """The record of one route."""
        action = self._actions_of.get(id(route.action))
        if action is None:
            action = self._actions_of[id(route.action)] = self._action(route.action)
        kind, target = action
        settings = self._settings_of.get(id(route.settings))
        if settings is None:
            settings = self._settings_of[id(route.settings)] = self.settings.number(route.settings)
        return RouteRecord(
            route.name,
            route.priority,
            kind,
            target,
            _rewrite(route.rewrite),
            self._rules_of.get(id(route.request_headers)) or self._rules(route.request_headers),
            self._rules_of.get(id(route.response_headers)) or self._rules(route.response_headers),
            settings,
        )

    def _action(self, action: resolved.Action) -> tuple[ActionKind, int]:
        if isinstance(action, resolved.ToUpstream):
            return "upstream", self._upstream_numbers[action.upstream]
        if isinstance(action, resolved.Split):
            return "split", self.splits.number(tuple(map(self._part, action.parts)))
        if isinstance(action, resolved.Redirect):
            redirect = RedirectRecord(
                scheme=action.scheme,
                host=action.host,
                port=action.port,
                kind=action.kind,
                path=action.path,
                status=action.status,
                keep_query=action.keep_query,
            )
            return "redirect", self.redirects.number(redirect)
        if isinstance(action, resolved.Builtin):
            return "builtin", BUILTINS.index(action.name)
        if isinstance(action, resolved.StaticFiles):
            return "static-files", self.static_files.number(action.record)
        headers = tuple((name, lower_value(value)) for name, value in action.headers)
        # JSON has no lone surrogates, and neither has UTF-8.
        body = action.body.encode("utf-8", "replace").decode("utf-8")
        return "respond", self.responds.number(RespondRecord(action.status, headers, body))

    def _part(self, part: resolved.SplitPart) -> SplitPart:
        return SplitPart(
            upstream=self._upstream_numbers[part.upstream],
            weight=part.weight,
            request_rules=self._rules(part.request_headers),
            response_rules=self._rules(part.response_headers),
            rewrite=_rewrite(part.rewrite),
        )

    def _rules(self, rules: resolved.HeaderRules) -> int:
        number = self._rules_of.get(id(rules))
        if number is None:
            number = self._rules_of[id(rules)] = self._new_rules(rules)
        return number

    def _new_rules(self, rules: resolved.HeaderRules) -> int:
        number = self._rules_seen.get(rules)
        if number is None:
            number = self._rules_seen[rules] = len(self.rules)
            self.rules.append(
                HeaderRules(
                    rules.rename,
                    tuple([(name, lower_value(value)) for name, value in rules.set]),
                    tuple([(name, lower_value(value)) for name, value in rules.add]),
                    rules.remove,
                )
            )
        return number


def _rewrite(rewrite: resolved.Rewrite | None) -> RewriteRecord | None:
    if rewrite is None:
        return None
    path = lower_value(rewrite.path) if rewrite.kind == "template" else (rewrite.path,)
    return RewriteRecord(rewrite.host, rewrite.kind, path)
