"""HAProxy, one thread: routes in a map of prefixes, the HTTP log on its standard output.

It is left out of the stack: of gateways only those are compared there that are used in the same places.
"""

from __future__ import annotations

from .scene import STACK, Peer, Scene


def _write(scene: Scene, program: str) -> list[str]:
    folder = scene.folder
    tls = f" ssl crt {scene.proof().both} alpn h2,http/1.1" if scene.tls else ""
    protocol = " proto h2" if scene.upstream_http2 else ""
    (folder / "routes.map").write_text("".join(f"{each.host}{each.path} up\n" for each in scene.routes))
    (folder / "haproxy.cfg").write_text(
        "global\n  nbthread 1\n  maxconn 8192\n  log stdout format raw local0\n"
        "defaults\n  mode http\n  log global\n  option httplog\n  option http-keep-alive\n"
        "  option forwardfor\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
        "  http-reuse safe\n"
        f"frontend public\n  bind 127.0.0.1:{scene.port} backlog 4096{tls}\n"
        "  unique-id-format %{+X}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid\n  unique-id-header X-Request-ID\n"
        f"  http-request set-var(txn.to) base,map_beg({folder}/routes.map)\n"
        "  http-request return status 404 unless { var(txn.to) -m found }\n"
        "  use_backend %[var(txn.to)]\n"
        f"backend up\n  server one 127.0.0.1:{scene.upstream_port} pool-max-conn 128{protocol}\n"
    )
    return [program, "-f", str(folder / "haproxy.cfg"), "-db"]


PEER = Peer("HAProxy", "haproxy", _write, lacks=frozenset({"http2 in plain text", *STACK}))
