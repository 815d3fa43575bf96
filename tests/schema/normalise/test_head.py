"""The head as a whole: its parts in their order, and every reason for which a request goes no further."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any, get_args

import pytest
from gwc.schema.listener import ListenerSettings, PathOptions
from gwc.schema.normalise import cookie_value, normalise, query_value
from gwc.schema.normalise.sample import sample_of
from gwc.schema.request import STATUSES, RawRequest, Reason, Rejection, RequestHead
from hypothesis import given
from hypothesis import strategies as st

PLAIN = ListenerSettings("plain", ("0.0.0.0:80",))
SECURE = ListenerSettings("secure", ("0.0.0.0:443",), tls=True)
PROXIED = ListenerSettings("proxied", ("0.0.0.0:80",), trusted_proxies=(ip_network("10.0.0.0/8"),))
HOST = (b"Host", b"example.com")
PEER = ip_address("192.0.2.7")
TRUSTED = ip_address("10.0.0.1")
TRACE = "0af7651916cd43dd8448eb211c80319c"


def raw(**given: Any) -> RawRequest:
    """A plain request, but for what is given."""
    return RawRequest(**{"method": b"GET", "target": b"/", "fields": (HOST,), "peer": PEER, **given})


def head(*entry: ListenerSettings, **given: Any) -> RequestHead:
    """The head of such a request, which must be readable."""
    read = normalise(raw(**given), entry or (PLAIN,))
    assert isinstance(read, RequestHead), read
    return read


def rejection(*entry: ListenerSettings, **given: Any) -> Rejection:
    """The rejection that such a request must get."""
    read = normalise(raw(**given), entry or (PLAIN,))
    assert isinstance(read, Rejection), read
    return read


def again(read: RequestHead, first: RawRequest) -> RawRequest:
    """The head, sent once more over the same connection."""
    fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in read.fields]
    if read.host:
        fields.append((b"host", read.authority.encode("latin-1")))
    query = "" if read.query is None else f"?{read.query}"
    return RawRequest(
        method=read.method.encode("ascii"),
        target=f"{read.path}{query}".encode("latin-1"),
        version=(1, 1) if read.host else (1, 0),
        fields=tuple(fields),
        peer=first.peer,
        tls=first.tls,
        sni=first.sni,
        trace_id=first.trace_id,
    )


# Every reason, by a request that has nothing else wrong with it.
REFUSED: dict[Reason, dict[str, Any]] = {
    "method-token": {"method": b"GE T"},
    "method-refused": {"method": b"TRACE"},
    "protocol": {"protocol": b"websocket", "version": (2, 0)},
    "target-length": {"target": b"/" + b"a" * 8192},
    "target-form": {"target": b"a"},
    "target-scheme": {"target": b"ftp://example.com/"},
    "host-missing": {"fields": ()},
    "host-repeated": {"fields": (HOST, HOST)},
    "host-userinfo": {"fields": ((b"Host", b"u@example.com"),)},
    "host-port": {"fields": ((b"Host", b"example.com:65536"),)},
    "host-name": {"fields": ((b"Host", b"exa mple.com"),)},
    "host-address": {"fields": ((b"Host", b"[::1%25eth0]"),)},
    "host-disagreement": {"target": b"http://other.org/"},
    "options-asterisk": {"method": b"OPTIONS", "target": b"*"},
    "listener-none": {"fields": ((b"Host", b"other.org"),)},
    "misdirected": {"fields": ((b"Host", b"b.example.com"),), "sni": "a.example.com"},
    "path-escape": {"target": b"/%zz"},
    "path-control": {"target": b"/%00"},
    "path-byte": {"target": b"/\xff"},
    "path-backslash": {"target": b"/\\"},
    "path-encoded-slash": {"target": b"/%2f"},
    "path-overlong": {"target": b"/%c0%af"},
    "path-dot-parameter": {"target": b"/..;/"},
    "path-above-root": {"target": b"/.."},
    "path-changes": {"target": b"/%41"},
    "query-byte": {"target": b"/?\xff"},
    "fields-count": {"fields": (HOST, *[(b"a", b"b")] * 100)},
    "head-length": {"fields": (HOST, *[(b"a", b"b" * 14_000)] * 5)},
    "field-length": {"fields": (HOST, (b"a", b"b" * 16_384))},
    "field-name": {"fields": (HOST, (b"a b", b"c"))},
    "field-value": {"fields": (HOST, (b"a", b"b\0"))},
}
REASONS: tuple[Reason, ...] = get_args(Reason)
BEFORE_LISTENER = REASONS[: REASONS.index("listener-none") + 1]


def entry_for(reason: Reason) -> list[ListenerSettings]:
    """The listeners at which the request of `REFUSED` has that one thing wrong."""
    if reason == "listener-none":
        return [ListenerSettings("l", ("0.0.0.0:80",), ("example.com",))]
    if reason == "misdirected":
        return [ListenerSettings(name, ("0.0.0.0:443",), (f"{name}.example.com",), tls=True) for name in "ab"]
    if reason == "path-changes":
        return [ListenerSettings("l", ("0.0.0.0:80",), path_options=PathOptions(reject_changes=True))]
    return [PLAIN]


def test_list_of_reasons_is_closed() -> None:
    """Every reason has a status and a request that is refused for it."""
    assert set(REASONS) == set(STATUSES) == set(REFUSED)


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason(reason: Reason) -> None:
    """Sentence: `normalise` makes a `RequestHead` or a rejection (a status and a reason)."""
    read = normalise(raw(**REFUSED[reason]), entry_for(reason))
    assert isinstance(read, Rejection)
    assert (read.status, read.reason) == (STATUSES[reason], reason)
    assert read.detail.isprintable()
    assert (read.listener is None) == (reason in BEFORE_LISTENER)


@pytest.mark.parametrize(
    ("status", "reasons"),
    [
        (204, {"options-asterisk"}),
        (404, {"listener-none"}),
        (405, {"method-refused"}),
        (414, {"target-length"}),
        (421, {"misdirected"}),
        (431, {"fields-count", "field-length", "head-length"}),
    ],
)
def test_statuses_other_than_400(status: int, reasons: set[str]) -> None:
    """Whatever is not one of these is a 400."""
    assert {reason for reason, its in STATUSES.items() if its == status} == reasons
    assert set(STATUSES.values()) == {204, 400, 404, 405, 414, 421, 431}


def test_order() -> None:
    """The parts are read in one order: with everything wrong at once, the earliest part is the reason."""
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("method-token", {"method": b""}),
        ("target-form", {"target": b"a"}),
        ("host-name", {"fields": ((b"host", b"!"), (b"a b", b""))}),
        ("listener-none", {"fields": ((b"host", b"other.org"), (b"a b", b""))}),
        ("path-escape", {"target": b"/%? "}),
        ("query-byte", {"target": b"/? ", "fields": ((b"host", b"example.com"), (b"a b", b""))}),
        ("field-name", {"fields": ((b"host", b"example.com"), (b"a b", b""))}),
    ]
    listener = ListenerSettings("l", ("0.0.0.0:80",), ("example.com",))
    for place, (reason, _) in enumerate(wrong):
        request: dict[str, Any] = {}
        for _, parts in reversed(wrong[place:]):
            request |= parts
        assert rejection(listener, **request).reason == reason


@pytest.mark.parametrize(
    "method", ["GET", "get", "Purge", "M-SEARCH", "!#$%&'*+-.^_`|~", "A" * 32, "connect"]
)
def test_method(method: str) -> None:
    """Sentence: a token of at most 32 bytes, as sent, case-sensitive."""
    assert head(method=method.encode()).method == method


@pytest.mark.parametrize("method", [b"", b"A" * 33, b"GE T", b"GET\n", b"G\xc3", b"GET(", b"\0", b'"GET"'])
def test_no_method(method: bytes) -> None:
    """Sentence: … else 400."""
    assert (rejection(method=method).status, rejection(method=method).reason) == (400, "method-token")


@pytest.mark.parametrize("method", [b"CONNECT", b"TRACE"])
def test_refused_methods(method: bytes) -> None:
    """Sentence: CONNECT and TRACE: 405 before matching, whatever the target."""
    for target in (b"/", b"example.com:443", b"*", b""):
        assert rejection(method=method, target=target).status == 405


@pytest.mark.parametrize("protocol", [b"websocket", b"WebSocket"])
def test_extended_connect(protocol: bytes) -> None:
    """Sentence: an extended CONNECT of RFC 8441 is matched as GET with `upgrade: websocket`."""
    read = head(
        method=b"CONNECT",
        protocol=protocol,
        version=(2, 0),
        target=b"/chat?x",
        authority=b"example.com",
        fields=((b"upgrade", b"h2c"), (b"a", b"b")),
    )
    assert (read.method, read.path, read.query) == ("GET", "/chat", "x")
    assert read.headers == {"upgrade": "websocket", "a": "b"}
    assert read.fields == (("a", "b"), ("upgrade", "websocket"))


def test_extended_connect_for_anything_else() -> None:
    """An extended CONNECT for another protocol is a CONNECT: 405."""
    given = {"method": b"CONNECT", "protocol": b"connect-udp", "version": (2, 0), "authority": b"example.com"}
    assert rejection(**given).status == 405


def test_options_asterisk() -> None:
    """Sentence: `OPTIONS *` is answered by the gateway, 204, and not matched (its host is still read)."""
    assert rejection(method=b"OPTIONS", target=b"*").status == 204
    assert rejection(method=b"OPTIONS", target=b"*", fields=()).reason == "host-missing"
    assert rejection(method=b"options", target=b"*").reason == "target-form"
    assert rejection(method=b"GET", target=b"*").reason == "target-form"
    assert head(method=b"OPTIONS", target=b"/*").path == "/*"


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/a?b", "/a", "b"),
        (b"/a", "/a", None),
        (b"/a?", "/a", ""),
        (b"/%41?", "/A", ""),
        (b"/%41", "/A", None),
        (b"/" + b"a" * 8191, "/" + "a" * 8191, None),
        (b"/a?b?c", "/a", "b?c"),
        (b"?b", "/", "b"),
        (b"", "/", None),
        (b"http://example.com", "/", None),
        (b"http://example.com?b", "/", "b"),
        (b"HTTPS://Example.COM/%41?b", "/A", "b"),
        (b"http://example.com//a/../b", "/b", None),
        (b"/http://other.org/", "/http:/other.org/", None),
    ],
)
def test_target(target: bytes, path: str, query: str | None) -> None:
    """Sentence: the path is the target up to `?`; an empty one is `/`. The query is forwarded as sent."""
    read = head(target=target)
    assert (read.path, read.query) == (path, query)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (b"ftp://example.com/", "target-scheme"),
        (b"mailto:a@example.com", "target-scheme"),
        (b"http:/example.com", "target-scheme"),
        (b"example.com:443", "target-scheme"),
        (b"//example.com", None),
        (b"http//example.com", "target-form"),
        (b"\xffhttp://example.com", "target-form"),
        (b"http:///a", "host-name"),
        (b"http://u:p@example.com/", "host-userinfo"),
        (b"http://example.com:65536/", "host-port"),
        (b"http://example.com\\@other.org/", "host-userinfo"),
        (b"http://example.com#a", "target-form"),
        (b"http://other.org/", "host-disagreement"),
    ],
)
def test_absolute_form(target: bytes, reason: str | None) -> None:
    """Sentence: userinfo, a scheme other than http or https, a port above 65535: 400."""
    read = normalise(raw(target=target), (PLAIN,))
    if reason is None:
        assert isinstance(read, RequestHead)
    else:
        assert isinstance(read, Rejection)
        assert (read.status, read.reason) == (400, reason)


def test_absolute_form_is_of_http_1() -> None:
    """In HTTP/2 the path is `:path`, which begins with `/`."""
    assert rejection(target=b"http://example.com/", version=(2, 0)).reason == "target-form"


@pytest.mark.parametrize(
    ("version", "target", "authority", "hosts", "expected"),
    [
        ((1, 1), b"/", None, [b"Example.com."], "example.com"),
        ((1, 1), b"http://EXAMPLE.com/", None, [b"example.com."], "example.com"),
        ((1, 1), b"http://example.com:80/", None, [b"example.com"], "example.com:80"),
        ((1, 1), b"http://example.com/", None, [b"example.com:80"], "example.com"),
        ((1, 0), b"http://example.com/", None, [], "example.com"),
        ((1, 0), b"/", None, [b"example.com"], "example.com"),
        ((2, 0), b"/", b"example.com", [], "example.com"),
        ((2, 0), b"/", b"example.com:8080", [b"EXAMPLE.com:08080"], "example.com:8080"),
        ((2, 0), b"/", None, [b"example.com"], "example.com"),
    ],
)
def test_host_agreement(
    version: tuple[int, int], target: bytes, authority: bytes | None, hosts: list[bytes], expected: str
) -> None:
    """Sentence: Host, `:authority` and an absolute-form target's authority must agree after normalising."""
    fields = tuple((b"host", host) for host in hosts)
    read = head(version=version, target=target, authority=authority, fields=fields)
    assert (read.host, read.authority) == ("example.com", expected)


