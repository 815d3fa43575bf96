"""Networks as ranges."""

from __future__ import annotations

from ipaddress import ip_address

from gwc.schema.networks import is_among, networks_of


def test_ranges_are_ascending_and_disjoint() -> None:
    """Networks that overlap or adjoin become one range; what was written is kept."""
    written = ("10.1.0.0/16", "192.0.2.0/25", "10.0.0.0/8", "192.0.2.128/25", "1.2.3.4/32")
    made = networks_of(written)
    assert made.written == written
    assert made.starts_v4 == (0x01020304, 0x0A000000, 0xC0000200)
    assert made.ends_v4 == (0x01020304, 0x0AFFFFFF, 0xC00002FF)
    assert made.starts_v6 == ()


def test_ipv6_is_in_digits_of_one_width() -> None:
    """IPv6 ranges are text that sorts like the addresses; everything is a range too."""
    made = networks_of(("2001:db8::/32", "::/0"))
    assert (made.starts_v6, made.ends_v6) == (("0" * 32,), ("f" * 32,))
    made = networks_of(("2001:db8::/32",))
    assert made.starts_v6 == ("20010db8" + "0" * 24,)
    assert made.ends_v6 == ("20010db8" + "f" * 24,)


def test_who_is_among_networks() -> None:
    """Both ends of a range are in it, the addresses beside it are not; versions do not mix."""
    networks = networks_of(("10.0.0.0/30", "10.0.1.0/24", "2001:db8::/127"))
    held = [
        text
        for text in ("9.255.255.255", "10.0.0.0", "10.0.0.3", "10.0.0.4", "10.0.1.255", "10.0.2.0")
        if is_among(ip_address(text), networks)
    ]
    assert held == ["10.0.0.0", "10.0.0.3", "10.0.1.255"]
    held = [
        text for text in ("2001:db8::1", "2001:db8::2", "::a00:0") if is_among(ip_address(text), networks)
    ]
    assert held == ["2001:db8::1"]


def test_mapped_networks_are_ipv4() -> None:
    """A network of IPv4-mapped addresses is the IPv4 network."""
    assert networks_of(("::ffff:10.0.0.0/104",)).starts_v4 == (0x0A000000,)
