"""gwc, one worker, everything as it is by default: the JSON access log goes to its standard output."""

from __future__ import annotations

import subprocess
from functools import cache

from ..credentials import AUDIENCE, ISSUER
from .scene import REMOVED_FIELD, REPLY_FIELDS, REQUEST_FIELDS, Peer, Scene


def kdl_head(scene: Scene) -> str:
    """Listener and upstream, and the policies that every route has."""
    tls = ""
    if scene.tls:
        proof = scene.proof()
        tls = f'        tls {{ certificate "{proof.certificate}" key="{proof.key}" }}\n'
    protocol = '        protocol "http2"\n' if scene.upstream_http2 else ""
    return (
        f'listeners {{\n    listener "public" {{\n        address "127.0.0.1:{scene.port}"\n{tls}    }}\n}}\n'
        f'upstreams {{\n    upstream "up" {{\n        target "127.0.0.1:{scene.upstream_port}"\n{protocol}'
        f"    }}\n}}\n{_defaults(scene)}"
    )


def _defaults(scene: Scene) -> str:
    parts = {
        "compression": '    compress { encodings "gzip" }\n',
        "header rules": (
            f'    request-headers {{ {_set(REQUEST_FIELDS)} remove "{REMOVED_FIELD}" }}\n'
            f"    response-headers {{ {_set(REPLY_FIELDS)} }}\n"
        ),
        "rate limit": '    rate-limit "all" { requests 1000000000 }\n',
        "jwt": "",
    }
    if "jwt" in scene.policies:
        parts["jwt"] = (
            f'    authenticate {{ jwt {{ issuer "{ISSUER}"; audience "{AUDIENCE}"; '
            f'key-file "{scene.proof().jwks}" }} }}\n'
        )
    told = "".join(text for name, text in parts.items() if name in scene.policies)
    return f"defaults {{\n{told}}}\n" if told else ""


def _set(fields: tuple[tuple[str, str], ...]) -> str:
    return " ".join(f'set "{name}" "{value}";' for name, value in fields)


def kdl_routes(scene: Scene) -> str:
    """The routes, a line each."""
    return "".join(
        f'    route "{each.name}" {{ matches {{ host "{each.host}"; path-prefix "{each.path}" }}; '
        'upstream "up" }\n'
        for each in scene.routes
    )


def command(program: str, path: str, state: str, *more: str, workers: int = 1) -> list[str]:
    """What starts a gateway on a configuration, its state in a folder."""
    known = _help(program)
    options = ["--workers", str(workers), "--state-dir", state, *more]
    return [program, "run", path, *(options if "--state-dir" in known else options[:2])]


@cache
def _help(program: str) -> str:
    """What `gwc run` takes: one that serves in a single process has no state to keep."""
    return subprocess.run([program, "run", "--help"], capture_output=True, text=True, check=False).stdout


def _write(scene: Scene, program: str) -> list[str]:
    path = scene.folder / "gwc.kdl"
    path.write_text(f"{kdl_head(scene)}routes {{\n{kdl_routes(scene)}}}\n")
    return command(program, str(path), str(scene.folder / "state"), "--no-watch")


PEER = Peer("gwc", "gwc", _write)
