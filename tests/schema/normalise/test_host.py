"""Hosts: of a request and of a configuration."""

from __future__ import annotations

import re

import pytest
from gwc.schema.normalise.host import (
    ConfiguredHostRefusal,
    NormalHost,
    normalise_configured_host,
    normalise_host,
)
from gwc.schema.normalise.language import host_languages
from gwc.schema.request import Refusal
from hypothesis import given
from hypothesis import strategies as st

LANGUAGE = "|".join(host_languages())
LABEL = "a" * 63
LONGEST = ".".join([LABEL, LABEL, LABEL, "a" * 61])

PIECES = st.one_of(
    st.sampled_from(
        b"a Z 9 - _ . .. : :80 :65535 :65536 :0080 [ ] :: [::1] [::FFFF:1.2.3.4] [fe80::1%25eth0] @ user@ "
        b"%41 * *. xn--a \xc3\xa9 / 1.2.3.4 \x00 0:0 example.com".split()
    ),
    st.binary(min_size=1, max_size=3),
)
HOSTS = st.lists(PIECES, max_size=6).map(b"".join)


def reason(host: bytes) -> str:
    """The reason of the refusal that the host must get."""
    read = normalise_host(host)
    assert isinstance(read, Refusal), read
    return read.reason


def configured(text: str) -> ConfiguredHostRefusal:
    """The refusal that the configured host must get."""
    read = normalise_configured_host(text)
    assert isinstance(read, ConfiguredHostRefusal), read
    return read


@pytest.mark.parametrize(
    ("sent", "host", "port"),
    [
        ("example.com", "example.com", None),
        ("Example.COM", "example.com", None),
        ("example.com.", "example.com", None),
        ("example.com:8080", "example.com", 8080),
        ("example.com.:8080", "example.com", 8080),
        ("example.com:", "example.com", None),
        ("example.com:00080", "example.com", 80),
        ("example.com:0", "example.com", 0),
        ("example.com:65535", "example.com", 65535),
        ("example.com:" + "0" * 5000 + "80", "example.com", 80),
        ("a", "a", None),
        ("a_b.-c-.1", "a_b.-c-.1", None),
        ("192.0.2.1", "192.0.2.1", None),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", None),
        (LABEL + ".x", LABEL + ".x", None),
        (LONGEST, LONGEST, None),
        (LONGEST + ".:65535", LONGEST, 65535),
    ],
)
def test_names(sent: str, host: str, port: int | None) -> None:
    """Sentence: the port is split off, letters made lower case, one trailing dot dropped; labels of 1-63."""
    assert normalise_host(sent.encode()) == NormalHost(host, port)


@pytest.mark.parametrize(
    ("sent", "host"),
    [
        ("[::1]", "[::1]"),
        ("[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]"),
        ("[2001:0db8::0001]", "[2001:db8::1]"),
        ("[2001:db8:0:1:1:1:1:1]", "[2001:db8:0:1:1:1:1:1]"),  # RFC 5952 4.2.2: one group is not shortened
        ("[2001:db8::1:1:1:1:1]", "[2001:db8:0:1:1:1:1:1]"),
        ("[2001:0:0:1:0:0:0:1]", "[2001:0:0:1::1]"),  # 4.2.3: the longest run
        ("[2001:db8:0:0:1:0:0:1]", "[2001:db8::1:0:0:1]"),  # 4.2.3: the first of two
        ("[::FFFF:192.0.2.1]", "[::ffff:192.0.2.1]"),  # section 5
        ("[::ffff:c000:201]", "[::ffff:192.0.2.1]"),
        ("[64:ff9b::192.0.2.1]", "[64:ff9b::c000:201]"),
        ("[::]", "[::]"),
    ],
)
def test_addresses(sent: str, host: str) -> None:
    """Sentence: IPv6 stands in brackets, without zone, as RFC 5952 writes it."""
    assert normalise_host(sent.encode()) == NormalHost(host, None)
    assert normalise_host(sent.encode() + b":443") == NormalHost(host, 443)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"", "host-name"),
        (b".", "host-name"),
        (b"a..b", "host-name"),
        (b".a", "host-name"),
        (b"a..", "host-name"),
        (b"a" * 64, "host-name"),
        (LONGEST.encode() + b"a", "host-name"),
        (b"a." * 200 + b"a", "host-name"),
        (b"a b", "host-name"),
        (b"a,b", "host-name"),
        (b"*.a", "host-name"),
        (b"%61", "host-name"),
        (b"caf\xc3\xa9", "host-name"),
        (b"a\n", "host-name"),
        (b"a/b", "host-name"),
        (b":80", "host-name"),
        (b"user@a", "host-userinfo"),
        (b"user:word@a:80", "host-userinfo"),
        (b"@", "host-userinfo"),
        (b"a:65536", "host-port"),
        (b"a:99999999999999999999", "host-port"),
        (b"a:" + b"9" * 5000, "host-port"),
        (b"a:8o", "host-port"),
        (b"a:-1", "host-port"),
        (b"a: 80", "host-port"),
        (b"a:\xd9\xa1", "host-port"),
        (b"[::1]:65536", "host-port"),
        (b"[::1]:x", "host-address"),
        (b"::1", "host-address"),
        (b"a:80:80", "host-address"),
        (b"[fe80::1%25eth0]", "host-address"),
        (b"[fe80::1%eth0]", "host-address"),
        (b"[::1", "host-address"),
        (b"[]", "host-address"),
        (b"[1.2.3.4]", "host-address"),
        (b"[::1].", "host-address"),
        (b"[v1.x]", "host-address"),
        (b"[1:2:3:4:5:6:7]", "host-address"),
        (b"[::1::]", "host-address"),
    ],
)
def test_refused_hosts(sent: bytes, expected: str) -> None:
    """Sentence: … else 400: userinfo, a port above 65535, and whatever is neither a name nor an address."""
    assert reason(sent) == expected