@pytest.mark.parametrize(
    ("version", "target", "authority", "hosts", "reason"),
    [
        ((1, 1), b"http://a/", None, [b"b"], "host-disagreement"),
        ((1, 1), b"http://a:8080/", None, [b"a"], "host-disagreement"),
        ((1, 1), b"http://a:443/", None, [b"a"], "host-disagreement"),
        ((2, 0), b"/", b"a", [b"b"], "host-disagreement"),
        ((2, 0), b"/", b"a:1", [b"a:2"], "host-disagreement"),
        ((1, 1), b"/", None, [b"a", b"a"], "host-repeated"),
        ((1, 0), b"/", None, [b"a", b"a"], "host-repeated"),
        ((2, 0), b"/", b"a", [b"a", b"a"], "host-repeated"),
        ((1, 1), b"/", None, [], "host-missing"),
        ((1, 1), b"http://a/", None, [], "host-missing"),
        ((2, 0), b"/", None, [], "host-missing"),
        ((1, 1), b"/", None, [b""], "host-name"),
        ((1, 0), b"/", None, [b""], "host-name"),
        ((2, 0), b"/", b"", [b"a"], "host-name"),
        ((2, 0), b"/", b"a", [b""], "host-name"),
    ],
)
def test_hosts_refused(
    version: tuple[int, int], target: bytes, authority: bytes | None, hosts: list[bytes], reason: str
) -> None:
    """Sentence: … else 400; two Host fields, none in HTTP/1.1: 400."""
    fields = tuple((b"host", host) for host in hosts)
    read = rejection(version=version, target=target, authority=authority, fields=fields)
    assert (read.status, read.reason) == (400, reason)


