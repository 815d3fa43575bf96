"""Where a message ends: lengths, codings, chunks, trailers, pipelining (RFC 9112 sections 6, 7 and 9)."""

from __future__ import annotations

from collections.abc import Iterator

from .row import Row, dropped, refused, request, served

POST = "POST / HTTP/1.1"
NEXT = b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"
TE = "Transfer-Encoding: chunked"
HELLO = b"5\r\nhello\r\n0\r\n\r\n"


def _length(value: bytes, body: bytes = b"hello") -> bytes:
    return request(POST, b"Content-Length:" + value, body=body)


def _coding(value: bytes, body: bytes = HELLO, line: str = POST) -> bytes:
    return request(line, b"Transfer-Encoding:" + value, body=body)


def _chunk(body: bytes) -> bytes:
    return request(POST, TE, body=body)


def lengths() -> Iterator[Row]:
    """Content-Length."""
    yield served("length", "MUST", _length(b" 5"), present=[b"hello"])
    yield served("length-without-space", "MUST", _length(b"5"), present=[b"hello"])
    yield served("length-with-tabs-around", "MUST", _length(b"\t5 \t"), present=[b"hello"])
    yield served("length-zero", "MUST", _length(b" 0", b""))
    yield served("length-with-leading-zeros", "MUST", _length(b" 0000005"), present=[b"hello"])
    yield served("length-on-get", "SHOULD", request("GET / HTTP/1.1", "Content-Length: 5", body=b"hello"))
    yield served(
        "length-on-delete", "SHOULD", request("DELETE / HTTP/1.1", "Content-Length: 5", body=b"hello")
    )
    yield served(
        "length-on-token-method", "MUST", request("BREW / HTTP/1.1", "Content-Length: 5", body=b"hello")
    )
    yield served("length-name-in-other-case", "MUST", request(POST, "cOnTeNt-lEnGtH: 5", body=b"hello"))
    yield served("post-without-length", "MUST", request(POST))
    bad = {
        "plus": b" +5",
        "minus": b" -5",
        "minus-zero": b" -0",
        "hexadecimal": b" 0x5",
        "octal": b" 0o5",
        "underscore": b" 0_5",
        "decimal-point": b" 5.0",
        "exponent": b" 5e0",
        "two-numbers": b" 5 5",
        "list-of-equal": b" 5, 5",
        "list-of-different": b" 5, 6",
        "trailing-comma": b" 5,",
        "leading-comma": b" ,5",
        "empty": b"",
        "blank": b"  ",
        "word": b" five",
        "quoted": b' "5"',
        "vertical-tab-before": b" \x0b5",
        "vertical-tab-after": b" 5\x0b",
        "form-feed": b" 5\x0c",
        "next-line": b" 5\x85",
        "no-break-space": b" \xa05",
        "file-separator": b" 5\x1c",
        "unit-separator": b" \x1f5",
        "fullwidth-digit": " ５".encode(),
        "arabic-digit": " ٥".encode(),
        "superscript": " ²".encode(),
        "latin-1-superscript": b" \xb2",
        "nul": b" 5\0",
        "bare-cr": b" 5\r",
        "twenty-digits": b" 00000000000000000005",
        "very-long": b" " + b"9" * 5000,
        "semicolon": b" 5;a=b",
    }
    for name, value in bad.items():
        yield refused(f"length-{name}", "MUST", _length(value))
    yield refused("length-above-the-limit", "policy", _length(b" 10485761", b""), 413)
    yield refused("length-of-nineteen-digits", "policy", _length(b" 9999999999999999999", b""), 413, 400)
    yield refused("length-above-63-bits", "policy", _length(b" 9223372036854775808", b""), 413, 400)
    two = request(POST, "Content-Length: 5", "Content-Length: 5", body=b"hello")
    yield refused("two-equal-lengths", "policy", two)
    two = request(POST, "Content-Length: 5", "Content-Length: 6", body=b"hello!")
    yield refused("two-different-lengths", "MUST", two)
    two = request(POST, "Content-Length: 0", "Content-Length: 44", body=NEXT)
    yield refused("zero-and-another-length", "MUST", two)
    two = request(POST, "Content-Length: 5", "X: y", "content-length: 5", body=b"hello")
    yield refused("two-lengths-apart", "policy", two)
    yield refused(
        "length-with-space-before-colon", "MUST", request(POST, "Content-Length : 5", body=b"hello")
    )
    yield refused("length-folded", "MUST", request(POST, "Content-Length:\r\n 5", body=b"hello"))
    yield served(
        "look-alike-name-of-length",
        "policy",
        request("GET / HTTP/1.1", "Content_Length: 44"),
        absent=[b"ontent_Length", b"ontent_length"],
    )
    yield dropped("length-never-reached", "MUST", _length(b" 10"), begun=True)


