"""Heads: request lines, targets, hosts, fields, limits, versions, expectations, upgrades (RFC 9110, 9112)."""

from __future__ import annotations

from collections.abc import Iterator

from .row import Row, dropped, refused, request, served

GET = "GET / HTTP/1.1"
POST = "POST / HTTP/1.1"


def lines() -> Iterator[Row]:
    """Request lines and line ends."""
    yield served("get", "MUST", request(GET))
    yield served("empty-line-before", "SHOULD", b"\r\n" + request(GET))
    yield served("two-empty-lines-before", "policy", b"\r\n\r\n" + request(GET))
    yield refused("three-empty-lines-before", "policy", b"\r\n\r\n\r\n" + request(GET))
    yield refused("bare-lf-before", "policy", b"\n" + request(GET))
    yield refused("blank-before", "MUST", b" " + request(GET))
    for name, line in {
        "two-spaces-after-method": "GET  / HTTP/1.1",
        "two-spaces-after-target": "GET /  HTTP/1.1",
        "tab-after-method": "GET\t/ HTTP/1.1",
        "tab-after-target": "GET /\tHTTP/1.1",
        "space-at-the-end": "GET / HTTP/1.1 ",
        "word-at-the-end": "GET / HTTP/1.1 x",
        "space-in-target": "GET /a b HTTP/1.1",
        "no-version": "GET /",
        "no-version-but-space": "GET / ",
        "no-target": "GET HTTP/1.1",
        "empty-target": "GET  HTTP/1.1",
        "method-alone": "GET",
        "empty-method": " / HTTP/1.1",
        "bare-cr-inside": "GET /\r HTTP/1.1",
        "nul-inside": "GET /\0 HTTP/1.1",
        "vertical-tab-as-space": "GET\x0b/ HTTP/1.1",
        "form-feed-as-space": "GET /\x0cHTTP/1.1",
        "no-break-space-as-space": "GET\xa0/ HTTP/1.1",
        "reply-instead": "HTTP/1.1 200 OK",
        "colon-line-first": "Host: a.test",
    }.items():
        yield refused(f"line-{name}", "MUST", request(line), 400, 505)
    for name, version in {
        "lower-case": "http/1.1",
        "mixed-case": "Http/1.1",
        "no-slash": "HTTP1.1",
        "no-minor": "HTTP/1",
        "no-minor-but-dot": "HTTP/1.",
        "two-digits": "HTTP/1.10",
        "leading-zero": "HTTP/01.1",
        "minus": "HTTP/-1.1",
        "plus": "HTTP/1.+1",
        "three-parts": "HTTP/1.1.1",
        "0.9": "HTTP/0.9",
        "2.0": "HTTP/2.0",
        "3.0": "HTTP/3.0",
        "9.9": "HTTP/9.9",
        "1.2": "HTTP/1.2",
        "other-name": "HTTPS/1.1",
        "icy": "ICY/1.1",
        "fullwidth-digit": "HTTP/1.\xef\xbc\x91",
        "comma": "HTTP/1,1",
    }.items():
        yield refused(
            f"version-{name}", "policy" if name == "1.2" else "MUST", request(f"GET / {version}"), 400, 505
        )
    yield refused("http-2-preface", "MUST", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 505)
    yield refused(
        "tls-hello", "MUST", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\0" * 40 + b"\r\n\r\n"
    )
    yield refused("http-0.9", "MUST", b"GET /\r\n\r\n", 400, 505)
    whole = request(GET, "X: y")
    yield refused("all-bare-lf", "policy", whole.replace(b"\r\n", b"\n"))
    yield refused("line-ends-in-bare-lf", "policy", whole.replace(b"\r\n", b"\n", 1))
    yield refused("field-ends-in-bare-lf", "policy", whole.replace(b"X: y\r\n", b"X: y\n"))
    yield refused("head-ends-in-bare-lf", "policy", whole[:-2] + b"\n")
    yield refused("line-ends-in-bare-cr", "MUST", whole.replace(b"1.1\r\n", b"1.1\r"))
    yield refused("line-ends-in-cr-cr-lf", "MUST", whole.replace(b"1.1\r\n", b"1.1\r\r\n"))
    yield refused("field-ends-in-cr-cr-lf", "MUST", whole.replace(b"y\r\n", b"y\r\r\n"))
    yield dropped("head-never-ended", "MUST", whole[:-2])
    yield dropped("line-never-ended", "MUST", b"GET / HT")
    yield dropped("head-ends-in-cr", "MUST", whole[:-1])


