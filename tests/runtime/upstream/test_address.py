"""What a target's address means, and where names must not lead."""

from __future__ import annotations

import pytest
from gwc.runtime.upstream.address import (
    Destination,
    HostName,
    IpAddress,
    ServiceName,
    TargetFaulty,
    UnixPath,
    forbidden,
    host_of,
    numeric,
    parse_target,
    target_of,
)
from gwc.schema.values.refusal import ValueRefusal


@pytest.mark.parametrize(
    ("text", "meaning", "host"),
    [
        ("10.0.0.1:8080", IpAddress("10.0.0.1", 8080), "10.0.0.1"),
        ("[2001:DB8:0::1]:80", IpAddress("2001:db8::1", 80), "2001:db8::1"),
        ("Orders.Example:80", HostName("orders.example", 80), "orders.example"),
        ("localhost:1", HostName("localhost", 1), "localhost"),
        ("unix:/run/x.sock", UnixPath("/run/x.sock"), ""),
        ("srv:_http._tcp.Example.com", ServiceName("_http._tcp.example.com"), "_http._tcp.example.com"),
    ],
)
def test_targets(text: str, meaning: Destination, host: str) -> None:
    """Each form is told apart without looking anything up, and written back in its one form."""
    assert parse_target(text) == meaning
    assert host_of(meaning) == host
    assert parse_target(str(meaning)) == meaning


@pytest.mark.parametrize(
    "text", ["", "srv:", "srv:10.0.0.1", "srv:[::1]", "srv:a b", "10.0.0.1", "unix:x", "a:0", "${env:A}:80"]
)
def test_what_is_no_target(text: str) -> None:
    """Text that is none of them, or still has a reference in it, is refused with a word why."""
    refusal = parse_target(text)
    assert isinstance(refusal, ValueRefusal)
    assert refusal.message


def test_references_are_filled_in_and_never_shown() -> None:
    """A target with references is read once they are filled in; what they stand for stays out of messages."""
    assert target_of("${env:HOST}:80", lambda _: "10.0.0.1:80") == IpAddress("10.0.0.1", 80)
    with pytest.raises(TargetFaulty) as caught:
        target_of("${env:HOST}:80", lambda _: "hunter2 !:80")
    assert "hunter2" not in str(caught.value)
    assert caught.value.written == "${env:HOST}:80"
    with pytest.raises(TargetFaulty, match="has no port"):
        target_of("orders", str)


def test_which_address_family_is_needed() -> None:
    """IPv6 is told by its colons, and shown in brackets."""
    assert IpAddress("::1", 80).is_ipv6
    assert str(IpAddress("::1", 80)) == "[::1]:80"
    assert not IpAddress("127.0.0.1", 80).is_ipv6
    assert numeric("[::1]") == numeric("::1") == "::1"
    assert numeric("a1.b2c") is None


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1", "127.255.0.9", "0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.0.1", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "febf::1", "fd00:ec2::254", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "64:ff9b::169.254.169.254",
        "2002:7f00:1::", "not an address", "127.1", "",
    ],
)  # fmt: skip
def test_names_do_not_lead_there(ip: str) -> None:
    """This machine, its neighbours on the link and metadata services, in whatever spelling."""
    assert forbidden(ip)


@pytest.mark.parametrize(
    "ip",
    [
        "10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "93.184.216.34", "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255", "fd00::1", "2001:db8::1", "64:ff9b::10.0.0.1", "::ffff:10.0.0.1",
    ],
)  # fmt: skip
def test_names_may_lead_there(ip: str) -> None:
    """Private networks are where upstreams live."""
    assert forbidden(ip) is None


def test_localhost_may_be_this_machine() -> None:
    """Whoever wrote `localhost` meant it; that opens nothing else."""
    assert forbidden("127.0.0.1", loopback=True) is None
    assert forbidden("::1", loopback=True) is None
    assert forbidden("::ffff:127.0.0.1", loopback=True) is None
    assert forbidden("169.254.169.254", loopback=True)
    assert forbidden("fe80::1", loopback=True)