def test_default_port_is_the_connections() -> None:
    """Hosts with and without a port agree where it is the port that the connection's scheme stands for."""
    given = {"target": b"https://a:443/", "fields": ((b"host", b"a"),)}
    assert head(SECURE, tls=True, **given).host == "a"
    assert rejection(PLAIN, **given).reason == "host-disagreement"


def test_no_host_in_http_1_0() -> None:
    """Sentence: HTTP/1.0 without Host: the empty host, which a listener with a scope does not take."""
    read = head(version=(1, 0), fields=())
    assert (read.host, read.authority) == ("", "")
    scoped = ListenerSettings("l", ("0.0.0.0:80",), ("*.com",))
    assert rejection(scoped, version=(1, 0), fields=()).status == 404


def test_forwarded_host() -> None:
    """Sentence: the Host that is forwarded is the client's with its port."""
    read = head(fields=((b"host", b"[2001:DB8::0:1]:8443"), (b"a", b"b")))
    assert (read.host, read.authority) == ("[2001:db8::1]", "[2001:db8::1]:8443")
    assert read.fields == (("a", "b"),)
    assert "host" not in read.headers


def test_listener_settings_apply() -> None:
    """The path is read as the listener that takes the host says."""
    entry = [
        ListenerSettings("a", ("0.0.0.0:80",), ("a.x",), path_options=PathOptions(keep_encoded_slash=True)),
        ListenerSettings("b", ("0.0.0.0:80",), ("b.x",)),
    ]
    read = head(*entry, target=b"/%2f", fields=((b"host", b"a.x"),))
    assert (read.listener, read.path) == ("a", "/%2F")
    assert rejection(*entry, target=b"/%2f", fields=((b"host", b"b.x"),)).listener == "b"