def methods() -> Iterator[Row]:
    """Methods: any token."""
    for name in (
        "GET",
        "POST",
        "PUT",
        "DELETE",
        "PATCH",
        "OPTIONS",
        "PROPFIND",
        "M-SEARCH",
        "BREW",
        "get",
        "PRI",
    ):
        yield served(f"method-{name}", "MUST", request(f"{name} / HTTP/1.1"), present=[f"{name} / ".encode()])
    yield served("method-head", "MUST", request("HEAD / HTTP/1.1"), method=b"HEAD")
    yield served("method-of-symbols", "MUST", request("!#$%&'*+-.^_`|~ / HTTP/1.1"))
    yield served("method-of-32-bytes", "policy", request("M" * 32 + " / HTTP/1.1"))
    yield refused("method-of-33-bytes", "policy", request("M" * 33 + " / HTTP/1.1"), 400, 501)
    yield refused("method-of-9000-bytes", "policy", request("M" * 9000 + " / HTTP/1.1"), 400, 414, 501)
    for name, method in {
        "parenthesis": "GE(T",
        "slash": "GE/T",
        "colon": "GE:T",
        "quote": '"GET"',
        "at": "G@T",
        "nul": "GE\0T",
        "byte-above-127": "GE\xffT",
        "comma": "GET,",
        "brace": "{GET}",
        "tab": "\tGET",
    }.items():
        yield refused(f"method-with-{name}", "MUST", request(f"{method} / HTTP/1.1"))
    yield refused("method-trace", "policy", request("TRACE / HTTP/1.1"), 405, closed=None)
    connect = request("CONNECT a.test:443 HTTP/1.1", host=b"a.test:443")
    yield refused("method-connect", "policy", connect, 405, closed=None)
    yield refused("method-connect-with-path", "policy", request("CONNECT / HTTP/1.1"), 405, 400, closed=None)
    yield refused("options-asterisk", "MUST", request("OPTIONS * HTTP/1.1"), 204, closed=None)


