"""The configurations that benchmarks run on: the same routes for gwc and for each peer.

Owns the made-up service and its spellings. Nothing is random but by seed, so two runs measure the same text.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass

_SERVICES = [
    "users",
    "orders",
    "billing",
    "search",
    "cart",
    "auth",
    "media",
    "notify",
    "ledger",
    "stock",
    "geo",
    "pricing",
    "reviews",
    "feed",
    "chat",
    "admin",
    "reports",
    "export",
    "webhooks",
    "catalog",
]
_RESOURCES = [
    "items",
    "accounts",
    "invoices",
    "sessions",
    "tokens",
    "images",
    "messages",
    "events",
    "prices",
    "ratings",
    "threads",
    "jobs",
    "rows",
    "hooks",
    "labels",
]
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")
_TENANTS = ("blue", "green", "red")


@dataclass(frozen=True, slots=True)
class BenchRoute:
    """One route in plain words. `kind` is `path`, `path-prefix` or `path-template`."""

    name: str
    host: str
    kind: str
    path: str
    methods: tuple[str, ...]
    tenant: str | None
    upstream: str


def make_routes(count: int, seed: int = 7) -> tuple[BenchRoute, ...]:
    """`count` routes over some twenty services; no two ask for the same."""
    rnd = random.Random(seed)
    return tuple(_route(number, rnd) for number in range(count))


def _route(number: int, rnd: random.Random) -> BenchRoute:
    service, resource = rnd.choice(_SERVICES), rnd.choice(_RESOURCES)
    base = f"/v{rnd.randint(1, 3)}/{service}/{resource}"
    draw = rnd.random()
    if draw < 0.4:
        kind, path = "path-prefix", f"{base}/x{number:05d}"
    elif draw < 0.7:
        kind, path = "path", f"{base}/x{number:05d}/{rnd.choice(_RESOURCES)}"
    else:
        kind, path = "path-template", f"{base}/{{id}}/x{number:05d}"
    return BenchRoute(
        name=f"{service}-{resource}-{number:05d}",
        host=rnd.choice(("api.example.com", "*.example.com", f"{service}.example.net")),
        kind=kind,
        path=path,
        methods=tuple(rnd.sample(_METHODS, rnd.randint(1, 3))),
        tenant=rnd.choice(_TENANTS) if rnd.random() < 0.5 else None,
        upstream=f"{service}-svc",
    )


def kdl_head() -> str:
    """Listeners and upstreams, once."""
    upstreams = "\n".join(
        f'    upstream "{service}-svc" {{\n        target "10.0.{number}.1:8080" weight=3\n'
        f'        target "10.0.{number}.2:8080"\n    }}'
        for number, service in enumerate(_SERVICES)
    )
    return (
        "// a gateway of many services\n"
        'listeners {\n    listener "public" {\n        address "0.0.0.0:8080"\n    }\n}\n'
        f"upstreams {{\n{upstreams}\n}}\n"
    )


def kdl_routes(routes: Sequence[BenchRoute]) -> str:
    """One `routes` block, about 340 bytes a route."""
    return "routes {\n" + "".join(map(_kdl_route, routes)) + "}\n"


def _kdl_route(route: BenchRoute) -> str:
    methods = " ".join(f'"{method}"' for method in route.methods)
    header = f'            header "x-tenant" "{route.tenant}"\n' if route.tenant else ""
    return (
        f'    route "{route.name}" {{\n'
        "        matches {\n"
        f'            host "{route.host}"\n'
        f'            {route.kind} "{route.path}"\n'
        f"            method {methods}\n"
        f"{header}"
        "        }\n"
        "        request-headers {\n"
        f'            set "x-route" "{route.name}"\n'
        "        }\n"
        f'        upstream "{route.upstream}"\n'
        "    }\n"
    )


def yaml_text(routes: Sequence[BenchRoute]) -> str:
    """The same configuration in YAML."""
    lines = ["listeners:", "  - listener: public", '    address: "0.0.0.0:8080"', "upstreams:"]
    for number, service in enumerate(_SERVICES):
        lines += [
            f"  - upstream: {service}-svc",
            "    targets:",
            f'      - {{target: "10.0.{number}.1:8080", weight: 3}}',
            f'      - {{target: "10.0.{number}.2:8080"}}',
        ]
    lines.append("routes:")
    for route in routes:
        lines += [
            f"  - route: {route.name}",
            "    matches:",
            f'      - host: "{route.host}"',
            f'        {route.kind}: "{route.path}"',
            f"        method: [{', '.join(route.methods)}]",
        ]
        if route.tenant:
            lines.append(f"        header: [{{name: x-tenant, value: {route.tenant}}}]")
        lines += [
            "    request-headers:",
            f"      set: [{{name: x-route, value: {route.name}}}]",
            f"    upstream: {route.upstream}",
        ]
    return "\n".join(lines) + "\n"


def _by_host(routes: Sequence[BenchRoute]) -> dict[str, list[BenchRoute]]:
    hosts: dict[str, list[BenchRoute]] = {}
    for route in routes:
        hosts.setdefault(route.host, []).append(route)
    return hosts


def _template_regex(path: str) -> str:
    return "^" + path.replace("{id}", "[^/]+") + "$"


def nginx_conf(routes: Sequence[BenchRoute]) -> str:
    """The same routes for nginx; methods and headers become conditions inside the location."""
    out = ["pid /tmp/gwc-bench-nginx.pid;\nerror_log stderr emerg;\nevents {}\nhttp {\n  access_log off;"]
    for number, service in enumerate(_SERVICES):
        servers = f"server 10.0.{number}.1:8080 weight=3; server 10.0.{number}.2:8080;"
        out.append(f"  upstream {service}-svc {{ {servers} }}")
    for host, of_host in _by_host(routes).items():
        out.append(f"  server {{\n    listen 127.0.0.1:18080;\n    server_name {host};")
        for route in of_host:
            place = {
                "path": f"= {route.path}",
                "path-prefix": route.path,
                "path-template": f'~ "{_template_regex(route.path)}"',
            }[route.kind]
            out.append(f"    location {place} {{")
            out.append(f"      limit_except {' '.join(route.methods)} {{ deny all; }}")
            if route.tenant:
                out.append(f'      if ($http_x_tenant != "{route.tenant}") {{ return 404; }}')
            out.append(f"      proxy_set_header x-route {route.name};")
            out.append(f"      proxy_pass http://{route.upstream};\n    }}")
        out.append("  }")
    out.append("}")
    return "\n".join(out) + "\n"


def envoy_config(routes: Sequence[BenchRoute]) -> str:
    """The same routes for Envoy, as JSON."""
    hosts = [
        {"name": f"h{number}", "domains": [host], "routes": [_envoy_route(each) for each in of_host]}
        for number, (host, of_host) in enumerate(_by_host(routes).items())
    ]
    manager = {
        "@type": (
            "type.googleapis.com/envoy.extensions.filters.network."
            "http_connection_manager.v3.HttpConnectionManager"
        ),
        "stat_prefix": "bench",
        "route_config": {"name": "bench", "virtual_hosts": hosts},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
                },
            }
        ],
    }
    listener = {
        "name": "public",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 18081}},
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    clusters = [
        {
            "name": f"{service}-svc",
            "type": "STATIC",
            "load_assignment": {
                "cluster_name": f"{service}-svc",
                "endpoints": [
                    {
                        "lb_endpoints": [
                            {
                                "endpoint": {
                                    "address": {
                                        "socket_address": {
                                            "address": f"10.0.{number}.{last}",
                                            "port_value": 8080,
                                        }
                                    }
                                }
                            }
                            for last in (1, 2)
                        ]
                    }
                ],
            },
        }
        for number, service in enumerate(_SERVICES)
    ]
    return json.dumps({"static_resources": {"listeners": [listener], "clusters": clusters}})


def _envoy_route(route: BenchRoute) -> dict[str, object]:
    headers: list[dict[str, object]] = [
        {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(route.methods)}}}
    ]
    if route.tenant:
        headers.append({"name": "x-tenant", "string_match": {"exact": route.tenant}})
    match: dict[str, object] = {"headers": headers}
    if route.kind == "path":
        match["path"] = route.path
    elif route.kind == "path-prefix":
        match["path_separated_prefix"] = route.path
    else:
        match["safe_regex"] = {"regex": route.path.replace("{id}", "[^/]+")}
    return {
        "match": match,
        "route": {"cluster": route.upstream},
        "request_headers_to_add": [
            {"header": {"key": "x-route", "value": route.name}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        ],
    }


def caddy_config(routes: Sequence[BenchRoute]) -> str:
    """The same routes for Caddy, as its own JSON."""
    entries = []
    for route in routes:
        match: dict[str, object] = {"host": [route.host], "method": list(route.methods)}
        if route.kind == "path":
            match["path"] = [route.path]
        elif route.kind == "path-prefix":
            match["path"] = [route.path, f"{route.path}/*"]
        else:
            match["path_regexp"] = {"pattern": _template_regex(route.path)}
        if route.tenant:
            match["header"] = {"X-Tenant": [route.tenant]}
        number = _SERVICES.index(route.upstream.removesuffix("-svc"))
        entries.append(
            {
                "match": [match],
                "handle": [
                    {
                        "handler": "reverse_proxy",
                        "headers": {"request": {"set": {"X-Route": [route.name]}}},
                        "upstreams": [
                            {"dial": f"10.0.{number}.1:8080"},
                            {"dial": f"10.0.{number}.2:8080"},
                        ],
                    }
                ],
            }
        )
    server = {"listen": ["127.0.0.1:18082"], "automatic_https": {"disable": True}, "routes": entries}
    return json.dumps({"admin": {"disabled": True}, "apps": {"http": {"servers": {"bench": server}}}})
