"""The normaliser and the oracle's own reading of a request agree."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from gwc.schema.listener import ListenerSettings, PathOptions
from gwc.schema.normalise import cookie_value, normalise, query_value
from gwc.schema.normalise.sample import sample_of
from gwc.schema.request import RawRequest, Rejection
from hypothesis import given
from hypothesis import strategies as st

from . import alphabet
from .asking import requests
from .build import Asked
from .holding import latin
from .reading import Config, Refused, as_list, configured_host, first_of, listeners_on, read
from .strategies import TLS, Draw, chance, configs, one_of


def settings(listener: Config) -> ListenerSettings:
    """A listener as the normaliser knows it."""
    options = as_list(listener.get("path-normalisation", []))
    return ListenerSettings(
        name=listener["listener"],
        addresses=tuple(as_list(listener["address"])),
        hosts=tuple(configured_host(text) for text in as_list(listener.get("host", []))),
        tls=listener.get("protocol", "http") == "https",
        trusted_proxies=tuple(ip_network(text) for text in as_list(listener.get("trusted-proxies", []))),
        path_options=PathOptions(*(option in options for option in alphabet.PATH_OPTIONS)),
    )


def agree(config: Config, asked: Asked) -> None:
    """Both read the request alike: the same status, or the same of everything a predicate can see."""
    entry = [settings(listener) for listener in listeners_on(config, asked.address)]
    head = normalise(asked.raw, entry)
    view = read(config, asked.raw, asked.address, None, sample_of)
    if isinstance(head, Rejection):
        assert isinstance(view, Refused), head
        assert head.status in view.statuses
        return
    assert not isinstance(view, Refused), view.statuses
    assert (head.listener, head.method, head.host, head.path) == (
        view.listener,
        view.method,
        view.host,
        view.path,
    )
    assert head.headers == view.headers
    assert (head.scheme, head.client_ip, head.sni, head.sample) == (
        view.scheme,
        view.client_ip,
        view.sni,
        view.sample,
    )
    for name, _ in view.query:
        assert query_value(head, name) == first_of(view.query, name)
    for name, _ in view.cookies:
        assert cookie_value(head, name) == first_of(view.cookies, name)
    for name in (*alphabet.QUERIES, *alphabet.COOKIES):
        assert query_value(head, latin(name)) == first_of(view.query, latin(name))
        assert cookie_value(head, latin(name)) == first_of(view.cookies, latin(name))


@given(st.data())
def test_requests_made_from_patterns(data: st.DataObject) -> None:
    """Requests that the configuration's own patterns suggest."""
    config = data.draw(configs())
    for _ in range(4):
        agree(config, data.draw(requests(config)))


# fmt: off
PATH_PIECES = (
    "/", "/", "/", "//", ".", "..", "a", "B", "%41", "%7e", "%2E", "%2e%2E", "%25",
    "%20", "%C3%A9", "%E0%A0%80", ";x=1", "~", "-", "_", "+", "=", ":", "@", "!", "'", "(", "*", '"',
    "%2F", "%2f", "%5C", "%", "%4", "%zz", "%00", "%7F", "%c0%af", "%E0%80%AF", "%F0%8F%BF%BF", "%ed%a0%80",
    ";", "&", "<", "[", "^", "`", "{", "|", "}", "\\", "#", " ", "\x00", "\x7f", "\xe9", "\n",
)
QUERY_PIECES = (
    "q", "r", "=", "=", "&", "&", ";", "+", "%20", "%3d", "%26", "%", "%4", "%zz", "%00", "%C3%A9", "1", "a",
    '"', "[", "?", "/", "#", " ", "\xe9", "\x7f",
)
HOST_PIECES = (
    "a", "B", "test", ".", ".", "-", "_", ":", ":80", "x" * 63, "x" * 64, ":65535", ":65536", ":x", ":0080",
    "[::1]", "[2001:DB8:0:0:1::]", "[::ffff:1.2.3.4]", "[::1%eth0]", "[1.2.3.4]", "[", "]", "@", "*", "\xe9",
    " ", "/",
)
COOKIE_PIECES = ("c", "d", "C", "=", "=", "; ", ";", " ", "\t", "1", '"', "%31", ",")
CLIENT_PIECES = (
    "10.0.0.1", "10.0.0.4", "192.0.2.7", "[2001:db8::1]", "2001:db9::1", ":80", ":99999", ", ", ",", " ",
    "\t", "unknown", "::ffff:10.0.0.1", "[::ffff:192.0.2.7]:1", "10.0.0.256", "[10.0.0.1]", "::1%1", '"',
)
"""Of all these, what is seldom refused stands first."""

