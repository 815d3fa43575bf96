"""The text form of `gwc explain`, made from the data of `answers.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gwc.runtime.policies_shown import policy_lines
from gwc.runtime.settings_shown import settings_line


def explain_text(shown: Mapping[str, Any]) -> str:
    """The request, the decision and the candidates, for people."""
    lines = [*_request(shown["request"]), "", *_decision(shown["decision"])]
    if shown["candidates"]:
        lines += ["", *_candidates(shown["candidates"])]
    return "".join(f"{visible(line)}\n" for line in lines)


def visible(line: str) -> str:
    """The line without control characters: none of a request or a pattern reaches the terminal."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line)


def _request(request: Mapping[str, Any]) -> list[str]:
    if "target" in request:
        return [
            f"request   {request['method']} {request['target']}  (host {request['host'] or 'none'})",
            f"          came in by {request['address']}, answered before matching",
        ]
    query = f"?{request['query']}" if request["query"] is not None else ""
    lines = [
        f"request   {request['method']} {request['scheme']}://{request['host']}{request['path']}{query}",
        f"          by listener `{request['listener']}` ({request['address']}), "
        f"client {request['client_ip'] or 'unknown'}",
    ]
    if request["sni"]:
        lines.append(f"          server name {request['sni']}")
    tls = request.get("tls")
    if tls is not None:
        asks = tls["client_certificates"]
        clients = "" if asks == "off" else f", client certificates {asks}"
        hsts = "" if tls["hsts"] is None else f", hsts {tls['hsts']}"
        lines.append(f"          over TLS {tls['min_version']} or later{clients}{hsts}")
    late = [
        f"{key} {_said(request[key])}" for key in ("model", "stream", "tools") if request[key] is not None
    ]
    if late:
        lines.append(f"          asks for {', '.join(late)}")
    return lines


def _said(value: str | bool) -> str:
    return value if isinstance(value, str) else "yes" if value else "no"


def _decision(decision: Mapping[str, Any]) -> list[str]:
    kind = decision["kind"]
    route = decision.get("route")
    by = f"route `{route}` (match {decision['match']})" if route else "no route"
    if kind == "not-found":
        return [f"decision  404: {decision.get('detail') or 'no route holds'}"]
    if kind in ("rejected", "respond") and not route:
        return [f"decision  {decision['status']}: {decision['detail']} ({decision['reason']})"]
    if kind == "rejected":
        why = decision.get("detail") or "the rewritten path is refused"
        policies = [f"          {line}" for line in policy_lines(decision.get("policies") or {})]
        return [f"decision  {decision['status']}: {why} ({decision['reason']})", f"          {by}", *policies]
    if kind == "redirect" and not route:
        return [
            f"decision  {decision['status']} to {decision['location']}",
            f"          listener `{decision['listener']}` sends every request to https",
        ]
    lines = {
        "upstream": lambda: [f"decision  to upstream `{decision['upstream']}`", f"          {by}"],
        "split": lambda: [*_split(decision), f"          {by}"],
        "redirect": lambda: [
            f"decision  {decision['status']} to {decision['location']}",
            f"          {by}",
        ],
        "respond": lambda: [
            f"decision  {decision['status']} by the gateway itself, {len(decision['body'].encode())} bytes",
            f"          {by}",
            *(f"          {name}: {value}" for name, value in decision["headers"]),
        ],
        "static-files": lambda: [
            f"decision  answered with a file, {decision['path']} below `{decision['root']}`",
            f"          {by}",
        ],
        "builtin": lambda: [
            f"decision  answered by the gateway's `{decision['builtin']}`",
            f"          {by}",
        ],
    }[kind]()
    if decision.get("captures"):
        captured = ", ".join(f"{name}={value}" for name, value in decision["captures"].items())
        lines.append(f"          captures {captured}")
    if decision.get("preflight"):
        lines.append(f"          a preflight, matched as {decision['preflight']}")
    return [*lines, *_effects(decision)]


def _split(decision: Mapping[str, Any]) -> list[str]:
    if "parts" not in decision:
        return ["decision  500: all weights of the split are 0"]
    lines = ["decision  split"]
    for part in decision["parts"]:
        share = 100 * part["weight"] / part["of"]
        where = (
            f", as {part['path']}" if part.get("path") != decision.get("path") and part.get("path") else ""
        )
        lines.append(f"          {share:5.1f}% to upstream `{part['upstream']}`{where}")
        own = {key: part.get(key) for key in ("request_headers", "response_headers", "settings")}
        if own != {key: decision.get(key) for key in own}:
            lines += [f"        {line}" for line in _effects(own)]
    return lines


def _effects(decision: Mapping[str, Any]) -> list[str]:
    lines = []
    if decision.get("path") is not None and decision.get("root") is None:
        query = f"?{decision['query']}" if decision.get("query") is not None else ""
        lines.append(f"          sent as {decision['path']}{query}, host {decision['host'] or 'none'}")
    for key, whose in (("request_headers", "request"), ("response_headers", "reply")):
        rules = decision.get(key) or {}
        lines += [f"          {whose}: rename {old} to {new}" for old, new in rules.get("rename", {}).items()]
        lines += [f"          {whose}: set {name}: {value}" for name, value in rules.get("set", {}).items()]
        for name, values in rules.get("add", {}).items():
            lines += [f"          {whose}: add {name}: {value}" for value in values]
        lines += [f"          {whose}: remove {name}" for name in rules.get("remove", ())]
    if decision.get("settings"):
        lines.append(f"          {settings_line(decision['settings'])}")
    lines += [f"          {line}" for line in policy_lines(decision.get("policies") or {})]
    return lines


def _candidates(candidates: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = ["others: those whose host and path hold, then the nearest misses, each with its rank"]
    names = [f"{each['route']} (match {each['match']})" for each in candidates]
    width = max(map(len, names))
    for name, each in zip(names, candidates, strict=True):
        verdict = "holds" if each["holds"] else f"no: {each['failed']}"
        lines.append(f"  {each['rank']:>6}  {name:<{width}}  {verdict}")
    return lines
