"""Rows on how a request is read: listeners, TLS names, clients behind proxies, paths, refusals."""

from __future__ import annotations

from collections.abc import Iterator

from .build import ADDRESS, GOOD, Row, ask, config, group, route, route_of
from .strategies import TLS


def listener_rows() -> Iterator[Row]:
    """Listener first."""
    scoped = {
        "listeners": [
            {"listener": "any", "address": ADDRESS},
            {"listener": "wild", "address": ADDRESS, "host": "*.test"},
            {"listener": "wilder", "address": ADDRESS, "host": "*.a.test"},
            {"listener": "exact", "address": ADDRESS, "host": ["a.test", "b.test"]},
            {"listener": "else", "address": "127.0.0.1:8081"},
        ]
    }
    by_listener = [route_of(name, {"listener": name}) for name in ("any", "wild", "wilder", "exact", "else")]
    for host, expected in (
        ("a.test", "exact"),
        ("B.test.", "exact"),
        ("x.a.test", "wilder"),
        ("y.x.a.test", "wilder"),
        ("c.test", "wild"),
        ("test", "any"),
        ("[::1]", "any"),
    ):
        yield Row(f"listener: {host} by {expected}", config(*by_listener, **scoped), ask(host=host), expected)
    yield Row(
        "listener: another address",
        config(*by_listener, **scoped),
        ask(host="a.test", address="127.0.0.1:8081"),
        "else",
    )
    yield Row(
        "listener: none takes the host",
        config(route("r"), listeners=[{"listener": "l", "address": ADDRESS, "host": "b.test"}]),
        ask(),
        404,
    )
    yield Row(
        "listener: isolation, no second choice",
        config(route("r", {"listener": "any"}), **scoped),
        ask(host="a.test"),
        None,
    )
    yield Row(
        "listener: a route without `listener` applies to every listener",
        config(route("r"), **scoped),
        ask(host="x.a.test"),
        "r",
    )
    yield Row(
        "listener: in a `not`",
        config(route("r", {"not": {"listener": "exact"}}), **scoped),
        ask(host="a.test"),
        None,
    )
    yield Row(
        "listener: a route's host ranks by its own text",
        config(route("bad", {"path": "/a"}), route(GOOD, {"host": "*.test"}), **scoped),
        ask(host="a.test"),
        GOOD,
    )
    tls = {
        "listeners": [
            {"listener": "any", "address": ADDRESS, "protocol": "https", "tls": TLS},
            {"listener": "exact", "address": ADDRESS, "protocol": "https", "tls": TLS, "host": "a.test"},
            {"listener": "wild", "address": ADDRESS, "protocol": "https", "tls": TLS, "host": "*.test"},
        ]
    }
    secure = config(*(route_of(name, {"listener": name}) for name in ("any", "exact", "wild")), **tls)
    yield Row("tls: the name and the host agree", secure, ask(tls=True, sni="a.test"), "exact")
    yield Row("tls: the name in upper case", secure, ask(tls=True, sni="A.TEST"), "exact")
    yield Row("tls: another listener's host", secure, ask(tls=True, sni="b.test"), 421)
    yield Row(
        "tls: another host of the same listener", secure, ask(host="c.test", tls=True, sni="b.test"), "wild"
    )
    yield Row("tls: no name", secure, ask(host="other", tls=True, sni=None), "any")
    yield Row("tls: no name, another listener's host", secure, ask(tls=True, sni=None), 421)
    schemes = config(route_of("s", {"scheme": "https"}), route_of("p", {"scheme": "http"}), **tls)
    yield Row("tls: the scheme", schemes, ask(tls=True, sni="a.test"), "s")
    for pattern, name, held in (
        ("a.test", "a.test", True),
        ("*.test", "a.test", True),
        ("*.a.test", "a.test", False),
        ("A.test", "a.test", True),
        ("b.test", "a.test", False),
    ):
        one = config(route("r", {"sni": pattern}), listeners=tls["listeners"][:1])
        yield Row(f"sni: {pattern} for {name}", one, ask(host="x", tls=True, sni=name), "r" if held else None)
    one = config(route("r", {"sni": "a.test"}), listeners=tls["listeners"][:1])
    yield Row("sni: without a name", one, ask(tls=True, sni=None), None)
    trusting = {
        "listeners": [
            {"listener": "t", "address": ADDRESS, "trusted-proxies": ["10.0.0.0/8", "2001:db8::/32"]}
        ]
    }
    for name, forwarded, client in (
        ("the right-most stranger", ("192.0.2.1, 198.51.100.7, 10.0.0.2",), "198.51.100.7"),
        ("fields joined", ("192.0.2.1", "198.51.100.7", "10.0.0.2"), "198.51.100.7"),
        ("all trusted: the leftmost", ("10.0.0.3, 10.0.0.2",), "10.0.0.3"),
        ("no address ends the walk", ("192.0.2.1, unknown, 10.0.0.2",), "10.0.0.2"),
        ("no address at once", ("192.0.2.1, ",), "10.0.0.1"),
        ("a port is dropped", ("198.51.100.7:80",), "198.51.100.7"),
        ("brackets are dropped", ("[2001:db9::1]:80",), "2001:db9::1"),
        ("IPv4-mapped is IPv4", ("::ffff:198.51.100.7",), "198.51.100.7"),
        ("past a trusted IPv6 address", ("198.51.100.7, 2001:db8::5",), "198.51.100.7"),
        ("no field: the peer", (), "10.0.0.1"),
    ):
        yield Row(
            f"client-ip: {name}",
            config(route("r", {"client-ip": client}), **trusting),
            ask(peer="10.0.0.1", headers=tuple(("X-Forwarded-For", value) for value in forwarded)),
            "r",
        )
    proto = ask(peer="10.0.0.1", headers=(("X-Forwarded-Proto", "https"),))
    yield Row("scheme: a trusted peer's", config(route("r", {"scheme": "https"}), **trusting), proto, "r")
    real = ask(peer="10.0.0.1", headers=(("X-Real-IP", "1"),))
    yield Row(
        "header: a trusted peer's forwarding field",
        config(route("r", {"header": "x-real-ip"}), **trusting),
        real,
        "r",
    )
    yield Row("empty host: a route without `host`", config(route("r")), ask(host=None, version=(1, 0)), "r")
    for number, block in enumerate(({"regex": ".*"}, {"regex": "(a.*)?"})):
        yield Row(
            f"empty host: a route with a `host` that could be empty, {number}",
            config(route("r", {"host": block})),
            ask(host=None, version=(1, 0)),
            None,
        )
    yield Row(
        "empty host: not `host`",
        config(route("r", {"not": {"host": {"regex": ".*"}}})),
        ask(host=None, version=(1, 0)),
        "r",
    )
    yield Row(
        "empty host: `host` of a group",
        config(group("g", [route("r", {"path": "/a"})], matches={"host": {"regex": ".*"}})),
        ask(host=None, version=(1, 0)),
        None,
    )
    yield Row(
        "empty host: an outer `host`",
        config(group("g", [route("r", {"host": {"regex": ".*"}})], matches={"host": {"regex": "a?"}})),
        ask(host=None, version=(1, 0)),
        None,
    )
    slashes = {
        "listeners": [{"listener": "k", "address": ADDRESS, "path-normalisation": "keep-repeated-slashes"}]
    }
    yield Row(
        "keep-repeated-slashes: exact", config(route("r", {"path": "/a//b"}), **slashes), ask("/a//b"), "r"
    )
    yield Row(
        "keep-repeated-slashes: template",
        config(route("r", {"path-template": "/a/{x}/b"}), **slashes),
        ask("/a//b"),
        None,
    )
    yield Row(
        "keep-repeated-slashes: rest",
        config(route("r", {"path-template": "/a/{x...}"}), **slashes),
        ask("/a//b"),
        "r",
        {"x": "/b"},
    )
    encoded = {
        "listeners": [{"listener": "k", "address": ADDRESS, "path-normalisation": "keep-encoded-slash"}]
    }
    yield Row(
        "keep-encoded-slash: a character of its segment",
        config(route("r", {"path-template": "/a/{x}"}), **encoded),
        ask("/a/b%2fc"),
        "r",
        {"x": "b%2Fc"},
    )
    strict = {"listeners": [{"listener": "k", "address": ADDRESS, "path-normalisation": "reject-changes"}]}
    yield Row("reject-changes: normal", config(route("r"), **strict), ask("/a"), "r")
    yield Row("reject-changes: not normal", config(route("r"), **strict), ask("/%61"), 400)