def codings() -> Iterator[Row]:
    """Transfer-Encoding."""
    yield served("chunked", "MUST", _coding(b" chunked"), present=[b"hello"])
    yield served("chunked-in-capitals", "MUST", _coding(b" CHUNKED"), present=[b"hello"])
    yield served("chunked-mixed-case", "MUST", _coding(b" cHuNkEd"), present=[b"hello"])
    yield served("chunked-with-tabs-around", "MUST", _coding(b"\tchunked\t "), present=[b"hello"])
    yield served("chunked-on-get", "SHOULD", _coding(b" chunked", line="GET / HTTP/1.1"))
    yield served("coding-name-in-other-case", "MUST", request(POST, "tRANSFER-eNCODING: chunked", body=HELLO))
    both = request(POST, "Content-Length: 5", TE, body=HELLO)
    yield refused("length-then-coding", "policy", both)
    both = request(POST, TE, "Content-Length: 5", body=HELLO)
    yield refused("coding-then-length", "policy", both)
    both = request(POST, TE, "Content-Length: 0", body=HELLO + NEXT)
    yield refused("coding-and-length-zero", "policy", both)
    both = request(POST, "Content-Length: 6", TE, body=b"0\r\n\r\nG")
    yield refused("length-beyond-the-chunks", "policy", both)
    both = request(POST, "Content-Length: 4", TE, body=b"2c\r\n" + NEXT + b"\r\n0\r\n\r\n")
    yield refused("length-inside-the-chunks", "policy", both)
    both = request(POST, "Content-Length: x", TE, body=HELLO)
    yield refused("coding-and-a-bad-length", "policy", both)
    both = request(POST, "Content-Length: 5", "Transfer-Encoding: identity", body=b"hello")
    yield refused("identity-and-length", "policy", both, 400, 501)
    old = request("POST / HTTP/1.0", TE, body=HELLO)
    yield refused("coding-in-http-1.0", "policy", old)
    old = request("POST / HTTP/1.0", TE, "Connection: keep-alive", body=HELLO + NEXT)
    yield refused("coding-in-http-1.0-kept-alive", "policy", old)
    for name, value in {
        "gzip": b" gzip",
        "gzip-then-chunked": b" gzip, chunked",
        "identity": b" identity",
        "identity-then-chunked": b" identity, chunked",
        "chunked-then-identity": b" chunked, identity",
        "chunked-then-gzip": b" chunked, gzip",
        "xchunked": b" xchunked",
        "chunkedx": b" chunkedx",
        "chunke": b" chunke",
        "two-words": b" chunked chunked",
        "parameter": b" chunked;a=b",
        "quoted": b' "chunked"',
        "single-quoted": b" 'chunked'",
        "empty": b"",
        "blank": b" \t",
        "comma": b" ,",
        "x-chunked-before": b" x, chunked",
        "kelvin-sign": b" chun\xe2\x84\xaaed",
        "no-break-space-before": b" \xa0chunked",
        "next-line-after": b" chunked\x85",
        "semicolon-before": b" ;chunked",
        "colon-before": b" :chunked",
    }.items():
        yield refused(f"coding-{name}", "MUST", _coding(value), 501, 400)
    for name, value in {
        "vertical-tab-before": b" \x0bchunked",
        "vertical-tab-after": b" chunked\x0b",
        "form-feed": b" chunked\x0c",
        "nul": b" chunked\0",
        "bare-cr-before": b" \rchunked",
        "bare-lf-before": b" \nchunked",
        "folded": b"\r\n chunked",
        "folded-with-tab": b" \r\n\tchunked",
        "file-separator": b" chunked\x1c",
    }.items():
        yield refused(f"coding-{name}", "MUST", _coding(value))
    yield refused("chunked-twice", "MUST", _coding(b" chunked, chunked"), 400, 501)
    yield refused("two-coding-fields", "MUST", request(POST, TE, TE, body=HELLO), 400, 501)
    other = request(POST, TE, "Transfer-Encoding: x", body=HELLO)
    yield refused("two-different-coding-fields", "MUST", other, 400, 501)
    other = request(POST, "Transfer-Encoding: x", TE, body=HELLO)
    yield refused("two-coding-fields-the-other-way", "MUST", other, 400, 501)
    yield refused(
        "coding-with-space-before-colon", "MUST", request(POST, "Transfer-Encoding : chunked", body=HELLO)
    )
    yield refused(
        "coding-with-tab-before-colon", "MUST", request(POST, "Transfer-Encoding\t: chunked", body=HELLO)
    )
    yield refused("coding-after-a-blank", "MUST", request(POST, " Transfer-Encoding: chunked", body=HELLO))
    yield refused("coding-after-nul", "MUST", request(POST, "\0Transfer-Encoding: chunked", body=HELLO))
    hidden = request(POST, "X: y\nTransfer-Encoding: chunked", body=HELLO)
    yield refused("coding-behind-a-bare-lf", "policy", hidden)
    hidden = request(POST, "X: y\rTransfer-Encoding: chunked", body=HELLO)
    yield refused("coding-behind-a-bare-cr", "MUST", hidden)
    yield served(
        "look-alike-name-of-coding",
        "policy",
        request("GET / HTTP/1.1", "Transfer_Encoding: chunked"),
        absent=[b"ransfer_Encoding", b"ransfer_encoding"],
    )