def targets() -> Iterator[Row]:
    """Targets: their forms and their bytes."""
    forwarded = {
        "plain": ("/a/b", "/a/b"),
        "query": ("/a?b=c", "/a?b=c"),
        "empty-query": ("/a?", "/a?"),
        "query-as-sent": ("/?a=%zz&b=[x]&c=%2F..%2f", "/?a=%zz&b=[x]&c=%2F..%2f"),
        "second-question-mark": ("/?a?b", "/?a?b"),
        "dot-segment": ("/a/./b", "/a/b"),
        "dot-dot-segment": ("/a/../b", "/b"),
        "escaped-dot-dot": ("/a/%2e%2E/b", "/b"),
        "unreserved-escape": ("/%41%7e", "/A~"),
        "escape-in-upper-case": ("/%c3%a9", "/%C3%A9"),
        "slashes-merged": ("//a///b", "/a/b"),
        "trailing-dot-dot": ("/a/b/..", "/a/"),
        "encoded-raw": ('/a"b<c>', "/a%22b%3Cc%3E"),
        "semicolon": ("/a;b=c/d", "/a;b=c/d"),
        "colon": ("/a:b", "/a:b"),
        "at": ("/@a", "/@a"),
        "double-escape": ("/%2541", "/%2541"),
        "absolute": ("http://a.test/x", "/x"),
        "absolute-in-capitals": ("HTTP://A.TEST/x", "/x"),
        "absolute-without-path": ("http://a.test", "/"),
        "absolute-with-query-only": ("http://a.test?q", "/?q"),
        "absolute-with-default-port": ("http://a.test:80/x", "/x"),
        "absolute-https": ("https://a.test/x", "/x"),
    }
    for name, (sent, arrives) in forwarded.items():
        line = f"GET {arrives} HTTP/1.1\r\n".encode()
        yield served(f"target-{name}", "MUST", request(f"GET {sent} HTTP/1.1"), present=[line])
    bad = {
        "asterisk-on-get": "*",
        "without-slash": "a/b",
        "authority-form": "a.test:80",
        "other-scheme": "ftp://a.test/",
        "scheme-alone": "http:/x",
        "absolute-without-host": "http:///x",
        "absolute-user": "http://u@a.test/",
        "absolute-user-and-password": "http://u:p@a.test/",
        "absolute-other-host": "http://b.test/",
        "absolute-other-port": "http://a.test:81/",
        "absolute-bad-port": "http://a.test:x/",
        "absolute-high-port": "http://a.test:65536/",
        "dot-dot-above-root": "/..",
        "dot-dot-above-root-inside": "/a/../../b",
        "escaped-dot-dot-above-root": "/%2e%2e/a",
        "dot-dot-with-parameter": "/a/..;x=1/b",
        "dot-with-parameter": "/a/.;x/b",
        "encoded-slash": "/a%2Fb",
        "encoded-slash-lower": "/a%2fb",
        "encoded-backslash": "/a%5cb",
        "backslash": "/a\\b",
        "escape-of-nul": "/%00",
        "escape-of-lf": "/%0a",
        "escape-of-cr": "/%0D",
        "escape-of-del": "/%7f",
        "escape-of-control": "/%1f",
        "escape-cut": "/%4",
        "escape-alone": "/%",
        "escape-no-hexadecimal": "/%zz",
        "escape-with-plus": "/%+1",
        "escape-with-fullwidth-digit": "/%\xef\xbc\x941",
        "overlong-slash": "/%c0%af",
        "overlong-dots": "/%c0%ae%c0%ae/",
        "overlong-three-bytes": "/%e0%80%af",
        "raw-8-bit": "/\xc3\xa9",
        "raw-del": "/\x7f",
        "raw-control": "/\x01",
        "raw-tab": "/a\tb",
        "raw-vertical-tab": "/a\x0bb",
        "raw-next-line": "/a\x85",
        "fragment": "/a#b",
        "fragment-in-query": "/?a#b",
        "8-bit-in-query": "/?\xe9",
        "control-in-query": "/?\x01",
        "del-in-query": "/?\x7f",
    }
    for name, target in bad.items():
        yield refused(f"target-{name}", "policy", request(f"GET {target} HTTP/1.1"))
    yield served("target-long", "policy", request("GET /" + "a" * 7999 + " HTTP/1.1"))
    yield refused("target-too-long", "SHOULD", request("GET /" + "a" * 8192 + " HTTP/1.1"), 414)
    yield refused("query-too-long", "SHOULD", request("GET /?" + "a" * 9000 + " HTTP/1.1"), 414)
    yield refused("line-never-ends", "policy", b"GET /" + b"a" * 100_000, 414, 431)