def refusal_rows() -> Iterator[Row]:
    """Requests that end before matching."""
    for name, asked, status in (
        ("an encoded slash", ask("/a%2Fb"), 400),
        ("an encoded backslash", ask("/a%5Cb"), 400),
        ("a backslash", ask("/a\\b"), 400),
        ("a fragment", ask("/a#b"), 400),
        ("a bad escape", ask("/a%4"), 400),
        ("an escaped NUL", ask("/a%00"), 400),
        ("an escaped control", ask("/a%7F"), 400),
        ("a space", ask("/a b"), 400),
        ("a raw byte above 0x7F", ask("/\xe9"), 400),
        ("an overlong form", ask("/%C0%AF"), 400),
        ("a longer overlong form", ask("/%E0%80%AF"), 400),
        ("above the root", ask("/../a"), 400),
        ("above the root, escaped", ask("/%2e%2E/a"), 400),
        ("a dot segment with a parameter", ask("/a/..;/b"), 400),
        ("no leading slash", ask("a"), 400),
        ("a query with a space", ask("/a?b c"), 400),
        ("a query with `#`", ask("/a?b#c"), 400),
        ("CONNECT", ask(method="CONNECT"), 405),
        ("TRACE", ask(method="TRACE"), 405),
        ("OPTIONS *", ask("*", method="OPTIONS"), 204),
        ("`*` for another method", ask("*"), 400),
        ("a method of 33 bytes", ask(method="A" * 33), 400),
        ("a method that is no token", ask(method="G T"), 400),
        ("no Host", ask(host=None), 400),
        ("two Hosts", ask(headers=(("host", "a.test"),)), 400),
        ("userinfo", ask(host="u@a.test"), 400),
        ("a port above 65535", ask(host="a.test:65536"), 400),
        ("an empty label", ask(host="a..test"), 400),
        ("another scheme", ask("ftp://a.test/"), 400),
        ("two hosts that differ", ask("http://b.test/a"), 400),
    ):
        yield Row(f"refused: {name}", config(route("r")), asked, status)
    for name, asked in (
        ("a method of 32 bytes", ask(method="A" * 32)),
        ("absolute form", ask("http://A.test/a")),
        ("absolute form without a path", ask("http://a.test")),
        ("two dots in a name", ask("/a/..b")),
        ("three dots", ask("/a/...")),
        ("an extended CONNECT", ask(method="CONNECT", protocol=b"websocket", version=(2, 0))),
    ):
        yield Row(f"accepted: {name}", config(route("r")), asked, "r")
    yield Row(
        "accepted: an extended CONNECT is a GET with an upgrade",
        config(route("r", {"method": "GET", "header": {"name": "upgrade", "value": "websocket"}})),
        ask(method="CONNECT", protocol=b"websocket", version=(2, 0)),
        "r",
    )
    yield Row(
        "accepted: 63 bytes of a label",
        config(route("r", {"host": "a" * 63})),
        ask(host="A" * 63),
        "r",
    )
