"""Networks, addresses and URLs."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest
from gwc.schema.values.address import TcpAddress, UnixAddress, UnresolvedAddress, parse_address
from gwc.schema.values.cidr import parse_cidr
from gwc.schema.values.refusal import ValueRefusal
from gwc.schema.values.url import Url, parse_url
from hypothesis import given
from hypothesis import strategies as st

Parse = Callable[[str], object]


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8:0::1", "2001:db8::1/128"),
        ("::/0", "::/0"),
        ("::ffff:10.0.0.1", "10.0.0.1/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::fffe:0:0/95", "::fffe:0:0/95"),
    ],
)
def test_networks_have_one_form(text: str, network: str) -> None:
    """An address is its own network, a mapped one is IPv4."""
    assert str(parse_cidr(text)) == network


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.1:8080", TcpAddress("10.0.0.1", 8080)),
        ("Example.COM.:443", TcpAddress("example.com", 443)),
        ("my_service:80", TcpAddress("my_service", 80)),
        ("[2001:DB8:0::1]:80", TcpAddress("[2001:db8::1]", 80)),
        ("[::]:65535", TcpAddress("[::]", 65535)),
        ("unix:/run/x.sock", UnixAddress("/run/x.sock")),
        ("${env:ADDRESS}", UnresolvedAddress("${env:ADDRESS}", None)),
        ("${env:HOST}:8080", UnresolvedAddress("${env:HOST}:8080", 8080)),
        ("10.0.0.1:${env:PORT}", UnresolvedAddress("10.0.0.1:${env:PORT}", None)),
        ("${file:/run/host}:80${env:TAIL}", UnresolvedAddress("${file:/run/host}:80${env:TAIL}", None)),
        ("unix:${env:DIR}/x.sock", UnresolvedAddress("unix:${env:DIR}/x.sock", None)),
    ],
)
def test_addresses_are_read(text: str, address: object) -> None:
    """Hosts in their one form with a port, socket paths, and what is filled in later."""
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://api.example.com/v1", Url("https", "api.example.com", 443, "/v1")),
        ("HTTP://EX.com:80", Url("http", "ex.com", 80, "/")),
        ("http://[::1]:8080/x?y=1", Url("http", "[::1]", 8080, "/x", "y=1")),
        ("https://x?", Url("https", "x", 443, "/", "")),
        ("https://x/a@b:c", Url("https", "x", 443, "/a@b:c")),
    ],
)
def test_urls_are_taken_apart(text: str, url: Url) -> None:
    """Scheme and host in lower case, a port always, a path that begins with `/`."""
    assert parse_url(text) == url


@pytest.mark.parametrize(
    ("parse", "text", "piece", "message", "advice"),
    [
        (
            parse_cidr,
            "10.0.0.1/8",
            "10.0.0.1/8",
            "`10.0.0.1/8` has bits behind its length",
            "write `10.0.0.0/8` for the network, `10.0.0.1` for the address alone",
        ),
        (
            parse_cidr,
            "2001:db8::1/32",
            "2001:db8::1/32",
            "has bits behind its length",
            "write `2001:db8::/32`",
        ),
        (parse_cidr, "10.0.0.0/33", "33", "an IPv4 network has no length 33", "0 to 32"),
        (parse_cidr, "::/129", "129", "an IPv6 network has no length 129", "0 to 128"),
        (parse_cidr, "10/8", "10/8", "`10/8` is cut short", "write `10.0.0.0/8`"),
        (parse_cidr, "10.1", "10.1", "`10.1` is cut short", "write `10.1.0.0/16`"),
        (parse_cidr, "10.0.0.*", "10.0.0.*", "`10.0.0.*` has a `*`", "write `10.0.0.0/24`"),
        (parse_cidr, "10.*.*.*", "10.*.*.*", "`10.*.*.*` has a `*`", "write `10.0.0.0/8`"),
        (
            parse_cidr,
            "10.0.0.0/255.0.0.0",
            "10.0.0.0/255.0.0.0",
            "`10.0.0.0/255.0.0.0` has a netmask",
            "write `10.0.0.0/8`",
        ),
        (parse_cidr, "010.0.0.1", "010.0.0.1", "`010.0.0.1` has leading zeros", "write `10.0.0.1`"),
        (parse_cidr, "10.0.0.0/08", "10.0.0.0/08", "`10.0.0.0/08` has leading zeros", "write `10.0.0.0/8`"),
        (parse_cidr, "[::1]", "[::1]", "`[::1]` has brackets", "write `::1`"),
        (parse_cidr, "10.0.0.1:80", "10.0.0.1:80", "`10.0.0.1:80` has a port", "write `10.0.0.1`"),
        (parse_cidr, "fe80::1%eth0", "fe80::1%eth0", "`fe80::1%eth0` has a zone", "write `fe80::1`"),
        (parse_cidr, " 10.0.0.1", " 10.0.0.1", "` 10.0.0.1` has spaces around it", "write `10.0.0.1`"),
        (parse_cidr, "localhost", "localhost", "`localhost` is a name, not an address", "write the address"),
        (parse_cidr, "10.0.0.256", "10.0.0.256", "is neither a network nor an address", "`10.0.0.0/8`"),
        (parse_cidr, "", "", "a network is empty", "`10.0.0.0/8`"),
        (parse_address, ":8080", ":8080", "`:8080` has no host", "write `0.0.0.0:8080`"),
        (parse_address, "*:8080", "*:8080", "`*:8080` has no host", "write `0.0.0.0:8080`"),
        (parse_address, "8080", "8080", "`8080` has no host", "write `0.0.0.0:8080`"),
        (parse_address, "10.0.0.1", "", "`10.0.0.1` has no port", "write `10.0.0.1:8080`"),
        (parse_address, "[::1]", "", "`[::1]` has no port", "write `[::1]:8080`"),
        (parse_address, "::1:8080", "::1:8080", "is an IPv6 address without brackets", "write `[::1]:8080`"),
        (parse_address, "http://h:80/x", "http://h:80/x", "`http://h:80/x` is a URL", "write `h:80`"),
        (parse_address, "https://h", "https://h", "`https://h` is a URL", "write `h:443`"),
        (parse_address, "h:80/x", "h:80/x", "`h:80/x` has a path", "write `h:80`"),
        (parse_address, "h:http", "http", "the port `http` is not a number", "write `80`"),
        (parse_address, "h:", "", "the port is missing", "1 to 65535"),
        (parse_address, "h:0", "0", "`0` is no port", "1 to 65535"),
        (parse_address, "h:65536", "65536", "`65536` is no port", "1 to 65535"),
        (parse_address, "h:0080", "0080", "the port `0080` has leading zeros", "write `80`"),
        (parse_address, "h:\u0663", "\u0663", "the port `\u0663` is not a number", "1 to 65535"),
        (parse_address, "999.1.1.1:80", "999.1.1.1", "`999.1.1.1` is not an IPv4 address", "0 to 255"),
        (parse_address, "1.2.3:80", "1.2.3", "`1.2.3` is not an IPv4 address", "four numbers"),
        (parse_address, "[fe80::1%eth0]:80", "[fe80::1%eth0]", "is not a host", "without a zone"),
        (parse_address, "a b:80", "a b", "`a b` is not a host", "write a name"),
        (parse_address, "*.x.com:80", "*.x.com", "`*.x.com` is not a host", "one host"),
        (
            parse_address,
            "caf\u00e9.fr:80",
            "caf\u00e9.fr",
            "`caf\u00e9.fr` is not a host",
            "write `xn--caf-dma.fr`",
        ),
        (parse_address, "unix:rel", "rel", "the path of `unix:rel` does not begin with `/`", "absolute"),
        (parse_address, "unix:@x", "@x", "does not begin with `/`", "without a path are not supported"),
        (parse_address, "unix:///run/x", "unix:///run/x", "more than one slash first", "write `unix:/run/x`"),
        (parse_address, "/run/x", "/run/x", "`/run/x` is a path", "write `unix:/run/x`"),
        (parse_address, "unix:/" + "a" * 107, "/" + "a" * 107, "is 108 bytes long", "107 are allowed"),
        (parse_address, "", "", "an address is empty", "`host:port`"),
        (parse_address, "${env:H}:99999", "99999", "`99999` is no port", "1 to 65535"),
        (parse_address, "${env:H}x", "", "`${env:H}x` has no port", "the port behind it"),
        (parse_address, "${req.host}:80", "${req.host}", "known only when a request is", "`${env:NAME}`"),
        (parse_address, "${env:H:80", "${", "this `${` is never closed", "close it"),
        (
            parse_url,
            "example.com",
            "example.com",
            "`example.com` has no scheme",
            "write `https://example.com`",
        ),
        (parse_url, "ftp://x", "ftp", "the scheme `ftp` is neither `http` nor `https`", "`https://"),
        (parse_url, "wss://x", "wss", "the scheme `wss` is neither `http` nor `https`", "write `https://`"),
        (parse_url, "https://u:p@h/", "u:p@", "user information stands in a URL", "no secret"),
        (parse_url, "https://x/#a", "#a", "a URL has a fragment", "take it out"),
        (parse_url, "https://x/a b", " ", "a URL cannot hold a space", "write `%20`"),
        (parse_url, "https://x/\u00e9", "\u00e9", "a URL cannot hold `\u00e9`", "write `%C3%A9`"),
        (parse_url, "https://x/%zz", "%", "a `%` begins no escape", "write `%25`"),
        (parse_url, "https://x:0/", "0", "`0` is no port", "1 to 65535"),
        (parse_url, "https://::1/", "::1", "is an IPv6 address without brackets", "write `[::1]`"),
        (parse_url, "https:///x", "", "`https:///x` has no host", "`https://api.example.com/v1`"),
        (parse_url, "https:/x", "https:/x", "has not two slashes behind its scheme", "`https://"),
        (parse_url, "/x", "/x", "`/x` is not an absolute URL", "`https://"),
        (parse_url, "", "", "a URL is empty", "`https://"),
    ],
)
def test_near_misses_are_told_what_to_write(
    parse: Parse, text: str, piece: str, message: str, advice: str
) -> None:
    """The span is what is wrong, the headline says why, the help what to write instead."""
    refusal = parse(text)
    assert isinstance(refusal, ValueRefusal), refusal
    assert text[refusal.offset : refusal.offset + refusal.length] == piece
    assert message in refusal.message
    assert advice in refusal.help


_NETWORKS = st.one_of(
    st.ip_addresses().map(str),
    st.tuples(st.ip_addresses(v=4), st.integers(0, 32)).map(lambda pair: f"{pair[0]}/{pair[1]}"),
    st.tuples(st.ip_addresses(v=6), st.integers(0, 128)).map(lambda pair: f"{pair[0]}/{pair[1]}"),
)


@given(_NETWORKS)
def test_networks_are_those_of_the_standard_library(text: str) -> None:
    """Same networks, same refusals of bits behind the length, but mapped addresses are IPv4."""
    ours = parse_cidr(text)
    try:
        theirs = ip_network(text)
    except ValueError:
        assert isinstance(ours, ValueRefusal)
        suggested = re.findall("`([^`]*)`", ours.help)
        assert [str(parse_cidr(each)) for each in suggested] == [
            str(parse_cidr(str(ip_network(text, strict=False)))),
            str(parse_cidr(text.partition("/")[0])),
        ]
        return
    assert isinstance(ours, IPv4Network | IPv6Network)
    if theirs.version == 4 or theirs.network_address.ipv4_mapped is None:
        assert ours == theirs


_TEXTS = st.one_of(
    st.text(max_size=30),
    st.text("0123456789abcdef:.[]/*% ${}@xhtps", max_size=24),
    st.tuples(
        st.sampled_from(["", "http://", "https://", "unix:", "${env:A}", "[", "*"]),
        st.sampled_from(
            ["h", "1.2.3.4", "::1", "[::1]", "10.0.0.*", "010.0.0.1", "\u00e9", "/x", "u@h", "::ffff:1.2.3.4"]
        ),
        st.sampled_from(
            ["", ":80", "/8", "/129", ":0", "]", "%x", ":http", "${env:B}", "/255.255.0.0", "#f", "?q"]
        ),
    ).map("".join),
)


@given(st.sampled_from([parse_cidr, parse_address, parse_url]), _TEXTS)
def test_any_text_is_a_value_or_a_refusal_in_its_place(parse: Parse, text: str) -> None:
    """Nothing raises, and places lie inside the text."""
    result = parse(text)
    if isinstance(result, ValueRefusal):
        assert 0 <= result.offset <= result.offset + result.length <= len(text)
        assert result.help


@given(_TEXTS)
def test_urls_come_back(text: str) -> None:
    """A URL in its one form is read as the same URL."""
    url = parse_url(text)
    if isinstance(url, Url):
        assert parse_url(str(url)) == url
