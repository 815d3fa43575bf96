"""The routes of the benchmark of policies: for each policy one that has it and nothing else.

Owns their text and what is asked of them. Paths come from names, so that a route has one path in every table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from .backend import HTTP2, JSON
from .credentials import AUDIENCE, ISSUER, Credentials
from .loads import Fields

HOST: Final = "policies.example.com"
_KEY: Final = "a key that nobody guesses"
_KEYS: Final = 1_000
_ORDER: Final = json.dumps(
    {"sku": "A-1", "count": 3, "lines": [{"sku": f"B-{number}", "count": number + 1} for number in range(30)]}
)
_LINE: Final = {
    "type": "object",
    "required": ["sku"],
    "properties": {"sku": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
}
_SCHEMA: Final = {
    "openapi": "3.1.0",
    "info": {"title": "orders", "version": "1"},
    "paths": {
        "/{route}": {
            "parameters": [
                {"name": "route", "in": "path", "required": True, "schema": {"type": "string"}},
                {"name": "page", "in": "query", "schema": {"type": "integer", "minimum": 1}},
            ],
            "get": {},
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                **_LINE,
                                "properties": {
                                    **_LINE["properties"],  # type: ignore[dict-item]  # an object, as above
                                    "lines": {"type": "array", "items": _LINE},
                                },
                            }
                        }
                    },
                }
            },
        }
    },
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A route and what is asked of it. `base` names the one that it is compared with, which has the same
    without the policy; `settings` is its KDL, `upstream` names one of those below.
    """

    name: str
    base: str = "plain"
    settings: str = ""
    upstream: str = "small"
    sent: str = ""
    body: str = ""
    tls: bool = False
    http2: bool = False
    fresh: bool = False
    like: str = ""

    @property
    def path(self) -> str:
        """Where it is: that of the route `like`, where it is only asked in another way."""
        return f"/{sha256((self.like or self.name).encode()).hexdigest()[:8]}?page=2"

    @property
    def asks_who(self) -> bool:
        """Whether the policy is one by which a listener is closed to everybody else."""
        return "authenticate" in self.settings

    def fields(self, tokens: Sequence[str]) -> list[Fields]:
        """The fields of its requests, one set after the other."""
        more: Fields = (("Content-Type", "application/json"),) if self.body else ()
        if self.sent == "token":
            return [(*more, ("Authorization", f"Bearer {tokens[0]}"))]
        if self.sent == "tokens":
            return [(*more, ("Authorization", f"Bearer {token}")) for token in tokens]
        if self.sent == "key":
            return [(*more, ("X-Api-Key", _KEY))]
        if self.sent == "users":
            return [(*more, ("X-User", f"user-{number}")) for number in range(_KEYS)]
        if self.sent == "origin":
            return [(*more, ("Origin", "https://app.example.com"))]
        return [more]


PLAIN: Final = Asked("plain", "")
_JWT: Final = f'authenticate {{ jwt {{ issuer "{ISSUER}"; audience "{AUDIENCE}"; key-file "{{jwks}}" }} }}'
_HASH: Final = sha256(_KEY.encode()).hexdigest()