def hosts() -> Iterator[Row]:
    """Host."""
    good = {
        "name": b"a.test",
        "capitals": b"A.TEST",
        "trailing-dot": b"a.test.",
        "port": b"a.test:8080",
        "empty-port": b"a.test:",
        "port-with-zeros": b"a.test:0080",
        "port-65535": b"a.test:65535",
        "underscore": b"a_b.test",
        "single-label": b"localhost",
        "ipv4": b"127.0.0.1",
        "ipv6": b"[::1]",
        "ipv6-port": b"[2001:DB8::1]:8080",
        "ipv6-mapped": b"[::ffff:127.0.0.1]",
        "long-label": b"a" * 63 + b".test",
        "long": b".".join([b"a" * 62] * 4) + b".t",
        "punycode": b"xn--caf-dma.test",
        "blanks-around": b" \t a.test \t",
        "digits": b"1.2",
    }
    for name, value in good.items():
        yield served(f"host-{name}", "MUST", request(GET, host=value))
    bad = {
        "empty": b"",
        "blank": b" ",
        "user": b"u@a.test",
        "path": b"a.test/x",
        "query": b"a.test?x",
        "space": b"a test",
        "comma": b"a.test,b.test",
        "two-with-comma-and-space": b"a.test, a.test",
        "empty-label": b"a..test",
        "leading-dot": b".a.test",
        "dot-alone": b".",
        "two-trailing-dots": b"a.test..",
        "label-too-long": b"a" * 64 + b".test",
        "too-long": b".".join([b"a" * 60] * 5),
        "port-no-number": b"a.test:x",
        "port-65536": b"a.test:65536",
        "port-plus": b"a.test:+80",
        "port-minus": b"a.test:-80",
        "port-underscore": b"a.test:8_0",
        "port-blank": b"a.test: 80",
        "port-fullwidth-digit": "a.test:８0".encode(),
        "port-hexadecimal": b"a.test:0x50",
        "port-of-5000-digits": b"a.test:" + b"8" * 5000,
        "two-ports": b"a.test:80:80",
        "port-alone": b":80",
        "ipv6-without-brackets": b"::1",
        "ipv6-not-closed": b"[::1",
        "ipv6-zone": b"[fe80::1%25eth0]",
        "ipv6-raw-zone": b"[fe80::1%eth0]",
        "ipv6-no-address": b"[a.test]",
        "ipv6-then-junk": b"[::1]x",
        "ipv6-future": b"[v1.x]",
        "asterisk": b"*",
        "wildcard": b"*.test",
        "percent": b"a%2etest",
        "quote": b'"a.test"',
        "utf-8": "é.test".encode(),
        "latin-1": b"\xe9.test",
        "kelvin-sign": "\u212a.test".encode(),
        "vertical-tab": b"a.test\x0b",
        "next-line": b"a.test\x85",
        "no-break-space": b"\xa0a.test",
        "nul": b"a.test\0",
        "backslash": b"a.test\\x",
        "scheme": b"http://a.test",
    }
    for name, value in bad.items():
        yield refused(f"host-{name}", "MUST", request(GET, host=value))
    yield refused("host-missing", "MUST", request(GET, host=None))
    yield refused("host-twice", "MUST", request(GET, "Host: b.test"))
    yield refused("host-twice-equal", "MUST", request(GET, "Host: a.test"))
    yield refused("host-and-an-empty-one", "MUST", request(GET, "Host:"))
    yield refused("host-blank-before-colon", "MUST", request(GET, "Host : a.test", host=None))
    yield refused("host-folded", "MUST", request(GET, "Host:\r\n a.test", host=None))
    yield refused("host-missing-in-absolute-form", "MUST", request("GET http://a.test/ HTTP/1.1", host=None))
    yield refused("host-bad-in-absolute-form", "MUST", request("GET http://a.test/ HTTP/1.1", host=b"a test"))
    yield served("host-in-other-case", "MUST", request(GET, "hOsT: a.test", host=None))
    yield served("host-last", "MUST", request(GET, "X: y", "Host: a.test", host=None))
    look_alike = request(GET, "X-Host: evil.test", "Host_: evil.test")
    yield served("host-look-alikes", "policy", look_alike, absent=[b"Host_", b"host_"])