FIELD_NAMES = ("X-A", "x-a", "Upgrade", "X_A", "Proxy", "X-Forwarded-Host", "Forwarded") * 3 + ("x a", "")
FIELD_VALUES = ("1", " 2 ", "", "a\tb", "\xe9") * 3 + ("a\x00", "\x0b3")
METHODS = (b"GET",) * 14 + (b"OPTIONS", b"get", b"TRACE", b"CONNECT", b"A" * 33, b"G ET", b"")
VERSIONS = ((1, 1),) * 6 + ((1, 0), (2, 0))
# fmt: on


def strung(draw: Draw, pieces: Sequence[str], most: int = 8) -> str:
    """Pieces one after the other."""
    return "".join(draw(st.lists(st.sampled_from(pieces), max_size=most)))


WILD_LISTENERS: Config = {
    "listeners": [
        {"listener": "plain", "address": "1:1", "trusted-proxies": ["10.0.0.0/8", "2001:db8::/32"]},
        {
            "listener": "scoped",
            "address": "1:1",
            "host": ["a", "*.test"],
            "path-normalisation": "reject-changes",
        },
        {"listener": "slashes", "address": "2:2", "path-normalisation": "keep-repeated-slashes"},
        {"listener": "encoded", "address": "3:3", "path-normalisation": "keep-encoded-slash"},
        {"listener": "only", "address": "4:4", "host": "*.test"},
        {"listener": "tls", "address": "5:5", "protocol": "https", "tls": TLS},
        {"listener": "tls-a", "address": "5:5", "protocol": "https", "tls": TLS, "host": ["a", "*.a"]},
    ],
    "routes": [],
}


@st.composite
def wild_requests(draw: st.DrawFn) -> Asked:
    """Requests that nobody sends by mistake."""
    address = one_of(draw, ("1:1", "1:1", "2:2", "2:2", "3:3", "3:3", "4:4", "5:5"))
    host = strung(draw, HOST_PIECES, 4) if chance(draw, 20) else one_of(draw, ("a", "x.test", "X.a", "b"))
    path = strung(draw, PATH_PIECES[: one_of(draw, (13, 29, 29, None))], one_of(draw, (3, 8)))
    path = path if chance(draw, 5) else "/" + path
    target = path
    if chance(draw, 60):
        target += "?" + strung(draw, QUERY_PIECES[: one_of(draw, (20, 20, None))])
    if chance(draw, 5):
        target = one_of(draw, ("http://", "HTTPS://", "ftp://", "http:", "//")) + host + target
    elif chance(draw, 3):
        target = "*"
    fields = [(b"Host", host.encode("latin-1"))]
    if chance(draw, 5):
        fields *= one_of(draw, (0, 2))
    for name in draw(st.lists(st.sampled_from(FIELD_NAMES), max_size=3)):
        fields.append((name.encode("latin-1"), one_of(draw, FIELD_VALUES).encode("latin-1")))
    for _ in range(one_of(draw, (0, 1, 2))):
        fields.append((b"cookie", strung(draw, COOKIE_PIECES).encode("ascii")))
    for _ in range(one_of(draw, (0, 1, 2))):
        fields.append((b"X-Forwarded-For", strung(draw, CLIENT_PIECES, 5).encode("ascii")))
    if chance(draw, 25):
        proto = one_of(draw, ("https", "http", "HTTPS", "https,http", "", "wss"))
        fields.append((b"x-forwarded-proto", proto.encode("ascii")))
    if chance(draw, 25):
        fields.append((b"Traceparent", one_of(draw, TRACE_PARENTS).encode("ascii")))
    peer = one_of(draw, (*alphabet.ADDRESSES, None))
    secure = address == "5:5"
    raw = RawRequest(
        method=one_of(draw, METHODS),
        target=target.encode("latin-1"),
        version=one_of(draw, VERSIONS),
        fields=tuple(fields),
        peer=None if peer is None else ip_address(peer),
        tls=secure,
        sni=one_of(draw, (None, "a", "A", "x.a", "b", "a.", "bad name")) if secure else None,
        trace_id=draw(st.binary(min_size=16, max_size=16)),
    )
    return Asked(raw, address)


TRACE_PARENTS = (
    f"00-{'1' * 32}-{'2' * 16}-01",
    f"00-{'1' * 32}-{'2' * 16}-01-more",
    f"01-{'1' * 32}-{'2' * 16}-01-more",
    f"01-{'1' * 32}-{'2' * 16}-01more",
    f"ff-{'1' * 32}-{'2' * 16}-01",
    f"00-{'0' * 32}-{'2' * 16}-01",
    f"00-{'1' * 32}-{'0' * 16}-01",
    f"00-{'A' * 32}-{'2' * 16}-01",
    "00-1-2-01",
    "",
)


@given(wild_requests())
def test_wild_requests(asked: Asked) -> None:
    """Requests of odd bytes, near every rule."""
    agree(WILD_LISTENERS, asked)