def chunks() -> Iterator[Row]:
    """The chunked coding."""
    yield served("chunks", "MUST", _chunk(b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"))
    yield served("no-chunk", "MUST", _chunk(b"0\r\n\r\n"))
    yield served("chunk-of-one", "MUST", _chunk(b"1\r\nx\r\n0\r\n\r\n"))
    yield served("chunk-size-in-hexadecimal", "MUST", _chunk(b"a\r\n0123456789\r\n0\r\n\r\n"))
    yield served("chunk-size-in-capitals", "MUST", _chunk(b"A\r\n0123456789\r\n0\r\n\r\n"))
    yield served("chunk-size-with-zeros", "MUST", _chunk(b"0005\r\nhello\r\n0000\r\n\r\n"))
    yield served("chunk-size-of-sixteen-digits", "policy", _chunk(b"0000000000000005\r\nhello\r\n0\r\n\r\n"))
    yield served("chunk-holds-line-ends", "MUST", _chunk(b"8\r\n\r\n0\r\n\r\n\n\r\n0\r\n\r\n"))
    yield served("chunk-holds-a-request", "MUST", _chunk(b"%x\r\n%s\r\n0\r\n\r\n" % (len(NEXT), NEXT)))
    for name, extension in {
        "name": b";a",
        "value": b";a=b",
        "quoted": b';a="b c"',
        "quoted-pair": b';a="b\\"c"',
        "two": b";a=b;c=d",
        "long": b";a=" + b"b" * 200,
    }.items():
        body = b"5" + extension + b"\r\nhello\r\n0\r\n\r\n"
        yield served(f"extension-{name}", "MUST", _chunk(body), absent=[extension], present=[b"hello"])
    yield served(
        "extension-on-the-last-chunk", "MUST", _chunk(b"5\r\nhello\r\n0;a=b\r\n\r\n"), absent=[b";a=b"]
    )
    bad = {
        "size-plus": b"+5\r\nhello\r\n0\r\n\r\n",
        "size-minus": b"-5\r\nhello\r\n0\r\n\r\n",
        "size-0x": b"0x5\r\nhello\r\n0\r\n\r\n",
        "size-underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
        "size-no-hexadecimal": b"g\r\nhello\r\n0\r\n\r\n",
        "size-empty": b"\r\nhello\r\n0\r\n\r\n",
        "size-blank-before": b" 5\r\nhello\r\n0\r\n\r\n",
        "size-tab-before": b"\t5\r\nhello\r\n0\r\n\r\n",
        "size-vertical-tab": b"5\x0b\r\nhello\r\n0\r\n\r\n",
        "size-no-break-space": b"5\xa0\r\nhello\r\n0\r\n\r\n",
        "size-next-line": b"5\x85\r\nhello\r\n0\r\n\r\n",
        "size-fullwidth-digit": "５\r\nhello\r\n0\r\n\r\n".encode(),
        "size-arabic-digit": "٥\r\nhello\r\n0\r\n\r\n".encode(),
        "size-nul": b"5\0\r\nhello\r\n0\r\n\r\n",
        "size-decimal-point": b"5.0\r\nhello\r\n0\r\n\r\n",
        "size-comma": b"5,\r\nhello\r\n0\r\n\r\n",
        "size-two": b"5 5\r\nhello\r\n0\r\n\r\n",
        "size-seventeen-digits": b"00000000000000005\r\nhello\r\n0\r\n\r\n",
        "size-above-64-bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
        "size-bare-lf": b"5\nhello\r\n0\r\n\r\n",
        "size-bare-cr": b"5\rhello\r\n0\r\n\r\n",
        "size-cr-cr-lf": b"5\r\r\nhello\r\n0\r\n\r\n",
        "all-bare-lf": b"5\nhello\n0\n\n",
        "extension-empty": b"5;\r\nhello\r\n0\r\n\r\n",
        "extension-empty-name": b"5;=b\r\nhello\r\n0\r\n\r\n",
        "extension-empty-value": b"5;a=\r\nhello\r\n0\r\n\r\n",
        "extension-empty-last": b"5;a;\r\nhello\r\n0\r\n\r\n",
        "extension-no-token": b"5;a(b\r\nhello\r\n0\r\n\r\n",
        "extension-not-ended": b'5;a="b\r\nhello\r\n0\r\n\r\n',
        "extension-nul": b"5;a=\0\r\nhello\r\n0\r\n\r\n",
        "extension-bare-lf": b"5;a\nhello\r\n0\r\n\r\n",
        "extension-bare-cr": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
        "extension-quoted-lf": b'5;a="\n"\r\nhello\r\n0\r\n\r\n',
        "data-too-long": b"5\r\nhello!\r\n0\r\n\r\n",
        "data-too-short": b"5\r\nhell\r\n0\r\n\r\n",
        "data-then-bare-lf": b"5\r\nhello\n0\r\n\r\n",
        "data-then-bare-cr": b"5\r\nhello\r0\r\n\r\n",
        "data-then-nothing": b"5\r\nhello0\r\n\r\n",
        "data-then-lf-cr": b"5\r\nhello\n\r0\r\n\r\n",
        "data-then-two-bytes": b"5\r\nhelloXX0\r\n\r\n",
        "end-with-bare-lf": b"5\r\nhello\r\n0\r\n\n",
        "last-size-bare-lf": b"5\r\nhello\r\n0\n\r\n",
        "end-with-cr-and-another": b"5\r\nhello\r\n0\r\n\rX\r\n\r\n",
    }
    for name, body in bad.items():
        yield refused(f"chunk-{name}", "MUST", _chunk(body), begun=True)
    yield refused("chunk-size-blank-after", "policy", _chunk(b"5 \r\nhello\r\n0\r\n\r\n"), begun=True)
    long = b"5;a=" + b"b" * 300 + b"\r\nhello\r\n0\r\n\r\n"
    yield refused("extension-too-long", "policy", _chunk(long), begun=True)
    many = b"".join(b"1;a=" + b"b" * 200 + b"\r\nx\r\n" for _ in range(60)) + b"0\r\n\r\n"
    yield refused("extensions-too-long-together", "policy", _chunk(many), begun=True)
    yield refused("chunk-size-never-ends", "policy", _chunk(b"0" * 9000), begun=True)
    huge = _chunk(b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n")
    yield refused("chunk-size-of-all-bits", "policy", huge, 413, 400, begun=True)
    huge = _chunk(b"a00001\r\nhello")
    yield refused("chunk-above-the-limit", "policy", huge, 413, begun=True)
    huge = _chunk(b"5\r\nhello\r\nfffffffffffffffb\r\n")
    yield refused("chunks-that-wrap-around", "policy", huge, 413, 400, begun=True)
    yield dropped("chunks-never-ended", "MUST", _chunk(b"5\r\nhello\r\n"), begun=True)
    yield dropped("chunk-broken-off", "MUST", _chunk(b"5\r\nhel"), begun=True)
    yield dropped("chunks-without-the-last-line", "MUST", _chunk(b"5\r\nhello\r\n0\r\n"), begun=True)
    yield dropped("chunk-size-broken-off", "MUST", _chunk(b"5"), begun=True)


def trailers() -> Iterator[Row]:
    """Fields after the last chunk. None is allowed on this route."""
    end = b"5\r\nhello\r\n0\r\n"
    for name, line in {
        "one": b"X-Checksum: 1",
        "empty-value": b"X-Checksum:",
        "length": b"Content-Length: 44",
        "coding": b"Transfer-Encoding: chunked",
        "host": b"Host: evil.test",
        "authorization": b"Authorization: Basic eA==",
        "connection": b"Connection: close",
    }.items():
        yield Row(
            f"trailer-{name}",
            "MUST",
            _chunk(end + line + b"\r\n\r\n"),
            ((200,),) if name in ("one", "empty-value") else ((200,), (400,)),
            None,
            1 if name in ("one", "empty-value") else -1,
            True,
            () if name == "coding" else (b": ".join(part.strip() for part in line.split(b":")) + b"\r\n",),
        )
    for name, line in {
        "without-colon": b"X-Checksum",
        "without-name": b": x",
        "blank-before-colon": b"X-Checksum : 1",
        "folded": b"X: 1\r\n 2",
        "nul": b"X: \0",
        "bare-cr": b"X: a\rb",
        "bare-lf": b"X: a\nY: b",
        "bad-name": b"X(: 1",
        "blank-first": b" X: 1",
        "request": NEXT[:-4],
    }.items():
        yield refused(f"trailer-{name}", "MUST", _chunk(end + line + b"\r\n\r\n"), begun=True)
    long = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 1000) for number in range(12))
    yield refused("trailers-too-long", "policy", _chunk(end + long + b"\r\n"), 400, 431, begun=True)
    many = b"X: y\r\n" * 2000
    yield refused("trailers-too-many", "policy", _chunk(end + many + b"\r\n"), 400, 431, begun=True)
    yield refused("trailer-never-ends", "policy", _chunk(end + b"X: " + b"y" * 9000), 400, 431, begun=True)


def pipelines() -> Iterator[Row]:
    """Several requests, one after the other, without waiting."""

    def several(name: str, data: bytes, count: int, methods: tuple[bytes, ...], closed: bool = False) -> Row:
        return Row(name, "MUST", data, ((200,) * count,), closed, count, methods=methods)

    get, post = request("GET /1 HTTP/1.1"), request("POST /2 HTTP/1.1", "Content-Length: 5", body=b"hello")
    coded = request("POST /3 HTTP/1.1", TE, body=HELLO)
    yield several("two-gets", get + get, 2, (b"GET", b"GET"))
    yield several("ten-gets", get * 10, 10, (b"GET",) * 10)
    yield several("post-then-get", post + get, 2, (b"POST", b"GET"))
    yield several("chunked-then-get", coded + get, 2, (b"POST", b"GET"))
    yield several("get-post-chunked", get + post + coded + get, 4, (b"GET", b"POST", b"POST", b"GET"))
    yield several("head-then-get", request("HEAD / HTTP/1.1") + get, 2, (b"HEAD", b"GET"))
    yield several("empty-line-between", get + b"\r\n" + get, 2, (b"GET", b"GET"))
    last = request("GET /last HTTP/1.1", "Connection: close")
    yield several("close-is-the-last", get + last, 2, (b"GET", b"GET"), True)
    yield Row(
        "nothing-after-close",
        "MUST",
        last + NEXT,
        ((200,),),
        True,
        1,
        absent=(b"/smuggled",),
        methods=(b"GET",),
    )
    old = request("GET /old HTTP/1.0")
    yield Row("nothing-after-http-1.0", "MUST", old + NEXT, ((200,),), True, 1, absent=(b"/smuggled",))
    for name, junk in {
        "garbage": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        "a-body-nobody-announced": b"hello\r\n\r\n",
        "a-bad-head": b"GET / HTTP/1.1\r\nHost: a.test\r\nX : y\r\n\r\n",
        "both-length-and-coding": request(POST, TE, "Content-Length: 5", body=HELLO),
        "no-host": b"GET / HTTP/1.1\r\n\r\n",
    }.items():
        yield Row(f"get-then-{name}", "MUST", get + junk, ((200, 400),), True, 1, methods=(b"GET", b"GET"))
    bad = request(POST, "Content-Length: 5, 5", body=b"hello")
    yield Row("good-after-bad", "MUST", bad + get, ((400,),), True, 0, absent=(b"/1",))
    yield Row(
        "bad-length-hides-a-request",
        "MUST",
        request(POST, "Content-Length: 44", "Content-Length : 0", body=NEXT),
        ((400,),),
        True,
        0,
    )
    yield Row(
        "half-close-after-a-request", "SHOULD", get, ((200,), ()), True, 1, half_close=True, present=(b"/1",)
    )
    yield Row(
        "half-close-after-two",
        "SHOULD",
        get + get,
        ((200, 200), (200,), ()),
        True,
        -1,
        methods=(b"GET", b"GET"),
        half_close=True,
    )


def rows() -> Iterator[Row]:
    """All of them."""
    yield from lengths()
    yield from codings()
    yield from chunks()
    yield from trailers()
    yield from pipelines()
