"""Caddy on one processor: a subroute for each host as a Caddyfile makes them, its JSON access log."""

from __future__ import annotations

import json

from .scene import Peer, ProxyRoute, Scene


def _route(route: ProxyRoute, scene: Scene) -> dict[str, object]:
    return {
        "match": [{"path": [route.path, f"{route.path}/*"]}],
        "terminal": True,
        "handle": [
            {
                "handler": "reverse_proxy",
                "headers": {"request": {"set": {"X-Request-Id": ["{http.request.uuid}"]}}},
                "transport": {"protocol": "http", "keep_alive": {"max_idle_conns_per_host": 128}},
                "upstreams": [{"dial": f"127.0.0.1:{scene.upstream_port}"}],
            }
        ],
    }


def _write(scene: Scene, program: str) -> list[str]:
    server = {
        "listen": [f"127.0.0.1:{scene.port}"],
        "automatic_https": {"disable": True},
        "protocols": ["h1"],
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
        "apps": {"http": {"servers": {"bench": server}}},
    }
    path = scene.folder / "caddy.json"
    path.write_text(json.dumps(config))
    return [program, "run", "--config", str(path)]


PEER = Peer("Caddy", "caddy", _write, (("GOMAXPROCS", "1"),))
