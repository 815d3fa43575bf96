"""Client address and scheme behind trusted proxies."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from gwc.schema.listener import ListenerSettings
from gwc.schema.normalise.client import client_address, forwarded_scheme, is_trusted, plain_address
from gwc.schema.request import Address
from hypothesis import given
from hypothesis import strategies as st

PEER = ip_address("10.0.0.1")
LISTENER = ListenerSettings(
    "public", ("0.0.0.0:80",), trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
)


def client(forwarded_for: str | None) -> Address:
    """The client as LISTENER sees it behind PEER."""
    return client_address(PEER, forwarded_for, LISTENER)


@pytest.mark.parametrize(
    ("forwarded_for", "expected"),
    [
        (None, "10.0.0.1"),
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.7, 203.0.113.9", "203.0.113.9"),  # the right-most that is not trusted
        ("198.51.100.7, 203.0.113.9, 10.0.0.2,10.0.0.3", "203.0.113.9"),  # past trusted addresses
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),  # all trusted: the leftmost
        ("203.0.113.9:4711", "203.0.113.9"),  # a port dropped
        ("[2001:db9::1]:4711", "2001:db9::1"),
        ("[2001:db9::1]", "2001:db9::1"),  # brackets dropped
        ("2001:db9::1", "2001:db9::1"),
        ("203.0.113.9, 2001:db8::7", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),  # IPv4-mapped addresses count as IPv4
        ("203.0.113.9, [::ffff:10.0.0.2]:80", "203.0.113.9"),
        ("203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"),  # no address: the last trusted one
        ("203.0.113.9, unknown", "10.0.0.1"),
        ("203.0.113.9,, 10.0.0.2", "10.0.0.2"),
        ("", "10.0.0.1"),
        ("203.0.113.9,", "10.0.0.1"),
        ("\t203.0.113.9 \t", "203.0.113.9"),
    ],
)
def test_forwarded_for(forwarded_for: str | None, expected: str) -> None:
    """Sentence: X-Forwarded-For read from the right past trusted addresses, a port and brackets dropped, …"""
    assert client(forwarded_for) == ip_address(expected)


@pytest.mark.parametrize(
    "element",
    [
        "203.0.113.256",
        "203.0.113.09",
        "203.0.113",
        "1.2.3.4:",
        "1.2.3.4:65536",
        "1.2.3.4:x",
        "[1.2.3.4]",
        "[::1",
        "::1]",
        "fe80::1%eth0",
        "[fe80::1%25eth0]",
        "2001:db9::1:g",
        "٣.1.1.1",
        "localhost",
        "1:2:3:4:5:6:7:8:9",
        "::1:::",
        '"203.0.113.9"',
        "203.0.113.9\xa0",
        "x" * 5000,
        "1.2.3.4:" + "9" * 5000,
    ],
)
def test_no_address_ends_the_walk(element: str) -> None:
    """Sentence: an element that is no address ends the walk and the last trusted address is the client."""
    assert client(f"203.0.113.9, {element}, 10.0.0.2") == ip_address("10.0.0.2")


def test_trusted_networks() -> None:
    """A network holds the addresses of its own kind, and one of IPv4-mapped ones the IPv4 ones it means."""
    assert is_trusted(ip_address("10.1.2.3"), LISTENER)
    assert not is_trusted(ip_address("11.1.2.3"), LISTENER)
    assert is_trusted(ip_address("2001:db8::1"), LISTENER)
    assert not is_trusted(ip_address("2001:db9::1"), LISTENER)
    everyone6 = ListenerSettings("v6", ("[::]:80",), trusted_proxies=(ip_network("::/0"),))
    assert not is_trusted(ip_address("10.1.2.3"), everyone6)
    mapped = ListenerSettings("m", ("[::]:80",), trusted_proxies=(ip_network("::ffff:10.0.0.0/104"),))
    assert is_trusted(ip_address("10.1.2.3"), mapped)
    assert not is_trusted(ip_address("11.1.2.3"), mapped)


def test_plain_address() -> None:
    """IPv4-mapped addresses count as IPv4, and a link-local peer's zone is no part of its address."""
    assert plain_address(ip_address("::ffff:192.0.2.1")) == ip_address("192.0.2.1")
    assert plain_address(ip_address("fe80::1%eth0")) == ip_address("fe80::1")
    assert plain_address(ip_address("2001:db8::1")) == ip_address("2001:db8::1")


@pytest.mark.parametrize(
    ("field", "scheme"),
    [
        ("https", "https"),
        ("http", "http"),
        ("HTTPS", "https"),
        ("Http", "http"),
        ("https, http", None),
        ("", None),
        ("wss", None),
        ("ftp", None),
        ("http\u017f", None),
        ("https ", None),
    ],
)
def test_forwarded_scheme(field: str, scheme: str | None) -> None:
    """A trusted peer's X-Forwarded-Proto counts where it is exactly one of the two schemes."""
    assert forwarded_scheme(field) == scheme


@given(
    st.text(st.characters(max_codepoint=0xFF), max_size=60) | st.text("0123456789.:,[] abcdef", max_size=60)
)
def test_any_field_is_read(field: str) -> None:
    """Whatever X-Forwarded-For holds, there is a client."""
    assert client(field) is not None
