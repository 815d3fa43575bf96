"""Rows for `test_keys.py` about who may send requests: addresses, and how one proves who one is.

Owns the rows of `allow`, `deny` and `authenticate`; `key_rows.py` puts them beside the others.
"""

from __future__ import annotations

from typing import Any

Row = tuple[str, str, str, str, Any]

HASH = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
ISSUER = 'issuer "https://i"; audience "a"'
SIGNED = f'{ISSUER}; secret "${{env:S}}"'


def _keys(key: str, said: str, path: str, wanted: Any) -> Row:
    """A key of `api-key`."""
    said = f"authenticate {{ api-key {said} }}"
    return ("api-key", key, said, f"authentication.api_keys.0.{path}", wanted)


def _jwt(key: str, said: str, path: str, wanted: Any) -> Row:
    """A key of `jwt`."""
    return ("jwt", key, f"authenticate {{ jwt {{ {said} }} }}", f"authentication.jwts.0.{path}", wanted)


def _asked(key: str, said: str, path: str, wanted: Any) -> Row:
    """A key of `forward-auth`."""
    said = f'authenticate {{ forward-auth "http://s/v" {said} }}'
    return ("forward-auth", key, said, f"authentication.forward_auth.{path}", wanted)


def _authenticate(key: str, said: str, path: str, wanted: Any) -> Row:
    """A key of `authenticate` itself."""
    return ("authentication", key, f"authenticate {{ {said} }}", f"authentication.{path}", wanted)


def _geo(key: str, said: str, path: str, wanted: Any) -> Row:
    """A key of `geo`."""
    return ("geo", key, f'geo database="g" {{ block "KP"; {said} }}', f"geo.{path}", wanted)


ACCESS: list[Row] = [
    ("route", "allow", 'allow "127.0.0.0/8"', "addresses.deny", None),
    ("route", "deny", 'deny "127.0.0.0/8"', "addresses.allow", None),
    ("route", "authenticate", 'authenticate { basic file="u" }', "authentication.basic.file", "u"),
    ("authentication", "access", 'authenticate "public"', "authentication.public", True),
    ("route", "geo", 'geo database="g" { block "KP" }', "geo.database", "g"),
    _geo("database", "", "database", "g"),
    _geo("block", "", "block", ("KP",)),
    ("geo", "allow", 'geo database="g" { allow "IS" "SE" }', "geo.allow", ("IS", "SE")),
    _geo("unknown", 'unknown "deny"', "unknown", False),
    _geo("status", "status 451", "status", 451),
    _geo("message", 'message "m"', "message", "m"),
    _authenticate("api-key", 'api-key file="k"', "api_keys.0.file", "k"),
    _authenticate("basic", 'basic file="u"', "basic", ("u", 60_000, False)),
    _authenticate("jwt", f"jwt {{ {SIGNED} }}", "jwts.0.secret", "${env:S}"),
    _authenticate("forward-auth", 'forward-auth "http://s/v"', "forward_auth.url", "http://s/v"),
    _authenticate("identity-header", 'basic file="u"; identity-header "X-User"', "identity_header", "x-user"),
    _authenticate("realm", 'basic file="u"; realm "r"', "realm", "r"),
    _keys("header", 'header="X-Key" file="k"', "header", "x-key"),
    _keys("query", 'query="k" file="k"', "query", "k"),
    _keys("cookie", 'cookie="k" file="k"', "cookie", "k"),
    _keys("file", 'file="k"', "file", "k"),
    _keys("key", f'{{ key "ci" "sha256:{HASH}" }}', "keys", (("ci", f"sha256:{HASH}"),)),
    _keys("forward", 'file="k" { forward #true }', "forward", True),
    ("named-key", "name", *_keys("key", f'{{ key "ci" "sha256:{HASH}" }}', "keys.0.0", "ci")[2:]),
    ("named-key", "hash", *_keys("key", '{ key "ci" "${env:H}" }', "keys.0.1", "${env:H}")[2:]),
    ("basic", "file", 'authenticate { basic file="u" }', "authentication.basic.file", "u"),
    ("basic", "cache", 'authenticate { basic file="u" cache="7s" }', "authentication.basic.cache_ms", 7000),
    (
        "basic",
        "forward",
        'authenticate { basic file="u" { forward #true } }',
        "authentication.basic.forward",
        True,
    ),
    _jwt("issuer", SIGNED, "issuer", ("https://i",)),
    _jwt("audience", SIGNED, "audience", ("a",)),
    _jwt("algorithms", f'{SIGNED}; algorithms "HS512"', "algorithms", ("HS512",)),
    _jwt("jwks-url", f'{ISSUER}; jwks-url "https://i/j"', "jwks_url", "https://i/j"),
    _jwt("key-file", f'{ISSUER}; key-file "k.pem"', "key_file", "k.pem"),
    _jwt("secret", SIGNED, "secret", "${env:S}"),
    _jwt("refresh", f'{ISSUER}; jwks-url "https://i/j"; refresh "7m"', "refresh_ms", 420_000),
    _jwt("leeway", f'{SIGNED}; leeway "7s"', "leeway_ms", 7000),
    _jwt("cookie", f'{SIGNED}; cookie "c"', "cookie", "c"),
    _jwt("query", f'{SIGNED}; query "q"', "query", "q"),
    _jwt("name", f'{SIGNED}; name "email"', "name", "email"),
    _jwt("require", f'{SIGNED}; require "scope" "a" "b"', "require", (("scope", ("a", "b")),)),
    ("required-claim", "claim", *_jwt("", f'{SIGNED}; require "c"', "require", (("c", ()),))[2:]),
    ("required-claim", "values", *_jwt("", f'{SIGNED}; require "c" "v"', "require.0.1", ("v",))[2:]),
    _jwt("header", f'{SIGNED}; header "X-T" "t"', "headers", (("x-t", "t"),)),
    ("claim-header", "name", *_jwt("", f'{SIGNED}; header "X-T" "t"', "headers.0.0", "x-t")[2:]),
    ("claim-header", "claim", *_jwt("", f'{SIGNED}; header "X-T" "t"', "headers.0.1", "t")[2:]),
    _jwt("forward", f"{SIGNED}; forward #true", "forward", True),
    _asked("url", "", "url", "http://s/v"),
    _asked("request-headers", '{ request-headers "Cookie" }', "request_headers", ("cookie",)),
    _asked("response-headers", '{ response-headers "X-U" }', "response_headers", ("x-u",)),
    _asked("identity", '{ response-headers "X-U"; identity "X-U" }', "identity", "x-u"),
    _asked("timeout", 'timeout="7s"', "timeout_ms", 7000),
    _asked("on-failure", 'on-failure="allow"', "on_failure", "allow"),
]
"""What a route, a group or `defaults` say; certificates stand with the listener that asks for them."""

_ASKING = """listeners { listener "a" { address "127.0.0.1:8080"
tls { certificate "c.pem" key="c.key"; client-certificates "required"; ca-file "ca.pem" } } }
"""


def _certificate(said: str) -> str:
    """A configuration whose route asks for a client's certificate."""
    return f'{_ASKING}routes {{ route "r" {{ authenticate {{ {said} }}; respond }} }}\n'


_ANY = _certificate("client-certificate")

CERTIFICATES: list[tuple[str, str, str, str]] = [
    ("authentication", "client-certificate", _ANY, _certificate('basic file="u"')),
    ("client-certificate", "name", _certificate('client-certificate { name "dns" }'), _ANY),
    ("client-certificate", "allow", _certificate('client-certificate { allow "CN=a" }'), _ANY),
]
"""Pairs, as `PAIRS` of `key_rows.py`."""