def fields() -> Iterator[Row]:
    """Field lines."""
    good = {
        "no-space": b"X:y",
        "empty": b"X:",
        "blank": b"X: \t ",
        "tabs": b"X:\ty\t",
        "inner-tab": b"X: y\tz",
        "obs-text": b"X: \xe9\xff",
        "utf-8": "X: é".encode(),
        "colon-inside": b"X: a:b",
        "symbols-in-name": b"!#$%&'*+-.^`|~: y",
        "digits-in-name": b"1: y",
        "quotes": b'X: "a',
        "long": b"X: " + b"y" * 16000,
    }
    for name, line in good.items():
        yield served(f"field-{name}", "MUST", request(GET, line))
    bad = {
        "blank-before-colon": b"X : y",
        "tab-before-colon": b"X\t: y",
        "no-colon": b"X",
        "no-name": b": y",
        "colon-alone": b":",
        "name-with-space": b"X y: z",
        "first-line-folded": b" X: y",
        "folded": b"X: y\r\n z",
        "folded-with-tab": b"X: y\r\n\tz",
        "folded-empty": b"X: y\r\n ",
        "nul-in-value": b"X: y\0z",
        "nul-in-name": b"X\0: y",
        "bare-cr-in-value": b"X: y\rz",
        "bare-cr-then-field": b"X: y\rZ: z",
        "bare-lf-in-value": b"X: y\nz",
        "cr-before-colon": b"X\r: y",
        "vertical-tab-in-value": b"X: y\x0bz",
        "form-feed-in-value": b"X: y\x0cz",
        "escape-in-value": b"X: \x1b[31m",
        "bell-in-value": b"X: \x07",
        "del-in-value": b"X: \x7f",
        "control-at-the-end": b"X: y\x01",
        "8-bit-name": b"X\xe9: y",
        "name-no-break-space": b"X\xa0: y",
        "name-vertical-tab": b"X\x0b: y",
        "name-del": b"X\x7f: y",
    }
    for code in b'"(),/;<=>?@[\\]{}':
        bad[f"name-with-{code:02x}"] = b"X" + bytes((code,)) + b": y"
    for name, line in bad.items():
        yield refused(f"field-{name}", "MUST", request(GET, line))
    removed = ("Proxy", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X_Y", "X-Forwarded_For")
    for each in removed:
        line = request(GET, f"{each}: canary-value")
        yield served(f"field-{each}-removed", "policy", line, absent=[b"canary-value"])
    yield served("fields-100", "policy", request(GET, *[f"X-{n}: y" for n in range(99)]))
    yield refused("fields-101", "policy", request(GET, *[f"X-{n}: y" for n in range(100)]), 431)
    yield refused("fields-5000", "policy", request(GET, *["X: y"] * 5000), 431)
    yield refused("field-too-long", "policy", request(GET, b"X: " + b"y" * 16400), 431)
    yield refused("field-name-too-long", "policy", request(GET, b"X" * 16400 + b": y"), 431)
    yield refused("field-never-ends", "policy", request(GET)[:-2] + b"X: " + b"y" * 100_000, 431)
    big = request(GET, *[b"X-%d: " % n + b"y" * 15000 for n in range(5)])
    yield refused("head-too-long", "policy", big, 431)
    yield served(
        "head-of-60-kilobytes", "policy", request(GET, *[b"X-%d: " % n + b"y" * 15000 for n in range(4)])
    )


def versions() -> Iterator[Row]:
    """HTTP/1.0, and whether a connection stays."""
    yield served("http-1.0", "MUST", request("GET / HTTP/1.0"), closed=True)
    yield served("http-1.0-without-host", "MUST", request("GET / HTTP/1.0", host=None), closed=True)
    kept = request("GET / HTTP/1.0", "Connection: keep-alive")
    yield served("http-1.0-keep-alive", "SHOULD", kept, closed=None)
    yield served("http-1.0-close", "MUST", request("GET / HTTP/1.0", "Connection: close"), closed=True)
    old = request("POST / HTTP/1.0", "Content-Length: 5", body=b"hello")
    yield served("http-1.0-body", "MUST", old, closed=True, present=[b"hello"])
    yield served("http-1.0-head", "MUST", request("HEAD / HTTP/1.0"), closed=True, method=b"HEAD")
    yield refused("http-1.0-two-hosts", "policy", request("GET / HTTP/1.0", "Host: b.test"))
    yield refused("http-1.0-bad-host", "policy", request("GET / HTTP/1.0", host=b"a b"))
    old = request("POST / HTTP/1.0", "Content-Length: 5", "Expect: 100-continue", body=b"hello")
    yield served("http-1.0-expect", "MUST", old, closed=True, present=[b"hello"])
    for name, value in {
        "close": "close",
        "close-in-capitals": "CLOSE",
        "close-in-a-list": "x, close",
        "close-among-blanks": " ,close , x",
        "close-and-keep-alive": "keep-alive, close",
    }.items():
        yield served(f"connection-{name}", "MUST", request(GET, f"Connection: {value}"), closed=True)
    two = request(GET, "Connection: x", "Connection: close")
    yield served("connection-close-in-the-second", "MUST", two, closed=True)
    yield served("connection-keep-alive", "MUST", request(GET, "Connection: keep-alive"))
    yield served("connection-closed", "MUST", request(GET, "Connection: closed"))
    yield served("connection-empty", "MUST", request(GET, "Connection:"))
    hop = request(GET, "Connection: x-hop", "X-Hop: canary-value")
    yield served("connection-named-field", "MUST", hop, absent=[b"canary-value"])
    hop = request(GET, "Keep-Alive: canary-value", "Proxy-Connection: canary-value", "TE: gzip;q=0.123")
    yield served("hop-by-hop-fields", "MUST", hop, absent=[b"canary-value", b"0.123"])


def expectations() -> Iterator[Row]:
    """Expect and Upgrade."""
    waits = request(POST, "Content-Length: 5", "Expect: 100-continue", body=b"hello")
    yield served("expect-and-the-body-at-once", "MUST", waits, present=[b"hello"])
    waits = request(POST, "Content-Length: 5", "Expect: 100-Continue", body=b"hello")
    yield served("expect-in-other-case", "MUST", waits, present=[b"hello"])
    waits = request(
        POST, "Transfer-Encoding: chunked", "Expect: 100-continue", body=b"5\r\nhello\r\n0\r\n\r\n"
    )
    yield served("expect-chunked", "MUST", waits, present=[b"hello"])
    yield served("expect-without-body", "MUST", request(GET, "Expect: 100-continue"))
    yield served("expect-of-length-0", "MUST", request(POST, "Content-Length: 0", "Expect: 100-continue"))
    for name, value in {
        "word": "x",
        "parameter": "100-continue;x",
        "two": "100-continue, x",
        "101": "101-upgrade",
    }.items():
        line = request(POST, "Content-Length: 0", f"Expect: {value}")
        yield refused(f"expect-{name}", "policy", line, 417, closed=None)
    long = request(POST, "Content-Length: 99999999", "Expect: 100-continue")
    yield refused("expect-above-the-limit", "SHOULD", long, 413)
    web = request(
        GET,
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: eA==",
    )
    yield refused("upgrade-websocket-where-no-route-says-so", "policy", web, 403, closed=None)
    h2c = request(GET, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    yield served("upgrade-h2c-never", "policy", h2c, absent=[b"h2c", b"AAMAAABk", b"pgrade:"])
    bare = request(GET, "Upgrade: h2c")
    yield served("upgrade-without-connection", "MUST", bare, absent=[b"h2c"])
    body = request(POST, "Connection: upgrade", "Upgrade: x", "Content-Length: 5", body=b"hello")
    yield served("upgrade-with-a-body", "MUST", body, present=[b"hello"], absent=[b"pgrade:"])
    tls = request("OPTIONS / HTTP/1.1", "Connection: Upgrade", "Upgrade: TLS/1.2")
    yield served("upgrade-tls", "MUST", tls, absent=[b"TLS/1.2"])


def rows() -> Iterator[Row]:
    """All of them."""
    yield from lines()
    yield from methods()
    yield from targets()
    yield from hosts()
    yield from fields()
    yield from versions()
    yield from expectations()
