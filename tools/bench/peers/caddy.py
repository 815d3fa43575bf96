"""Caddy on one processor: a subroute for each host as a Caddyfile makes them, its JSON access log."""

from __future__ import annotations

import json

from .scene import GZIP_LEVEL, REMOVED_FIELD, REPLY_FIELDS, REQUEST_FIELDS, Peer, ProxyRoute, Scene


def _route(route: ProxyRoute, scene: Scene) -> dict[str, object]:
    changes: dict[str, object] = {"set": {"X-Request-Id": ["{http.request.uuid}"]}}
    if "header rules" in scene.policies:
        changes["set"] = {"X-Request-Id": ["{http.request.uuid}"], **_fields(REQUEST_FIELDS)}
        changes["delete"] = [REMOVED_FIELD]
    transport: dict[str, object] = {"protocol": "http", "keep_alive": {"max_idle_conns_per_host": 128}}
    if scene.upstream_http2:
        transport["versions"] = ["h2c"]
    return {
        "match": [{"path": [route.path, f"{route.path}/*"]}],
        "terminal": True,
        "handle": [
            *_policies(scene),
            {
                "handler": "reverse_proxy",
                "headers": {"request": changes},
                "transport": transport,
                "upstreams": [{"dial": f"127.0.0.1:{scene.upstream_port}"}],
            },
        ],
    }


def _fields(fields: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    return {name: [value] for name, value in fields}


def _policies(scene: Scene) -> list[dict[str, object]]:
    """The stack without tokens and rate limits, which need modules."""
    handlers: list[dict[str, object]] = []
    if "compression" in scene.policies:
        handlers.append(
            {
                "handler": "encode",
                "encodings": {"gzip": {"level": GZIP_LEVEL}},
                "match": {"headers": {"Content-Type": ["application/json*", "text/*"]}},
                "minimum_length": 1024,
            }
        )
    if "header rules" in scene.policies:
        handlers.append({"handler": "headers", "response": {"set": _fields(REPLY_FIELDS)}})
    return handlers


def _write(scene: Scene, program: str) -> list[str]:
    server: dict[str, object] = {
        "listen": [f"127.0.0.1:{scene.port}"],
        "automatic_https": {"disable": True},
        "protocols": ["h1", "h2"] if scene.tls else ["h1"],
        "logs": {"default_logger_name": "access"},
        "routes": [
            {
                "match": [{"host": [host]}],
                "terminal": True,
                "handle": [{"handler": "subroute", "routes": [_route(each, scene) for each in routes]}],
            }
            for host, routes in scene.by_host().items()
        ],
    }
    apps: dict[str, object] = {"http": {"servers": {"bench": server}}}
    if scene.tls:
        proof = scene.proof()
        server["tls_connection_policies"] = [{}]
        files = {"certificate": str(proof.certificate), "key": str(proof.key)}
        apps["tls"] = {"certificates": {"load_files": [files]}}
    config = {
        "admin": {"disabled": True, "config": {"persist": False}},
        "logging": {
            "logs": {
                "default": {"level": "ERROR", "exclude": ["http.log.access.access"]},
                "access": {
                    "include": ["http.log.access.access"],
                    "writer": {"output": "file", "filename": str(scene.folder / "access.log")},
                },
            }
        },
        "apps": apps,
    }
    path = scene.folder / "caddy.json"
    path.write_text(json.dumps(config))
    return [program, "run", "--config", str(path)]


PEER = Peer(
    "Caddy", "caddy", _write, (("GOMAXPROCS", "1"),), frozenset({"jwt", "rate limit", "http2 in plain text"})
)
