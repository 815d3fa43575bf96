"""Envoy, one worker: a virtual host for each host, `path_separated_prefix` for each route, its usual log."""

from __future__ import annotations

import json

from ..credentials import AUDIENCE, ISSUER
from .scene import GZIP_LEVEL, REMOVED_FIELD, REPLY_FIELDS, REQUEST_FIELDS, Peer, ProxyRoute, Scene

_TYPES = "type.googleapis.com/envoy.extensions."


def _route(route: ProxyRoute) -> dict[str, object]:
    return {"match": {"path_separated_prefix": route.path}, "route": {"cluster": "up"}}


def _filters(scene: Scene) -> list[dict[str, object]]:
    """The policies of the stack, and the router. The bucket of the rate limit is one for everybody: Envoy has
    one for each client only where a service counts."""
    wanted, filters = scene.policies, []
    if "jwt" in wanted:
        provider = {
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "local_jwks": {"inline_string": scene.proof().jwks.read_text()},
            "jwt_cache_config": {"jwt_cache_size": 4096},
        }
        filters.append(
            _filter(
                "jwt_authn",
                "filters.http.jwt_authn.v3.JwtAuthentication",
                providers={"bench": provider},
                rules=[{"match": {"prefix": "/"}, "requires": {"provider_name": "bench"}}],
            )
        )
    if "rate limit" in wanted:
        always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
        filters.append(
            _filter(
                "local_ratelimit",
                "filters.http.local_ratelimit.v3.LocalRateLimit",
                stat_prefix="all",
                token_bucket={
                    "max_tokens": 1_000_000_000,
                    "tokens_per_fill": 1_000_000_000,
                    "fill_interval": "1s",
                },
                filter_enabled=always,
                filter_enforced=always,
                enable_x_ratelimit_headers="DRAFT_VERSION_03",
            )
        )
    if "compression" in wanted:
        gzip = _typed(
            "compression.gzip.compressor.v3.Gzip", compression_level=f"COMPRESSION_LEVEL_{GZIP_LEVEL}"
        )
        filters.append(
            _filter(
                "compressor",
                "filters.http.compressor.v3.Compressor",
                compressor_library={"name": "gzip", "typed_config": gzip},
                response_direction_config={
                    "common_config": {
                        "min_content_length": 1024,
                        "content_type": ["application/json", "text/plain"],
                    }
                },
            )
        )
    return [*filters, _filter("router", "filters.http.router.v3.Router")]


def _filter(name: str, kind: str, **config: object) -> dict[str, object]:
    return {"name": f"envoy.filters.http.{name}", "typed_config": _typed(kind, **config)}


def _typed(kind: str, **config: object) -> dict[str, object]:
    return {"@type": f"{_TYPES}{kind}", **config}


def _rules(scene: Scene) -> dict[str, object]:
    """The header rules, of all routes together."""
    if "header rules" not in scene.policies:
        return {}
    return {
        "request_headers_to_add": _set(REQUEST_FIELDS),
        "request_headers_to_remove": [REMOVED_FIELD],
        "response_headers_to_add": _set(REPLY_FIELDS),
    }


def _set(fields: tuple[tuple[str, str], ...]) -> list[dict[str, object]]:
    return [
        {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        for name, value in fields
    ]


def _chain(scene: Scene, manager: dict[str, object]) -> dict[str, object]:
    """The listener's filters, behind TLS where that is wanted."""
    chain: dict[str, object] = {"filters": [{"name": "http", "typed_config": manager}]}
    if scene.tls:
        proof = scene.proof()
        files = {
            "certificate_chain": {"filename": str(proof.certificate)},
            "private_key": {"filename": str(proof.key)},
        }
        common = {"tls_certificates": [files], "alpn_protocols": ["h2", "http/1.1"]}
        context = _typed("transport_sockets.tls.v3.DownstreamTlsContext", common_tls_context=common)
        chain["transport_socket"] = {"name": "tls", "typed_config": context}
    return chain


def _upstream_protocol(scene: Scene) -> dict[str, object]:
    if not scene.upstream_http2:
        return {}
    kind = "upstreams.http.v3.HttpProtocolOptions"
    options = _typed(kind, explicit_http_config={"http2_protocol_options": {}})
    return {"typed_extension_protocol_options": {f"envoy.extensions.{kind}": options}}


def _write(scene: Scene, program: str) -> list[str]:
    manager: dict[str, object] = {
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
            **_rules(scene),
            "virtual_hosts": [
                {"name": host, "domains": [host], "routes": [_route(each) for each in routes]}
                for host, routes in scene.by_host().items()
            ],
        },
        "http_filters": _filters(scene),
    }
    address = {"address": "127.0.0.1", "port_value": scene.port}
    upstream = {"address": "127.0.0.1", "port_value": scene.upstream_port}
    config = {
        "static_resources": {
            "listeners": [
                {
                    "name": "public",
                    "address": {"socket_address": address},
                    "filter_chains": [_chain(scene, manager)],
                }
            ],
            "clusters": [
                {
                    "name": "up",
                    "type": "STATIC",
                    **_upstream_protocol(scene),
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