@given(HOSTS)
def test_idempotent_and_in_the_language(sent: bytes) -> None:
    """A normal host stays as it is, is in the hosts' language, and no bytes raise."""
    read = normalise_host(sent)
    if isinstance(read, NormalHost):
        assert normalise_host(read.host.encode("ascii")) == NormalHost(read.host, None)
        assert re.fullmatch(LANGUAGE, read.host)
        assert read.port is None or 0 <= read.port <= 65535


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("api.example.com", "api.example.com"),
        ("API.Example.com.", "api.example.com"),
        ("*.Example.com", "*.example.com"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
        ("*.com", "*.com"),
        ("*." + "a" * 63 + "." + "b" * 63 + "." + "c" * 63 + "." + "d" * 59, None),
    ],
)
def test_configured_hosts(written: str, host: str | None) -> None:
    """Sentence: configured hosts go through the same function."""
    assert normalise_configured_host(written) == (host or written)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("", "empty"),
        ("*", "wildcard-alone"),
        ("*.", "wildcard-alone"),
        ("a.*", "wildcard-place"),
        ("*a.b", "wildcard-place"),
        ("*.*.b", "wildcard-place"),
        ("a.*.b", "wildcard-place"),
        ("example.com:8080", "port"),
        ("example.com:", "port"),
        ("*.example.com:8080", "port"),
        ("[::1]:80", "port"),
        ("[::1]:", "port"),
        ("example.com:99999", "port"),
        ("user@example.com", "userinfo"),
        ("exa mple.com", "shape"),
        ("a..b", "shape"),
        ("http://example.com", "url"),
        ("https://user@example.com:8443/x", "url"),
        ("example.com/x", "shape"),
        ("*.[::1]", "shape"),
        ("*." + LONGEST, "shape"),
    ],
)
def test_refused_configured_hosts(written: str, kind: str) -> None:
    """Sentence: `*` only as the whole first label; `"*"` alone is an error (leave `host` out)."""
    refusal = configured(written)
    assert refusal.kind == kind
    assert refusal.help


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
    ],
)
def test_unicode_host_shows_the_a_label(written: str, label: str) -> None:
    """Sentence: a Unicode host is an error whose help shows the A-label."""
    refusal = configured(written)
    assert refusal.kind == "unicode"
    assert refusal.instead == label
    assert f"`{label}`" in refusal.help


@pytest.mark.parametrize("written", ["straße.example", "é" * 64, "é" * 5000, "a.é\ud800", "é:80", "é é"])
def test_unicode_host_without_a_sure_a_label(written: str) -> None:
    """Where the standard library's IDNA is not sure of the A-label, none is shown."""
    refusal = configured(written)
    assert refusal.kind == "unicode"
    assert refusal.instead is None


@given(st.one_of(st.text(max_size=20), HOSTS.map(lambda sent: sent.decode("latin-1"))))
def test_any_configured_text_is_read(written: str) -> None:
    """Whatever a person writes gives a name that stays, or a refusal with help."""
    read = normalise_configured_host(written)
    if isinstance(read, str):
        assert normalise_configured_host(read) == read
        assert re.fullmatch(LANGUAGE, read.removeprefix("*."))
    else:
        assert read.problem
        assert read.help
        assert read.instead is None or normalise_configured_host(read.instead) == read.instead
