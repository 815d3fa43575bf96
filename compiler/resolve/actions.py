"""What a route does: its one action, its rewrite, its header rules.

Owns the reading of the settings of a route, group or split part, and the rules inside them: one action, one
way to rewrite the path, one rule for a header name. Whether captures and prefixes exist is judged in
`effects.py`, once the route's alternatives are known.
"""

from __future__ import annotations

from typing import Any

from gwc.schema.diagnostic import Label, error
from gwc.schema.listener import PathOptions
from gwc.schema.normalise.host import normalise_configured_host

from .context import Context, Record, key_span, span_of, undefined
from .headers import UNCHANGEABLE, header_rules, refuse_unchangeable
from .patterns import normal_form
from .resolved import Action, Builtin, Redirect, Respond, Rewrite, Split, SplitPart, StaticFiles, ToUpstream
from .static_files import resolve_static_files
from .text import as_bytes_text

_WITHOUT_BODY = (204, 205, 304)  # RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5

ACTIONS = ("upstream", "split", "redirect", "respond", "builtin", "static-files")
PRIORITIES = {"low": -100, "normal": 0, "high": 100, "critical": 1000}


def priority_of(value: str | int) -> int:
    """A priority as a number."""
    return PRIORITIES[value] if isinstance(value, str) else value


def action_key(context: Context, record: Record, kind: str) -> str | None:
    """The key of the one action that `record` has, None without one; two are reported, the first counts."""
    present = [key for key in ACTIONS if key in record]
    if len(present) < 2:
        return present[0] if present else None
    present.sort(key=lambda key: key_span(record, key).start)
    first, second = present[:2]
    what = f"{kind} `{record[kind]}`" if kind in record else f"`{kind}`"
    context.report(
        error(
            "GWC320",
            key_span(record, second),
            f"{what} has two actions, `{first}` and `{second}`",
            label="the second",
            secondary=(Label(key_span(record, first), "the first"),),
            help="keep one; `split` shares requests among several upstreams",
        )
    )
    return first


def resolve_action(context: Context, record: Record, key: str) -> Action:
    """The action that stands under `key` of `record`."""
    value = record[key]
    if key == "upstream":
        _bind_upstream(context, record, "upstream")
        return ToUpstream(value)
    if key == "split":
        return Split(tuple(_part(context, part) for part in value))
    if key == "redirect":
        return _redirect(context, value)
    if key == "builtin":
        return Builtin(value)
    if key == "static-files":
        return StaticFiles(resolve_static_files(context, value))
    return _respond(context, value)


def _bind_upstream(context: Context, record: Record, key: str) -> None:
    name = record[key]
    if name in context.upstreams:
        context.used_upstreams.add(name)
    else:
        undefined(context, "upstream", name, record, key)


def _part(context: Context, record: Record) -> SplitPart:
    _bind_upstream(context, record, "upstream")
    return SplitPart(
        upstream=record["upstream"],
        weight=record.get("weight", 1),
        request_headers=header_rules(context, record.get("request-headers"), "request"),
        response_headers=header_rules(context, record.get("response-headers"), "reply"),
        rewrite=resolve_rewrite(context, record["rewrite"]) if "rewrite" in record else None,
    )


def _redirect(context: Context, record: Record) -> Redirect:
    kind, path = _path_change(context, record, ("path", "prefix"))
    if path:  # a Location is a URL: it is written as a request for it would be normalised
        path = normal_form(path, PathOptions()) or path
    return Redirect(
        scheme=record.get("scheme"),
        host=_host(record),
        port=record.get("port"),
        kind=kind,
        path=path,
        status=record.get("status", 302),
        keep_query=record.get("query", "keep") == "keep",
    )


def _respond(context: Context, record: Record) -> Respond:
    status = record.get("status", 200)
    if status in _WITHOUT_BODY and "body" in record:
        context.report(
            error(
                "GWC329",
                key_span(record, "body"),
                f"a reply with status {status} has no body",
                secondary=(Label(span_of(record, "status"), "this status says so"),),
                help="take the body out, or give another status",
            )
        )
    for header in record.get("headers", ()):
        if header["header"].lower() in UNCHANGEABLE:
            refuse_unchangeable(context, header["header"].lower(), (header, "header", None))
    return Respond(
        status=status,
        headers=tuple(
            (header["header"].lower(), as_bytes_text(header["value"])) for header in record.get("headers", ())
        ),
        body=record.get("body", ""),
    )


def resolve_rewrite(context: Context, record: Record) -> Rewrite:
    """A rewrite; at most one of `path`, `prefix` and `template`."""
    kind, path = _path_change(context, record, ("path", "prefix", "template"))
    return Rewrite(host=_host(record), kind=kind, path=path)


def _path_change(context: Context, record: Record, keys: tuple[str, ...]) -> tuple[Any, str]:
    """Kind and text of the one change of the path, None without one; of two that were reported, None too."""
    present = sorted((key for key in keys if key in record), key=lambda key: key_span(record, key).start)
    if len(present) > 1:
        context.report(
            error(
                "GWC321",
                key_span(record, present[1]),
                f"`{present[0]}` and `{present[1]}` both say what becomes of the path",
                label="the second",
                secondary=(Label(key_span(record, present[0]), "the first"),),
                help="keep one of them",
            )
        )
    if len(present) != 1:
        return None, ""
    key = present[0]
    return {"path": "full"}.get(key, key), as_bytes_text(record[key])


def _host(record: Record) -> str | None:
    host = record.get("host")
    return None if host is None else str(normalise_configured_host(host))
