"""What `gwc explain` and the admin API answer about a request, as data.

Owns the shape of the JSON (`schema_version` 1); the text form is made from the same data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from gwc.schema.late import late_coordinates
from gwc.schema.normalise import normalise
from gwc.schema.request import Rejection, RequestHead
from gwc.schema.table import ListenerRecord, RouteTable

from .actions.headers import HeaderChanges
from .asking import Asked
from .candidates import explain_candidates
from .decide import Decision, decide
from .foreseen import foreseen
from .match import Match, NoMatch, match
from .policies_shown import files_shown, policies_shown
from .preflight import METHOD_FIELD, asked_for, is_preflight, preflight_match
from .settings_shown import settings_shown
from .to_https import STATUS, https_location

SCHEMA_VERSION = 1

_KEYS = (
    "kind listener route match status reason upstream builtin location host path query root settings "
    "preflight"
)
_NOTHING: dict[str, Any] = dict.fromkeys(_KEYS.split())
"""What every decision has, null where it is of no matter, so that nobody has to ask whether it is there."""


def readable(text: str) -> str:
    """Text of a head or a table (one byte a character) as people read it; what is no UTF-8 as `\\x..`."""
    return text if text.isascii() else text.encode("latin-1", "replace").decode("utf-8", "backslashreplace")


def answer(table: RouteTable, asked: Asked, body: bytes | None, limit: int) -> dict[str, Any]:
    """The normalised request, the decision and the candidates of one request."""
    head = normalise(asked.raw, asked.entry)
    if isinstance(head, Rejection):
        return {
            "schema_version": SCHEMA_VERSION,
            "request": _as_received(asked),
            "decision": _whole(_refused(head)),
            "candidates": [],
        }
    asked_head = head
    record = next(each for each in table.listeners if each.name == head.listener)
    location = https_location(head, record.redirect_port)
    if location is not None:
        decision = {"kind": "redirect", "listener": head.listener, "status": STATUS, "location": location}
        return {
            "schema_version": SCHEMA_VERSION,
            "request": _as_matched(head, asked.address, record),
            "decision": _whole(decision),
            "candidates": [],
        }
    meant = preflight_match(table, head) if is_preflight(head) else None
    if meant is not None:
        decision = _preflight(table, head, meant)
        asked_head = asked_for(head) or head
    else:
        head = asked_head = replace(head, late=late_coordinates(head, body))
        found = match(table, head)
        if isinstance(found, Match):
            decision = _decided(table, head, found, asked.port)
        else:
            assert isinstance(found, NoMatch), "the late coordinates are known"
            decision = {"kind": "not-found", "listener": head.listener, "status": 404}
    return {
        "schema_version": SCHEMA_VERSION,
        "request": _as_matched(head, asked.address, record),
        "decision": _whole(decision),
        "candidates": [
            {
                "route": each.route,
                "match": each.match,
                "rank": each.rank,
                "holds": each.holds,
                "failed": each.failed,
            }
            for each in explain_candidates(table, asked_head, limit)
        ],
    }


def _whole(decision: dict[str, Any]) -> dict[str, Any]:
    """The decision with every key that any has."""
    nothing = {**_NOTHING, "captures": {}, "policies": {}}
    nothing |= {"request_headers": changes(()), "response_headers": changes(())}
    return {**nothing, **decision}


def _as_received(asked: Asked) -> dict[str, Any]:
    raw = asked.raw
    host = next((value for name, value in raw.fields if name.lower() == b"host"), b"")
    return {
        "method": raw.method.decode("utf-8", "backslashreplace"),
        "target": raw.target.decode("utf-8", "backslashreplace"),
        "host": host.decode("utf-8", "backslashreplace"),
        "address": asked.address,
        "client_ip": str(raw.peer),
    }


def _as_matched(head: RequestHead, address: str, listener: ListenerRecord) -> dict[str, Any]:
    late = head.late
    return {
        "method": head.method,
        "scheme": head.scheme,
        "host": head.host,
        "path": head.path,
        "query": head.query,
        "headers": {name: readable(value) for name, value in head.headers.items()},
        "client_ip": None if head.client_ip is None else str(head.client_ip),
        "sni": head.sni,
        "tls": _tls(listener),
        "sample": head.sample,
        "address": address,
        "listener": head.listener,
        "model": readable(late.model) if late and late.model is not None else None,
        "stream": late.stream if late else None,
        "tools": late.tools if late else None,
    }


def _tls(listener: ListenerRecord) -> dict[str, Any] | None:
    """How the listener speaks TLS; None where it does not."""
    secure = listener.secure
    if secure is None:
        return None
    return {
        "min_version": secure.min_version,
        "client_certificates": secure.client_certificates,
        "certificates": [certificate for certificate, _ in secure.certificates],
        "hsts": listener.hsts,
    }


def _refused(rejection: Rejection) -> dict[str, Any]:
    kind = {404: "not-found", 204: "respond"}.get(rejection.status, "rejected")
    return {
        "kind": kind,
        "listener": rejection.listener,
        "status": rejection.status,
        "reason": rejection.reason,
        "detail": rejection.detail,
    }


def _decided(table: RouteTable, head: RequestHead, found: Match, port: int | None) -> dict[str, Any]:
    decision = decide(table, head, found, port=port)
    alternative = table.alternatives[found.rank]
    shown = {
        "kind": decision.kind,
        "listener": head.listener,
        "route": table.routes[alternative.route].name,
        "match": alternative.match,
        "captures": dict(found.captures),
        "policies": policies_shown(table.settings_of_routes[table.routes[alternative.route].settings]),
        **_effects(decision),
    }
    if decision.kind in ("upstream", "split"):
        shown["settings"] = settings_shown(table, alternative.route, decision.upstream)
    if decision.kind == "split":
        shown["parts"] = _parts(table, head, found, port, decision)
        shown["upstream"] = None
    elif decision.reason == "split-weights":
        shown["kind"] = "split"
    elif decision.kind == "static-files":
        files = table.static_files[table.routes[alternative.route].target]
        shown["policies"] = {"static-files": files_shown(files), **shown["policies"]}
    refused = foreseen(table, alternative.route, head)
    if refused is not None:
        status, reason, detail = refused
        shown |= {"kind": "rejected", "status": status, "reason": reason, "detail": detail}
    return shown


def _preflight(table: RouteTable, head: RequestHead, found: Match) -> dict[str, Any]:
    """A preflight that the route answers whose request it asks about."""
    from .filters.cors import Cors

    alternative = table.alternatives[found.rank]
    route = table.routes[alternative.route]
    record = table.settings_of_routes[route.settings].cors
    assert record is not None
    return {
        "kind": "respond",
        "listener": head.listener,
        "route": route.name,
        "match": alternative.match,
        "captures": dict(found.captures),
        "status": 204,
        "headers": [[name, readable(value)] for name, value in Cors(record).preflight_fields(head)],
        "body": "",
        "preflight": head.headers[METHOD_FIELD],
        "policies": policies_shown(table.settings_of_routes[route.settings]),
    }


def _parts(
    table: RouteTable, head: RequestHead, found: Match, port: int | None, decision: Decision
) -> list[dict[str, Any]]:
    """Each part of a split with what it does; the point where its interval begins leads to it."""
    parts, point = [], 0
    for share in decision.shares:
        part = {"upstream": share.upstream, "weight": share.weight, "of": share.of}
        if share.weight:
            taken = decide(table, head, found, port=port, split_point=point)
            route = table.alternatives[found.rank].route
            part |= _effects(taken) | {"settings": settings_shown(table, route, taken.upstream)}
        parts.append(part)
        point += share.weight
    return parts


def _effects(decision: Decision) -> dict[str, Any]:
    """What a decision does to request and reply, without the rest."""
    shown: dict[str, Any] = {}
    for key in ("status", "reason", "upstream", "builtin", "location", "host", "path", "query", "root"):
        value = getattr(decision, key)
        if value is not None:
            shown[key] = value
    if decision.kind in ("upstream", "split"):
        shown.setdefault("query", None)
        shown["request_headers"] = changes(decision.request_headers)
    if decision.kind == "respond":
        shown["headers"] = [[name, readable(value)] for name, value in decision.headers]
        shown["body"] = decision.body
    shown["response_headers"] = changes(decision.response_headers)
    return shown


def changes(rules: Iterable[HeaderChanges]) -> dict[str, Any]:
    """Header changes of a route and of its part in one: a later rule for a name replaces an earlier one."""
    rename: dict[str, str] = {}
    to_set: dict[str, str] = {}
    to_add: dict[str, list[str]] = {}
    remove: dict[str, None] = {}
    for each in rules:
        rename |= dict(each.rename)
        for name, value in each.set:
            to_add.pop(name, None)
            remove.pop(name, None)
            to_set[name] = readable(value)
        for name, value in each.add:
            if name in remove:  # what was there is gone, so the first line is the only one
                del remove[name]
                to_set[name] = readable(value)
            else:
                to_add.setdefault(name, []).append(readable(value))
        for name in each.remove:
            to_set.pop(name, None)
            to_add.pop(name, None)
            remove[name] = None
    return {"rename": rename, "set": to_set, "add": to_add, "remove": list(remove)}