ROUTES: Final = (
    PLAIN,
    Asked("allow, deny", settings='deny "192.0.2.0/24" "2001:db8::/32"; allow "127.0.0.0/8" "10.0.0.0/8"'),
    Asked(
        "authenticate: api-key",
        settings=f'authenticate {{ api-key {{ key "ci" "sha256:{_HASH}" }} }}',
        sent="key",
    ),
    Asked("authenticate: jwt, a token that is known", settings=_JWT, sent="token"),
    Asked("authenticate: jwt, each token a new one", settings=_JWT, sent="tokens"),
    Asked("rate-limit, by client", settings='rate-limit "client" { requests 1000000000 }'),
    Asked(
        "rate-limit, by a field of 1 000 values",
        settings='rate-limit "user" { requests 1000000000; key header="x-user" }',
        sent="users",
    ),
    Asked("concurrency", settings='concurrency { requests 1000; key "client-ip" }'),
    Asked("cors, same origin", settings='cors { origins "https://app.example.com" }'),
    Asked("cors, another origin", settings='cors { origins "https://app.example.com" }', sent="origin"),
    Asked("security-headers", settings="security-headers"),
    Asked(
        "header rules",
        settings='request-headers { set "x-environment" "bench"; remove "x-debug" }; '
        'response-headers { set "x-frame-options" "DENY" }',
    ),
    Asked("header rules with variables", settings='request-headers { set "x-client" "${client-ip}" }'),
    Asked("error-pages, no error", settings='error-pages { page "any" body="Sorry.\\n" }'),
    Asked("api-schema, parameters", settings='api-schema "{schema}"'),
    Asked("POST of 1 KB", "", body=_ORDER),
    Asked("api-schema, a body of 1 KB", "POST of 1 KB", settings='api-schema "{schema}"', body=_ORDER),
    Asked("retries, no failure", settings="retries 2"),
    Asked("fallback, no failure", settings='fallback "json"'),
    Asked("mirror, every request", settings='mirror "json"'),
    Asked("websocket", settings="websocket"),
    Asked("10 KB of JSON", "", upstream="json"),
    Asked(
        "compress, gzip, 10 KB", "10 KB of JSON", upstream="json", settings='compress { encodings "gzip" }'
    ),
    Asked("compress, the client wants none", settings='compress { encodings "br" }'),
    Asked("two targets", "", upstream="two"),
    Asked("balance least-requests", "two targets", upstream="least"),
    Asked("balance two-choices", "two targets", upstream="choices"),
    Asked("balance latency", "two targets", upstream="latency"),
    Asked("balance hash", "two targets", upstream="hash", sent="users"),
    Asked("health", "two targets", upstream="health"),
    Asked("ejection", "two targets", upstream="ejection"),
    Asked("breaker", "two targets", upstream="breaker"),
    Asked("sticky-cookie", "two targets", upstream="sticky"),
    Asked("TLS", tls=True, like="plain"),
    Asked("a connection each", "", fresh=True, like="plain"),
    Asked("TLS, a handshake each", "a connection each", fresh=True, tls=True, like="plain"),
    Asked("HTTP/2", http2=True, like="plain"),
    Asked("HTTP/2 over TLS", "HTTP/2", http2=True, tls=True, like="plain"),
    Asked("HTTP/2 upstream", upstream="http2"),
)

_BALANCE: Final = {
    "two": "",
    "least": 'balance "least-requests"',
    "choices": 'balance "two-choices"',
    "latency": 'balance "latency"',
    "hash": 'balance "hash" header="x-user"',
    "health": 'health path="/" { interval "1s" }',
    "ejection": "ejection { consecutive-failures 5 }",
    "breaker": "breaker { failures 20 }",
    "sticky": 'sticky-cookie { secret "known to everybody who reads this" }',
}


def kdl(
    root: Path,
    ports: Mapping[str, int],
    own: tuple[int, int, int],
    proof: Credentials,
    routes: Sequence[Asked],
) -> str:
    """The configuration with these routes. `own` are the ports in plain text, over TLS, and for those routes
    that ask who it is: on their listener every route has to, and so no other
    route is on it.
    """
    port, tls_port, known_port = own
    schema = root / "orders.json"
    schema.write_text(json.dumps(_SCHEMA))
    small, other = (f'target "127.0.0.1:{ports[name]}"' for name in ("small", HTTP2))
    upstreams = {
        "small": small,
        "json": f'target "127.0.0.1:{ports[JSON]}"',
        "http2": f'{other}; protocol "http2"',
        "echo": f'target "127.0.0.1:{ports["echo"]}"',
        **{name: f"{small}; {other}; {text}" for name, text in _BALANCE.items()},
    }
    wanted = {each.upstream for each in routes} | {"json", "echo"}
    lines = [
        "listeners {",
        f'    listener "plain" {{ address "127.0.0.1:{port}" }}',
        *(
            f'    listener "known" {{ address "127.0.0.1:{known_port}" }}'
            for _ in range(any(each.asks_who for each in routes))
        ),
        f'    listener "tls" {{ address "127.0.0.1:{tls_port}"',
        f'        tls {{ certificate "{proof.certificate}" key="{proof.key}" }}',
        "    }",
        "}",
        "upstreams {",
        *(f'    upstream "{name}" {{ {text} }}' for name, text in upstreams.items() if name in wanted),
        "}",
        "routes {",
        '    route "sockets" { matches { path-prefix "/websocket"; listener "plain" "tls" }',
        '        websocket; upstream "echo"',
        "    }",
    ]
    for number, each in enumerate(routes):
        if each.like:
            continue
        settings = each.settings.replace("{jwks}", str(proof.jwks)).replace("{schema}", str(schema))
        where = f'path "{each.path.partition("?")[0]}"'
        where += '; listener "known"' if each.asks_who else '; listener "plain" "tls"'
        lines.append(
            f'    route "r{number}" {{ matches {{ {where} }}; upstream "{each.upstream}"; {settings} }}'
        )
    return "\n".join([*lines, "}"]) + "\n"