@pytest.mark.parametrize(
    ("sni", "expected"),
    [
        ("example.com", "example.com"),
        ("EXAMPLE.com.", "example.com"),
        (None, None),
        *((name, None) for name in ("", "é", "exa mple", "a:443", "\ud800", "*.a")),
    ],
)
def test_server_name(sni: str | None, expected: str | None) -> None:
    """The server name is written as hosts are; one that is no host name counts as none; none without TLS."""
    assert head(SECURE, tls=True, sni=sni).sni == expected
    assert head(PLAIN, sni=sni).sni is None


def test_fields_of_an_untrusted_peer() -> None:
    """Sentence: forwarding fields of an untrusted peer are absent (names with `_`, overrides too)."""
    fields = (
        HOST,
        (b"X-Forwarded-For", b"1.2.3.4"),
        (b"a", b"1"),
        (b"Forwarded", b"for=1.2.3.4"),
        (b"X-Forwarded-Proto", b"https"),
        (b"x_y", b"z"),
        (b"Proxy", b"z"),
        (b"X-Real-IP", b"1.2.3.4"),
        (b"traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode()),
    )
    for entry in (PLAIN, PROXIED):
        read = head(entry, fields=fields)
        assert set(read.headers) == {"a", "traceparent"}
        assert [name for name, _ in read.fields] == ["a", "traceparent"]
        assert (read.client_ip, read.scheme) == (PEER, "http")
        assert read.sample == sample_of(b"\0" * 16)


def test_fields_of_a_trusted_peer() -> None:
    """Sentence: if the peer is in `trusted-proxies`: X-Forwarded-For; X-Forwarded-Proto too."""
    fields = (
        HOST,
        (b"X-Forwarded-For", b"198.51.100.9"),
        (b"X-Forwarded-For", b"203.0.113.5, 10.0.0.2"),
        (b"X-Forwarded-Proto", b"https"),
        (b"traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode()),
        (b"x_forwarded_for", b"1.1.1.1"),
    )
    read = head(PROXIED, fields=fields, peer=TRUSTED)
    assert (read.client_ip, read.scheme) == (ip_address("203.0.113.5"), "https")
    assert read.headers["x-forwarded-for"] == "198.51.100.9, 203.0.113.5, 10.0.0.2"
    assert read.sample == sample_of(bytes.fromhex(TRACE))
    assert len(read.fields) == 4


def test_client_is_the_peer() -> None:
    """Sentence: the peer (IPv4-mapped as IPv4); a trusted one that says nothing is the client itself."""
    assert head(peer=ip_address("::ffff:192.0.2.9")).client_ip == ip_address("192.0.2.9")
    assert head(PROXIED, peer=TRUSTED).client_ip == TRUSTED
    mapped = head(
        PROXIED, peer=ip_address("::ffff:10.0.0.1"), fields=(HOST, (b"x-forwarded-for", b"1.2.3.4"))
    )
    assert mapped.client_ip == ip_address("1.2.3.4")


def test_unix_peer() -> None:
    """Sentence: a unix peer has none, and no CIDR holds: its forwarding fields are absent too."""
    everyone = ListenerSettings(
        "u", ("unix:/x",), trusted_proxies=(ip_network("0.0.0.0/0"), ip_network("::/0"))
    )
    read = head(everyone, peer=None, fields=(HOST, (b"x-forwarded-for", b"1.2.3.4")))
    assert read.client_ip is None
    assert read.headers == {}


def test_scheme() -> None:
    """Sentence: https on a TLS listener, else http; never `:scheme`, nor an absolute-form target's."""
    assert head(SECURE, tls=True).scheme == "https"
    assert head(SECURE, tls=False).scheme == "https"
    assert head(PLAIN, tls=True).scheme == "http"
    assert head(SECURE, tls=True, target=b"http://example.com/").scheme == "https"
    assert head(PLAIN, target=b"https://example.com/").scheme == "http"
    proto = ((b"x-forwarded-proto", b"http"),)
    trusting = replace(SECURE, trusted_proxies=PROXIED.trusted_proxies)
    assert head(trusting, tls=True, peer=TRUSTED, fields=(HOST, *proto)).scheme == "http"
    assert head(PROXIED, peer=TRUSTED, fields=(HOST, (b"x-forwarded-proto", b"wss"))).scheme == "http"


def test_sample_is_of_the_trace() -> None:
    """The gateway's own trace id decides the sample; a trusted peer's that is none leaves it so."""
    assert head(trace_id=b"1" * 16).sample == sample_of(b"1" * 16)
    read = head(PROXIED, peer=TRUSTED, trace_id=b"1" * 16, fields=(HOST, (b"traceparent", b"00-x")))
    assert read.sample == sample_of(b"1" * 16)


def test_query_and_cookies_when_asked() -> None:
    """Query parameters and cookies are read when first asked for; a replaced head forgets them."""
    read = head(target=b"/?a=1&b=%20&a=2", fields=(HOST, (b"cookie", b"s=1"), (b"cookie", b"t=2; s=3")))
    assert [query_value(read, name) for name in "abc"] == ["1", " ", None]
    assert [query_value(read, name) for name in "abc"] == ["1", " ", None]
    assert [cookie_value(read, name) for name in "stu"] == ["1", "2", None]
    assert query_value(replace(read, query="c=3"), "c") == "3"
    bare = head()
    assert query_value(bare, "a") is None
    assert cookie_value(bare, "a") is None


def test_heads_are_equal_by_what_they_say() -> None:
    """Two heads of the same request are equal, whatever has been asked of one of them."""
    one, other = head(target=b"/?a=1"), head(target=b"/%3Fa"[:1] + b"?a=1")
    query_value(one, "a")
    assert one == other
    assert one != head(target=b"/?a=2")


TARGETS = st.one_of(
    st.binary(max_size=12),
    st.lists(
        st.sampled_from(
            b"/ / . .. /../ %2e %2F %41 %c3 ; ? # \\ a b=c & * http:// https:// a.b :80 @ [::1] \xff".split()
        ),
        max_size=8,
    ).map(b"".join),
)
HOST_VALUES = st.sampled_from(
    [b"a.b", b"A.b.", b"a.b:80", b"a.b:81", b"[::1]", b"[::0:1]:80", b"x", b"", b"a b"]
)
FIELDS = st.lists(
    st.one_of(
        HOST_VALUES.map(lambda value: (b"Host", value)),
        st.tuples(
            st.sampled_from(
                [
                    b"X-Forwarded-For",
                    b"X-Forwarded-Proto",
                    b"traceparent",
                    b"Cookie",
                    b"A",
                    b"x_y",
                    b"Proxy",
                    b"a b",
                ]
            ),
            st.sampled_from([b"1.2.3.4, 10.0.0.9", b"https", b" x ", b"", b"a=1; b", b"\0", b"\xff"]),
        ),
    ),
    max_size=5,
).map(tuple)
REQUESTS = st.builds(
    RawRequest,
    method=st.sampled_from([b"GET", b"GET", b"OPTIONS", b"CONNECT", b"PURGE", b"", b"A B"]),
    target=TARGETS,
    version=st.sampled_from([(1, 1), (1, 0), (2, 0)]),
    authority=st.none() | HOST_VALUES,
    fields=FIELDS,
    peer=st.sampled_from([None, PEER, TRUSTED, ip_address("::ffff:10.0.0.1"), ip_address("2001:db8::1")]),
    tls=st.booleans(),
    sni=st.sampled_from([None, "a.b", "A.b", "x", "é"]),
    trace_id=st.binary(max_size=16),
    protocol=st.sampled_from([None, None, None, b"websocket", b"x"]),
)
ENTRIES: list[Sequence[ListenerSettings]] = [
    (PLAIN,),
    (PROXIED,),
    (SECURE,),
    (ListenerSettings("s", ("[::]:443",), ("a.b",), tls=True), SECURE),
    (replace(PROXIED, path_options=PathOptions(True, True, False)),),
    (replace(PROXIED, hosts=("*.b",), path_options=PathOptions(reject_changes=True)),),
    (),
]


@given(REQUESTS, st.sampled_from(ENTRIES))
def test_no_request_raises_and_a_head_is_a_fixed_point(
    request: RawRequest, entry: list[ListenerSettings]
) -> None:
    """Sentence: it is idempotent: what was forwarded and read again is the same; and nothing raises."""
    read = normalise(request, entry)
    if isinstance(read, Rejection):
        assert read.status == STATUSES[read.reason]
        assert read.detail.isprintable()
        return
    assert read.host.isascii()
    assert read.path.isascii()
    if read.host or request.version != (2, 0):
        assert normalise(again(read, request), entry) == read
