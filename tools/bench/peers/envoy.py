"""Envoy, one worker: a virtual host for each host, `path_separated_prefix` for each route, its usual log."""

from __future__ import annotations

import json

from .scene import Peer, ProxyRoute, Scene

_TYPES = "type.googleapis.com/envoy.extensions."


def _route(route: ProxyRoute) -> dict[str, object]:
    return {"match": {"path_separated_prefix": route.path}, "route": {"cluster": "up"}}


def _write(scene: Scene, program: str) -> list[str]:
    manager = {
        "@type": f"{_TYPES}filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "access_log": [
            {
                "name": "file",
                "typed_config": {
                    "@type": f"{_TYPES}access_loggers.file.v3.FileAccessLog",
                    "path": str(scene.folder / "access.log"),
                },
            }
        ],
        "use_remote_address": True,
        "route_config": {
            "name": "bench",
            "virtual_hosts": [
                {"name": host, "domains": [host], "routes": [_route(each) for each in routes]}
                for host, routes in scene.by_host().items()
            ],
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPES}filters.http.router.v3.Router"},
            }
        ],
    }
    address = {"address": "127.0.0.1", "port_value": scene.port}
    upstream = {"address": "127.0.0.1", "port_value": scene.upstream_port}
    config = {
        "static_resources": {
            "listeners": [
                {
                    "name": "public",
                    "address": {"socket_address": address},
                    "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
                }
            ],
            "clusters": [
                {
                    "name": "up",
                    "type": "STATIC",
                    "load_assignment": {
                        "cluster_name": "up",
                        "endpoints": [
                            {"lb_endpoints": [{"endpoint": {"address": {"socket_address": upstream}}}]}
                        ],
                    },
                }
            ],
        }
    }
    path = scene.folder / "envoy.json"
    path.write_text(json.dumps(config))
    return [program, "-c", str(path), "--concurrency", "1", "-l", "error", "--disable-hot-restart"]


PEER = Peer("Envoy", "envoy", _write)
