"""PROXY headers: who the peer is, whatever way the bytes arrive, and what is refused."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from gwc.runtime.wire.proxy_protocol import (
    LONGEST_V1,
    LONGEST_V2,
    SIGNATURE,
    Header,
    Malformed,
    NeedMore,
    TlsFields,
    Verdict,
    crc32c,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st


def field(kind: int, value: bytes) -> bytes:
    """One type-length-value field."""
    return struct.pack("!BH", kind, len(value)) + value


def v2(family: int = 0x11, addresses: bytes | None = None, fields: bytes = b"", command: int = 0x21) -> bytes:
    """A header of version 2."""
    if addresses is None:
        addresses = bytes([192, 0, 2, 7, 10, 0, 0, 1]) + struct.pack("!HH", 4711, 443)
    body = addresses + fields
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(body)) + body


def with_checksum(fields: bytes = b"", wrong: int = 0) -> bytes:
    """A header of version 2 with a CRC32c field in front of `fields`."""
    blank = v2(fields=field(3, bytes(4)) + fields)
    at = 16 + 12 + 3
    return blank[:at] + (crc32c(blank) ^ wrong).to_bytes(4, "big") + blank[at + 4 :]


def verdict_byte_by_byte(data: bytes) -> Verdict:
    """The first verdict when one byte arrives after the other."""
    for end in range(len(data) + 1):
        verdict = parse(data[:end])
        if not isinstance(verdict, NeedMore):
            return verdict
        assert verdict.at_least > end
    return parse(data)


V6_LONGEST = b"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

GOOD = [
    (
        b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n",
        Header(1, 40, ("192.0.2.7", 4711), ("10.0.0.1", 443)),
    ),
    (
        b"PROXY TCP6 2001:DB8:0::7 ::1 0 65535\r\n",
        Header(1, 38, ("2001:db8::7", 0), ("::1", 65535)),
    ),
    (
        b"PROXY TCP6 %b %b 65535 65535\r\n" % (V6_LONGEST, V6_LONGEST),
        Header(1, 104, (V6_LONGEST.decode(), 65535), (V6_LONGEST.decode(), 65535)),
    ),
    (b"PROXY UNKNOWN\r\n", Header(1, 15)),
    (b"PROXY UNKNOWN %b %b 65535 65535\r\n" % (V6_LONGEST, V6_LONGEST), Header(1, 107)),
    (b"PROXY UNKNOWN what ever\r\n", Header(1, 25)),
    (v2(), Header(2, 28, ("192.0.2.7", 4711), ("10.0.0.1", 443))),
    (v2(0x12), Header(2, 28, ("192.0.2.7", 4711), ("10.0.0.1", 443))),
    (
        v2(0x21, IPv6Address("2001:db8::7").packed + IPv6Address("::1").packed + struct.pack("!HH", 1, 2)),
        Header(2, 52, ("2001:db8::7", 1), ("::1", 2)),
    ),
    (
        v2(0x31, b"/run/a".ljust(108, b"\0") + b"/run/b".ljust(108, b"\0")),
        Header(2, 232, peer_path=b"/run/a", local_path=b"/run/b"),
    ),
    (v2(command=0x20), Header(2, 28)),
    (v2(0x00, b"", command=0x20), Header(2, 16)),
    (v2(0x11, b"???", command=0x20), Header(2, 19)),
    (v2(0x00, b"anything"), Header(2, 24)),
    (with_checksum(), Header(2, 35, ("192.0.2.7", 4711), ("10.0.0.1", 443))),
    (
        v2(
            fields=field(1, b"h2") + field(2, b"Api.Example.com") + field(5, b"id") + field(0xEA, b"\x01vpce")
        ),
        Header(
            2,
            28 + 5 + 18 + 5 + 8,
            ("192.0.2.7", 4711),
            ("10.0.0.1", 443),
            authority="api.example.com",
            alpn=b"h2",
            unique_id=b"id",
        ),
    ),
    (
        v2(
            fields=field(
                0x20, b"\x07" + bytes(4) + field(0x21, b"TLSv1.3") + field(0x22, b"me") + field(0x23, b"AES")
            )
        ),
        Header(
            2,
            28 + 3 + 5 + 10 + 5 + 6,
            ("192.0.2.7", 4711),
            ("10.0.0.1", 443),
            tls=TlsFields(True, True, True, "TLSv1.3", "me", "AES"),
        ),
    ),
    (
        v2(fields=field(0x20, b"\x01" + bytes(4)) + field(4, bytes(3)) + field(4, b"")),
        Header(
            2,
            28 + 8 + 6 + 3,
            ("192.0.2.7", 4711),
            ("10.0.0.1", 443),
            tls=TlsFields(True, False, False),
        ),
    ),
]

BAD = [
    (b"GET / HTTP/1.1\r\n", "signature"),
    (b"proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n", "signature"),
    (b"PROXY\tTCP4 1.1.1.1 2.2.2.2 1 2\r\n", "signature"),
    (b" PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n", "signature"),
    (b"\x16\x03\x01\x02\x00", "signature"),
    (b"\r\n\r\nGET / HTTP/1.1\r\n", "signature"),
    (b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n", "line-end"),
    (b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\rX", "line-end"),
    (b"PROXY UNKNOWN a\rb\r\n", "line-end"),
    (b"PROXY UNKNOWN \0\r\n", "line-bytes"),
    (b"PROXY TCP4 1.1.1.1 2.2.2.2 1\t2\r\n", "line-bytes"),
    (b"PROXY TCP4 1.1.1.1 2.2.2.2 1 \xb2\r\n", "line-bytes"),
    (b"PROXY UNKNOWNS\r\n", "line"),
    (b"PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n", "line"),
    (b"PROXY tcp4 1.1.1.1 2.2.2.2 1 2\r\n", "line"),
    (b"PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n", "line"),
    (b"PROXY \r\n", "line"),
    (b"PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n", "line"),
    (b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n", "line"),
    (b"PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n", "line"),
    (b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n", "line"),
    (b"PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n", "line"),
    (b"PROXY TCP4 1.1.1.1 2.2.2.2 123456 2\r\n", "line"),
    (b"PROXY TCP4 1.1.1.1 2.2.2.256 1 2\r\n", "address"),
    (b"PROXY TCP4 1.1.1.1 2.2.2 1 2\r\n", "address"),
    (b"PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n", "address"),
    (b"PROXY TCP4 ::1 ::2 1 2\r\n", "address"),
    (b"PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n", "address"),
    (b"PROXY TCP6 ::ffff:1.2.3.4 ::1 1 2\r\n", "address"),
    (b"PROXY TCP6 ::1::2 ::1 1 2\r\n", "address"),
    (b"PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2\r\n", "address"),
    (b"PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n", "port"),
    (b"PROXY TCP4 1.1.1.1 2.2.2.2 1 02\r\n", "port"),
    (b"PROXY UNKNOWN " + b"x" * 92, "line-length"),
    (b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n", "line-length"),
    (SIGNATURE[:11] + b"\r", "signature"),
    (SIGNATURE + b"\x11\x11\x00\x0c", "version"),
    (SIGNATURE + b"\x31", "version"),
    (SIGNATURE + b"\x22", "command"),
    (SIGNATURE + b"\x2f", "command"),
    (SIGNATURE + b"\x21\x13", "family"),
    (SIGNATURE + b"\x21\x41", "family"),
    (SIGNATURE + b"\x21\x01", "family"),
    (SIGNATURE + b"\x21\x10", "family"),
    (SIGNATURE + b"\x20\xff", "family"),
    (SIGNATURE + b"\x21\x11\x00\x0b", "length"),
    (SIGNATURE + b"\x21\x21\x00\x0c", "length"),
    (SIGNATURE + b"\x21\x31\x00\xd7", "length"),
    (SIGNATURE + b"\x21\x11\x10\x01", "length"),
    (SIGNATURE + b"\x20\x00\xff\xff", "length"),
    (v2(fields=b"\x01"), "fields"),
    (v2(fields=b"\x01\x00"), "fields"),
    (v2(fields=b"\x01\x00\x05h2"), "fields"),
    (v2(fields=field(2, b"a") * 2), "fields"),
    (v2(fields=field(3, b"abc")), "checksum"),
    (v2(fields=field(3, bytes(4))), "checksum"),
    (with_checksum(wrong=1), "checksum"),
    (v2(fields=field(2, b"")), "authority"),
    (v2(fields=field(2, b"a b")), "authority"),
    (v2(fields=field(2, b"a\r\nHost: b")), "authority"),
    (v2(fields=field(2, b"\xc3\xa4")), "authority"),
    (v2(fields=field(2, b"a" * 300)), "authority"),
    (v2(fields=field(5, b"x" * 129)), "unique-id"),
    (v2(fields=field(0x20, b"\x01\x00")), "tls"),
    (v2(fields=field(0x20, bytes(5) + b"\x21\x00")), "tls"),
    (v2(fields=field(0x20, bytes(5) + b"\x21\x00\x05a")), "tls"),
    (v2(fields=field(0x20, bytes(5) + field(0x22, b"a") * 2)), "tls"),
    (v2(fields=field(0x20, bytes(5) + field(0x22, b"\xff"))), "tls"),
]


@pytest.mark.parametrize(("data", "header"), GOOD)
@pytest.mark.parametrize("behind", [b"", b"GET / HTTP/1.1\r\n\r\n", SIGNATURE, b"PROXY "])
def test_headers(data: bytes, header: Header, behind: bytes) -> None:
    """Each header is read for what it says, and what follows it is not touched."""
    assert parse(data + behind) == header
    assert parse(bytearray(data + behind)) == header
    assert header.length == len(data)
    assert verdict_byte_by_byte(data + behind) == header


@pytest.mark.parametrize(("data", "reason"), BAD)
def test_bad_headers(data: bytes, reason: str) -> None:
    """What is no header is refused for one reason, whole or byte by byte."""
    assert parse(data) == Malformed(reason)
    assert verdict_byte_by_byte(data) == Malformed(reason)
    assert parse(data + b"GET / HTTP/1.1\r\n\r\n") == Malformed(reason)


@given(
    st.sampled_from([data for data, _ in GOOD] + [data for data, _ in BAD]),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255), st.sampled_from("sid")), max_size=3),
)
def test_the_verdict_does_not_depend_on_the_pieces(data: bytes, changes: list[tuple[int, int, str]]) -> None:
    """Headers with some bytes changed get the same verdict whole and byte by byte."""
    for at, byte, how in changes:
        at %= len(data) + 1
        data = data[:at] + (b"" if how == "d" else bytes([byte])) + data[at + (how != "i") :]
    whole = parse(data)
    assert verdict_byte_by_byte(data) == whole
    if isinstance(whole, Header):
        assert parse(data[: whole.length]) == whole


@given(st.binary(max_size=400))
def test_any_bytes_have_a_verdict(data: bytes) -> None:
    """Nothing makes reading fail, behind either signature or none."""
    for begin in (b"", b"PROXY ", SIGNATURE, SIGNATURE + b"\x21\x11\x00\x40"):
        assert verdict_byte_by_byte(begin + data) == parse(begin + data)


def test_waiting_ends() -> None:
    """No stream is waited on for longer than the longest header."""
    assert not isinstance(parse(b"PROXY UNKNOWN ".ljust(LONGEST_V1, b"x")), NeedMore)
    longest = SIGNATURE + b"\x20\x00\x10\x00"
    assert parse(longest) == NeedMore(LONGEST_V2)
    assert parse(longest + bytes(4096)) == Header(2, LONGEST_V2)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(0, 65535), st.integers(0, 65535))
def test_both_versions_say_the_same_of_ipv4(
    peer: IPv4Address, local: IPv4Address, peer_port: int, local_port: int
) -> None:
    """What is written in text and in bytes is read as the same addresses."""
    line = parse(f"PROXY TCP4 {peer} {local} {peer_port} {local_port}\r\n".encode())
    block = parse(v2(0x11, peer.packed + local.packed + struct.pack("!HH", peer_port, local_port)))
    assert isinstance(line, Header)
    assert isinstance(block, Header)
    assert (
        (line.peer, line.local)
        == (block.peer, block.local)
        == (
            (str(peer), peer_port),
            (str(local), local_port),
        )
    )


@given(st.ip_addresses(v=6).filter(lambda ip: "." not in str(ip)), st.integers(0, 65535))
def test_both_versions_say_the_same_of_ipv6(ip: IPv6Address, port: int) -> None:
    """The same for IPv6."""
    line = parse(f"PROXY TCP6 {ip} {ip.exploded} {port} {port}\r\n".encode())
    block = parse(v2(0x21, ip.packed + ip.packed + struct.pack("!HH", port, port)))
    assert isinstance(line, Header)
    assert isinstance(block, Header)
    assert line.peer == line.local == block.peer == (str(ip), port)
    assert ip_address(line.peer[0]) == ip


def test_the_checksum_is_castagnolis() -> None:
    """The values that RFC 3720 and the catalogues give."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
