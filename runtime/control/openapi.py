"""The admin API as data: every path, what it takes and what it answers.

Owns the one table of operations, which the dispatcher asks and which the OpenAPI document is made of. What an
operation does, `admin_routes.py` knows; what its answers look like, `openapi_shapes.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from gwc.schema.version import VERSION

from ..observe.exposition import CONTENT_TYPE
from .openapi_shapes import SHAPES

TAGS: Final[Mapping[str, str]] = {
    "looking": "What the gateway does and has done. Nothing changes.",
    "changing": "What changes the gateway. Each call, and each that is refused, is a line of the audit log.",
}


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number that may stand in a query; `default` None: it may be left out and means nothing then."""

    name: str
    description: str
    least: int
    most: int
    default: int | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `answers` has a shape for each status that is no refusal, `refusals` the
    others; `body` is the shape of what is sent, `needs_body` whether it may be left out."""

    name: str
    method: Literal["GET", "POST"]
    path: str
    summary: str
    description: str
    answers: Mapping[int, str]
    query: tuple[Number, ...] = ()
    body: str | None = None
    needs_body: bool = True
    refusals: tuple[int, ...] = ()
    changes: bool = False
    media: str = "application/json"


_LIMIT_ROUTES: Final = (
    Number("limit", "At most that many.", 0, 10_000, 1_000),
    Number("offset", "After that many.", 0, 1_000_000, 0),
)
_LIMIT_REQUESTS: Final = (Number("limit", "At most that many.", 0, 1_000, 100),)

OPERATIONS: Final = (
    Operation(
        "status",
        "GET",
        "/v1/status",
        "How it goes",
        "Generation and digest, the last reload, the workers and what each of them serves.",
        {200: "Status"},
    ),
    Operation(
        "health",
        "GET",
        "/v1/health",
        "Whether the gateway serves",
        "200 where workers serve, 503 where none does or the gateway drains.",
        {200: "Health", 503: "Health"},
    ),
    Operation(
        "config",
        "GET",
        "/v1/config",
        "The configuration that is served",
        "As it was resolved: groups and defaults applied. Secrets are the references that were written; "
        "values written out under names that are secret are masked. Routes in the order they were written.",
        {200: "Config"},
        query=_LIMIT_ROUTES,
    ),
    Operation(
        "routes",
        "GET",
        "/v1/routes",
        "Routes, and how often each was taken",
        "Counted over all workers since the gateway started. Routes in the order they were written.",
        {200: "Routes"},
        query=_LIMIT_ROUTES,
    ),
    Operation(
        "upstreams",
        "GET",
        "/v1/upstreams",
        "Upstreams and their targets",
        "Connections are those of all workers at this moment, attempts and failures since the gateway "
        "started. A target is an address; a name has as many targets as it has addresses.",
        {200: "Upstreams"},
    ),
    Operation(
        "disable_target",
        "POST",
        "/v1/upstreams/{name}/targets/{address}/disable",
        "Send no more requests to a target",
        "In every worker, and in those that start later. It holds until it is enabled again, over reloads "
        "too, for as long as the target is there. A target that several upstreams have is one target: it is "
        "disabled in all of them. Requests under way end as they would.",
        {200: "Target"},
        refusals=(404,),
        changes=True,
    ),
    Operation(
        "enable_target",
        "POST",
        "/v1/upstreams/{name}/targets/{address}/enable",
        "Send requests to a target again",
        "In every worker.",
        {200: "Target"},
        refusals=(404,),
        changes=True,
    ),
    Operation(
        "drain_target",
        "POST",
        "/v1/upstreams/{name}/targets/{address}/drain",
        "Disable a target and wait for its requests",
        "As disabling; its idle connections are closed, too, and the answer comes when no request is under "
        "way there any more or the time is over. `active` tells which.",
        {200: "Target"},
        body="DrainTarget",
        needs_body=False,
        refusals=(404,),
        changes=True,
    ),
    Operation(
        "start_probes",
        "POST",
        "/v1/upstreams/{name}/probes/start",
        "Probe the targets of an upstream now",
        "All at once, beside their intervals; the answer comes when each has answered or is too late. Probes "
        "that were cancelled go on from now. 404 for an upstream without `health`.",
        {200: "Probed"},
        refusals=(404,),
        changes=True,
    ),
    Operation(
        "cancel_probes",
        "POST",
        "/v1/upstreams/{name}/probes/cancel",
        "Probe an upstream no more",
        "What probes have found is forgotten: its targets have requests again. It holds until they are "
        "started again or the upstream's `health` changes.",
        {200: "Probed"},
        refusals=(404,),
        changes=True,
    ),
    Operation(
        "active_requests",
        "GET",
        "/v1/requests/active",
        "Requests that are being served",
        "Of all workers, the oldest first; `duration_ms` is how long each has taken until now. Masked as "
        "the access log is.",
        {200: "ActiveRequests"},
        query=_LIMIT_REQUESTS,
    ),
    Operation(
        "recent_requests",
        "GET",
        "/v1/requests/recent",
        "Requests that are over",
        "The last 128 of each worker, the newest first, as the access log tells of them.",
        {200: "RecentRequests"},
        query=_LIMIT_REQUESTS,
    ),
    Operation(
        "explain",
        "POST",
        "/v1/explain",
        "What would happen to a request",
        "The answer of `gwc explain --format json`, from the table that is served. Nothing is sent anywhere.",
        {200: "Explanation"},
        body="Explain",
        refusals=(422,),
    ),
    Operation(
        "reload",
        "POST",
        "/v1/reload",
        "Take over the configuration, or go back",
        "Compiles and changes over; the answer comes when that is done. With `to` an earlier table is "
        "served again, under a new number. 409 where it failed: what was served before is still served.",
        {200: "Reload", 409: "Reload"},
        query=(Number("to", "One of the `generations` of the status.", 1, 2**53),),
        changes=True,
    ),
    Operation(
        "drain",
        "POST",
        "/v1/drain",
        "End the gateway",
        "It accepts no more, waits for its requests, and ends: as after SIGTERM.",
        {202: "Draining"},
        changes=True,
    ),
    Operation(
        "log_level",
        "POST",
        "/v1/log-level",
        "Change the level of the error log",
        "In every process, until a configuration with another error log is taken over or the worker is "
        "replaced.",
        {200: "LogLevel"},
        body="LogLevel",
        changes=True,
    ),
    Operation(
        "reopen_logs",
        "POST",
        "/v1/logs/reopen",
        "Open log files anew",
        "After they were rotated: as SIGUSR1.",
        {200: "Nothing"},
        changes=True,
    ),
    Operation(
        "metrics",
        "GET",
        "/v1/metrics",
        "All metrics",
        "The same text as the listener of `metrics` has.",
        {200: "MetricsText"},
        media=CONTENT_TYPE,
    ),
    Operation(
        "openapi",
        "GET",
        "/v1/openapi.json",
        "This document",
        "OpenAPI 3.1.",
        {200: "OpenApi"},
    ),
)

_WORDS: Final = {
    200: "Done.",
    202: "Begun.",
    409: "It failed; nothing has changed.",
    503: "The gateway does not serve.",
}
_REFUSALS: Final = {
    400: "What was sent is not what this path takes.",
    401: "The token is missing or another one.",
    403: "The Host header, or a browser.",
    404: "There is no such thing.",
    422: "What was described is no request to this gateway.",
}


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    paths: dict[str, dict[str, Any]] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gwc admin API",
            "version": VERSION,
            "summary": "Looking at a running gateway and changing it.",
            "description": "Served on a unix socket of mode 0600, or on a loopback address with a token. "
            "Refusals are JSON with a code and words.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "http://localhost", "description": "The host does not matter on a unix socket."}],
        "tags": [{"name": name, "description": words} for name, words in TAGS.items()],
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": SHAPES,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "GWC_ADMIN_TOKEN; on a loopback address only.",
                }
            },
        },
    }


def document_text() -> str:
    """The document as it stands in docs/openapi.json."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def names_in(path: str) -> list[str]:
    """The parameters of a path."""
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _operation(each: Operation) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in names_in(each.path)
    ]
    for number in each.query:
        schema: dict[str, Any] = {"type": "integer", "minimum": number.least, "maximum": number.most}
        if number.default is not None:
            schema["default"] = number.default
        parameters.append(
            {"name": number.name, "in": "query", "description": number.description, "schema": schema}
        )
    responses = {
        str(status): {
            "description": _WORDS[status],
            "content": {each.media.partition(";")[0]: {"schema": _reference(shape)}},
        }
        for status, shape in each.answers.items()
    }
    for status in sorted({400, 401, 403, *each.refusals}):
        responses[str(status)] = {
            "description": _REFUSALS[status],
            "content": {"application/json": {"schema": _reference("Error")}},
        }
    told: dict[str, Any] = {
        "operationId": each.name,
        "tags": ["changing" if each.changes else "looking"],
        "summary": each.summary,
        "description": each.description,
    }
    if parameters:
        told["parameters"] = parameters
    if each.body is not None:
        told["requestBody"] = {
            "required": each.needs_body,
            "content": {"application/json": {"schema": _reference(each.body)}},
        }
    told["responses"] = responses
    return told


def _reference(shape: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{shape}"}
