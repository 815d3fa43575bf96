"""The configuration of a table for people to see.

Owns what is shown and what is not: a table holds references to secrets and never the secrets, but somebody
may have written one out; values under names that are secret are masked. Needs no compiler.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from gwc.schema.table import (
    BUILTINS,
    Alternative,
    HeaderRules,
    RewriteRecord,
    RouteRecord,
    RouteSettings,
    RouteTable,
    SplitPart,
    UpstreamRecord,
    Value,
    conditions_of,
)

from ..answers import readable
from ..observe.masking import MASK, is_secret, masked_query
from ..words import host_words, path_words, test_words

_OPEN: Final = ("", "Basic", "Bearer")
"""What of a secret value says nothing."""

_REFERS: Final = re.compile(r"(?:\$\{(?:env|file):[^{}]*\})+")
"""References, and nothing beside them."""

_USER: Final = re.compile(r"//[^/?#@]*@")


def config_of(table: RouteTable, first: int, most: int) -> dict[str, Any]:
    """Gateway, listeners, upstreams, and `most` routes from the one numbered `first`."""
    routes = range(first, min(first + most, len(table.routes)))
    blocks: dict[int, list[Alternative]] = {number: [] for number in routes}
    for alternative in table.alternatives:
        if alternative.route in blocks:
            blocks[alternative.route].append(alternative)
    gateway = _plain(table.gateway[0])
    if gateway["tracing"] is not None:
        gateway["tracing"]["endpoint"] = _without_secrets(gateway["tracing"]["endpoint"])
    return {
        "gateway": gateway,
        "listeners": [_without(_plain(each), "indexed") for each in table.listeners],
        "upstreams": [_upstream(each) for each in table.upstreams],
        "routes": [_route(table, table.routes[number], blocks[number]) for number in routes],
        "routes_total": len(table.routes),
    }


def upstreams_of_route(table: RouteTable, route: RouteRecord) -> list[str]:
    """The names of the upstreams that a route may lead to."""
    if route.action == "upstream":
        return [table.upstreams[route.target].name]
    if route.action == "split":
        return [table.upstreams[part.upstream].name for part in table.splits[route.target]]
    return []


def _upstream(record: UpstreamRecord) -> dict[str, Any]:
    shown: dict[str, Any] = _plain(record)
    shown["targets"] = [{"target": target, "weight": weight} for target, weight in record.targets]
    if record.choosing is not None and record.choosing.sticky_cookie is not None:
        secret = record.choosing.sticky_cookie.secret
        shown["choosing"]["sticky_cookie"]["secret"] = readable(secret) if _REFERS.fullmatch(secret) else MASK
    return shown


def _route(table: RouteTable, route: RouteRecord, alternatives: Iterable[Alternative]) -> dict[str, Any]:
    return {
        "route": route.name,
        "priority": route.priority,
        "matches": [_words(table, each) for each in alternatives],
        "action": _action(table, route),
        "rewrite": _rewrite(route.rewrite),
        "request_headers": _rules(table.rules[route.request_rules]),
        "response_headers": _rules(table.rules[route.response_rules]),
        "settings": _settings(table.settings_of_routes[route.settings]),
    }


def _settings(settings: RouteSettings) -> dict[str, Any]:
    shown: dict[str, Any] = _plain(settings)
    policy = settings.authentication
    if policy is not None:
        own = shown["authentication"]
        for each, keys in zip(own["api_keys"], policy.api_keys, strict=True):
            each["keys"] = [[readable(name), _referred(text)] for name, text in keys.keys]
        for each, tokens in zip(own["jwts"], policy.jwts, strict=True):
            each["secret"] = None if tokens.secret is None else _referred(tokens.secret)
            each["jwks_url"] = None if tokens.jwks_url is None else _without_secrets(tokens.jwks_url)
        if policy.forward_auth is not None:
            own["forward_auth"]["url"] = _without_secrets(policy.forward_auth.url)
    return shown


def _referred(text: str) -> str:
    """A secret that stands elsewhere; one that was written out is not shown."""
    return readable(text) if _REFERS.fullmatch(text) else MASK


def _words(table: RouteTable, alternative: Alternative) -> dict[str, Any]:
    words = [host_words([alternative.host])] if alternative.host is not None else []
    words += [path_words([alternative.path])] if alternative.path is not None else []
    words += [_test(table, test) for test in conditions_of(table, alternative)]
    return {"match": alternative.match, "conditions": [readable(each) for each in words]}


def _test(table: RouteTable, test: Any) -> str:
    """A condition in words; what is compared with a secret field may be the secret."""
    _, name, texts, _ = test
    words = test_words(table, test)
    if name and is_secret(name):
        for text in sorted(texts, key=len, reverse=True):
            if text:
                words = words.replace(text, MASK)
    return words


def _action(table: RouteTable, route: RouteRecord) -> dict[str, Any]:
    shown: dict[str, Any] = {"kind": route.action}
    if route.action == "upstream":
        shown["upstream"] = table.upstreams[route.target].name
    elif route.action == "split":
        shown["parts"] = [_part(table, part) for part in table.splits[route.target]]
    elif route.action == "redirect":
        shown |= _plain(table.redirects[route.target])
        shown["to"] = shown.pop("kind")
        shown["kind"] = "redirect"
    elif route.action == "respond":
        reply = table.responds[route.target]
        shown |= {"status": reply.status, "headers": _named(reply.headers), "body": reply.body}
    elif route.action == "static-files":
        shown |= _plain(table.static_files[route.target])
    else:
        shown["builtin"] = BUILTINS[route.target]
    return shown


def _part(table: RouteTable, part: SplitPart) -> dict[str, Any]:
    return {
        "upstream": table.upstreams[part.upstream].name,
        "weight": part.weight,
        "rewrite": _rewrite(part.rewrite),
        "request_headers": _rules(table.rules[part.request_rules]),
        "response_headers": _rules(table.rules[part.response_rules]),
    }


def _rewrite(record: RewriteRecord | None) -> dict[str, Any] | None:
    if record is None:
        return None
    return {"host": record.host, "kind": record.kind, "path": text_of(record.path)}


def _rules(rules: HeaderRules) -> dict[str, Any]:
    return {
        "rename": [list(pair) for pair in rules.rename],
        "set": _named(rules.set),
        "add": _named(rules.add),
        "remove": list(rules.remove),
    }


def _named(pairs: Iterable[tuple[str, Value]]) -> list[list[str]]:
    return [[name, text_of(value, masked=is_secret(name))] for name, value in pairs]


def text_of(value: Value, *, masked: bool = False) -> str:
    """A value as it was written; `masked`: with what is no reference and no variable left out."""
    parts = [
        f"${{{part}}}" if number % 2 else MASK if masked and part.strip(" ") not in _OPEN else part
        for number, part in enumerate(value)
    ]
    return readable("".join(parts))


def _without_secrets(url: str) -> str:
    place, mark, query = _USER.sub(f"//{MASK}@", url).partition("?")
    return f"{place}{mark}{masked_query(query)}"


def _plain(value: Any) -> Any:
    """Records as objects, tuples as lists."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {key: _plain(each) for key, each in value._asdict().items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return readable(value) if isinstance(value, str) else value


def _without(members: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: each for key, each in members.items() if key != name}
