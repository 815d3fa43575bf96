"""What the admin API's bodies look like: JSON Schema (2020-12), by name.

Owns the shapes alone. Objects of ours are closed: what is not named here is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Shape = dict[str, Any]

TEXT: Final[Shape] = {"type": "string"}
TRUTH: Final[Shape] = {"type": "boolean"}
COUNT: Final[Shape] = {"type": "integer", "minimum": 0}
SECONDS: Final[Shape] = {"type": "number", "minimum": 0}
TIME: Final[Shape] = {"type": "number", "description": "Unix time in seconds."}
ANYTHING: Final[Shape] = {}


def _of(name: str) -> Shape:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(item: Shape) -> Shape:
    return {"type": "array", "items": item}


def _by_name(value: Shape) -> Shape:
    return {"type": "object", "additionalProperties": value}


def _or_null(shape: Shape) -> Shape:
    return {"anyOf": [shape, {"type": "null"}]}


def _object(members: Mapping[str, Shape], *, optional: tuple[str, ...] = (), description: str = "") -> Shape:
    shape: Shape = {
        "type": "object",
        "properties": dict(members),
        "required": [name for name in members if name not in optional],
        "additionalProperties": False,
    }
    return {"description": description, **shape} if description else shape


_TARGET_NOW: Final = {
    "target": TEXT,
    "connections": COUNT,
    "active": COUNT,
    "idle": COUNT,
    "disabled": TRUTH,
    "state": {
        "enum": ["ready", "disabled", "unhealthy", "ejected", "breaker-open", "breaker-half-open"],
        "description": "Whether it has requests, or why not.",
    },
    "ejected_until": _or_null(TIME),
    "breaker": _or_null({"enum": ["closed", "open", "half-open"]}),
}

_HEALTH: Final = _or_null(
    _object(
        {
            "state": {"enum": ["unknown", "healthy", "unhealthy"]},
            "checked": _or_null(TIME),
            "reason": {"type": "string", "description": "Why the last probe failed; else empty."},
        },
        description="What probes say; null where there are none.",
    )
)

_REQUEST: Final = {
    "timestamp": TEXT,
    "trace_id": TEXT,
    "request_id": TEXT,
    "client_ip": TEXT,
    "host": TEXT,
    "path": TEXT,
    "query": _or_null(TEXT),
    "identity": {"type": "string", "description": 'Who authenticated, "" where nobody did.'},
    "user_agent": TEXT,
    "referer": TEXT,
    "request_bytes": COUNT,
    "response_bytes": COUNT,
    "tls_version": TEXT,
    "tls_cipher": TEXT,
    "sni": {"type": "string", "description": "The name that was asked for, empty for none; with TLS alone."},
    "duration_ms": SECONDS,
    "connect_ms": _or_null(SECONDS),
    "first_byte_ms": _or_null(SECONDS),
    "method": TEXT,
    "protocol": TEXT,
    "status": COUNT,
    "grpc_status": _or_null(COUNT),
    "listener": TEXT,
    "route": TEXT,
    "match": COUNT,
    "upstream": TEXT,
    "target": TEXT,
    "attempts": COUNT,
    "reused": TRUTH,
    "reason": TEXT,
    "generation": COUNT,
    "instance": TEXT,
}

SHAPES: Final[dict[str, Shape]] = {
    "Error": _object(
        {
            "error": _object(
                {
                    "code": {"type": "string", "description": "A word for programs."},
                    "message": {"type": "string", "description": "Words for people."},
                }
            )
        },
        description="Why something was refused.",
    ),
    "Reload": _object(
        {
            "result": {"enum": ["committed", "unchanged", "failed"]},
            "cause": TEXT,
            "generation": {**COUNT, "description": "What is served now."},
            "digest": TEXT,
            "at": TIME,
            "seconds": SECONDS,
            "reason": {"type": "string", "description": "Why it failed, in one line; else empty."},
            "findings": {"type": "string", "description": "The compiler's report, as `gwc check` prints it."},
        },
        description="What came of one reload.",
    ),
    "Generation": _object({"generation": COUNT, "digest": TEXT, "origin": TEXT, "at": TIME}),
    "Worker": _object(
        {
            "slot": COUNT,
            "pid": COUNT,
            "state": {"enum": ["starting", "ready", "retiring", "gone"]},
            "generation": COUNT,
            "status": _or_null(
                _object(
                    {
                        "generation": _or_null(COUNT),
                        "connections": COUNT,
                        "in_flight": COUNT,
                        "draining": TRUTH,
                        "upstreams": _by_name(_list(_object(_TARGET_NOW))),
                    },
                    description="null where the worker did not answer in time.",
                )
            ),
        }
    ),
    "Status": _object(
        {
            "version": TEXT,
            "pid": COUNT,
            "started": TIME,
            "uptime_s": SECONDS,
            "ready": TRUTH,
            "draining": TRUTH,
            "generation": COUNT,
            "digest": TEXT,
            "origin": TEXT,
            "config_stale": {
                "type": "boolean",
                "description": "The files say something else than what is served, because it is broken.",
            },
            "last_reload": _or_null(_of("Reload")),
            "last_success": _or_null(_of("Reload")),
            "reloads": _object({"committed": COUNT, "unchanged": COUNT, "failed": COUNT}),
            "generations": {**_list(_of("Generation")), "description": "What can be gone back to."},
            "addresses": {**_by_name(TEXT), "description": "Where it listens, by what was written."},
            "admin": {**_or_null(TEXT), "description": "Where the admin API is."},
            "metrics": _or_null(TEXT),
            "workers_replaced": COUNT,
            "disabled": _list(_object({"upstream": TEXT, "target": TEXT})),
            "workers": {
                **_list(_or_null(_of("Worker"))),
                "description": "By slot; null where a worker is being replaced.",
            },
        }
    ),
    "Health": _object(
        {
            "status": {"enum": ["ok", "starting", "draining", "no-workers"]},
            "generation": COUNT,
            "workers": {**COUNT, "description": "Those that serve."},
            "config_stale": TRUTH,
        }
    ),
    "Config": _object(
        {
            "generation": COUNT,
            "digest": TEXT,
            "gateway": _by_name(ANYTHING),
            "listeners": _list(_by_name(ANYTHING)),
            "upstreams": _list(_by_name(ANYTHING)),
            "routes": _list(_by_name(ANYTHING)),
            "routes_total": COUNT,
        }
    ),
    "Routes": _object(
        {
            "generation": COUNT,
            "total": COUNT,
            "routes": _list(
                _object(
                    {
                        "name": TEXT,
                        "action": {
                            "enum": ["upstream", "split", "redirect", "respond", "builtin", "static-files"]
                        },
                        "upstreams": _list(TEXT),
                        "hits": COUNT,
                        "last_hit": _or_null(TIME),
                    }
                )
            ),
        }
    ),
    "Upstreams": _object(
        {
            "generation": COUNT,
            "upstreams": _list(
                _object(
                    {
                        "name": TEXT,
                        "written": _list(_object({"target": TEXT, "weight": COUNT})),
                        "targets": _list(_of("Target")),
                    }
                )
            ),
        }
    ),
    "Target": _object(
        {**_TARGET_NOW, "attempts": COUNT, "failures": _by_name(COUNT), "health": _HEALTH},
        description="One target over all workers. `failures` counts by reason.",
    ),
    "Probed": _object(
        {
            "upstream": TEXT,
            "probing": {"type": "boolean", "description": "Whether probes go on by themselves."},
            "targets": _list(_of("Target")),
        }
    ),
    "DrainTarget": _object(
        {"timeout_s": {"type": "number", "minimum": 0, "maximum": 300, "default": 30}},
        optional=("timeout_s",),
    ),
    "Request": _object(
        _REQUEST,
        optional=("tls_version", "tls_cipher", "sni"),
        description="One request, as the access log tells of it.",
    ),
    "ActiveRequests": _object(
        {"total": COUNT, "requests": _list(_of("Request"))},
        description="`total` may be more than there are here.",
    ),
    "RecentRequests": _object({"requests": _list(_of("Request"))}),
    "Explain": _object(
        {
            "method": {"type": "string", "minLength": 1, "maxLength": 1000},
            "url": {
                "type": "string",
                "maxLength": 65_536,
                "examples": ["http://api.example.com/orders?raw=1"],
            },
            "headers": {
                "type": "array",
                "maxItems": 1000,
                "items": {"type": "string", "maxLength": 65_536},
                "description": "`Name: value`, as `gwc explain -H` takes them.",
            },
            "client_ip": {"type": "string", "maxLength": 100, "default": "127.0.0.1"},
            "listener": {**_or_null(TEXT), "description": "Where it comes in, where the URL does not say."},
            "sni": _or_null(TEXT),
            "body": {"type": "string", "description": "The request's body."},
            "candidates": {"type": "integer", "minimum": 0, "maximum": 1000, "default": 10},
        },
        optional=("headers", "client_ip", "listener", "sni", "body", "candidates"),
    ),
    "Explanation": _object(
        {
            "schema_version": {"const": 1},
            "request": _by_name(ANYTHING),
            "decision": {
                "type": "object",
                "required": ["kind", "listener", "route", "match", "status", "reason", "upstream"],
                "additionalProperties": True,
            },
            "candidates": _list(
                _object(
                    {"route": TEXT, "match": COUNT, "rank": COUNT, "holds": TRUTH, "failed": _or_null(TEXT)}
                )
            ),
        }
    ),
    "Draining": _object({"draining": {"const": True}, "deadline_s": SECONDS}),
    "LogLevel": _object({"level": {"enum": ["debug", "info", "warning", "error"]}}),
    "Nothing": _object({}),
    "MetricsText": {"type": "string", "description": "Prometheus' exposition format, version 0.0.4."},
    "OpenApi": {"type": "object", "required": ["openapi", "info", "paths"], "additionalProperties": True},
}
