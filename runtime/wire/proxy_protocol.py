"""The PROXY protocol, versions 1 and 2: who is really at the other end of a connection.

Owns the reading of the header that stands before anything else (before TLS too) on listeners that declare it,
as bytes: no socket, no time limit. Source: haproxy.org/download/2.9/doc/proxy-protocol.txt. Read strictly:
what two readers could take for two things is refused.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final, TypeAlias

from gwc.schema.values.host import parse_host
from gwc.schema.values.refusal import ValueRefusal

LONGEST_V1: Final = 107
"""Bytes of a header of version 1, the line's end included."""

LONGEST_V2: Final = 16 + 4096
"""Bytes of a header of version 2. The protocol allows 65551; addresses and fields that are in use need
a few hundred, a client certificate's names a little more."""

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_V1: Final = b"PROXY "


@dataclass(frozen=True, slots=True)
class NeedMore:
    """No verdict yet. `at_least`: how many bytes there are in the header at least."""

    at_least: int


@dataclass(frozen=True, slots=True)
class Malformed:
    """No header of the PROXY protocol; the connection is to be closed. `reason` names the part."""

    reason: str


@dataclass(frozen=True, slots=True)
class TlsFields:
    """What the sender says of the client's TLS. It is as trustworthy as the sender is.

    `certificate`: the client has shown one, on this connection or in this session. `verified`: it was found
    good. Texts are None where they are not told.
    """

    tls: bool
    certificate: bool
    verified: bool
    version: str | None = None
    common_name: str | None = None
    cipher: str | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """A whole header.

    `peer` and `local` are (IP address, port) of the client and of what it connected to; None where the
    connection's own addresses count: LOCAL, UNKNOWN, and unix sockets, whose paths are then in `peer_path`
    and `local_path`. `length` is how many bytes the header has: the stream goes on behind them.
    """

    version: int
    length: int
    peer: tuple[str, int] | None = None
    local: tuple[str, int] | None = None
    peer_path: bytes | None = None
    local_path: bytes | None = None
    authority: str | None = None
    alpn: bytes | None = None
    unique_id: bytes | None = None
    tls: TlsFields | None = None


Verdict: TypeAlias = NeedMore | Header | Malformed


def parse(buffer: bytes | bytearray) -> Verdict:
    """The verdict on the beginning of a stream. It is the same however the bytes arrive.

    NeedMore turns into another verdict after at most `LONGEST_V1` or `LONGEST_V2` bytes.
    """
    head = bytes(buffer[:LONGEST_V2])
    if head[:1] == b"P":
        begin = head[: len(_V1)]
        if not _V1.startswith(begin):
            return Malformed("signature")
        return _version_1(head) if len(begin) == len(_V1) else NeedMore(15)
    begin = head[: len(SIGNATURE)]
    if not SIGNATURE.startswith(begin):
        return Malformed("signature")
    return _version_2(head) if len(begin) == len(SIGNATURE) else NeedMore(16)


# --- version 1: one line -----------------------------------------------------------------------------------

_PRINTABLE: Final = re.compile(rb"[ -~]*")
_LINE: Final = re.compile(
    rb"PROXY (TCP[46]) ([0-9A-Fa-f.:]{2,39}) ([0-9A-Fa-f.:]{2,39}) ([0-9]{1,5}) ([0-9]{1,5})"
)
_IPV4: Final = re.compile(rb"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}")
_PORT: Final = re.compile(rb"0|[1-9][0-9]{0,4}")


def _version_1(head: bytes) -> Verdict:
    found = _PRINTABLE.match(head, 0, LONGEST_V1 - 1)
    assert found is not None, "nothing is printable too"
    end = found.end()
    if end > LONGEST_V1 - 2:
        return Malformed("line-length")
    if end == len(head):
        return NeedMore(end + 2)
    if head[end] != 0x0D:
        return Malformed("line-end" if head[end] == 0x0A else "line-bytes")
    if end + 1 == len(head):
        return NeedMore(end + 2)
    if head[end + 1] != 0x0A:
        return Malformed("line-end")
    line, length = head[:end], end + 2
    if line == b"PROXY UNKNOWN" or line.startswith(b"PROXY UNKNOWN "):
        return Header(1, length)
    parts = _LINE.fullmatch(line)
    if parts is None:
        return Malformed("line")
    peer_ip, local_ip = (_ip_of_text(text, parts[1] == b"TCP6") for text in (parts[2], parts[3]))
    if peer_ip is None or local_ip is None:
        return Malformed("address")
    peer_port, local_port = (_port_of_text(text) for text in (parts[4], parts[5]))
    if peer_port is None or local_port is None:
        return Malformed("port")
    return Header(1, length, (peer_ip, peer_port), (local_ip, local_port))


def _ip_of_text(text: bytes, v6: bool) -> str | None:
    """The address in its one form; None for what is none of this family."""
    if not v6:
        if not _IPV4.fullmatch(text) or any(int(number) > 255 for number in text.split(b".")):
            return None
        return text.decode("ascii")
    if b"." in text:
        return None
    try:
        return str(IPv6Address(text.decode("ascii")))
    except AddressValueError:
        return None


def _port_of_text(text: bytes) -> int | None:
    port = int(text) if _PORT.fullmatch(text) else 65536
    return port if port < 65536 else None


# --- version 2: binary -------------------------------------------------------------------------------------

_LOCAL: Final = 0x20
_PROXY: Final = 0x21
_UNSPECIFIED: Final = 0x00
_SIZES: Final = {_UNSPECIFIED: 0, 0x11: 12, 0x12: 12, 0x21: 36, 0x22: 36, 0x31: 216, 0x32: 216}
"""Bytes of both addresses for each family and transport."""

_ALPN: Final = 0x01
_AUTHORITY: Final = 0x02
_CRC32C: Final = 0x03
_UNIQUE_ID: Final = 0x05
_TLS: Final = 0x20
_KNOWN: Final = frozenset({_ALPN, _AUTHORITY, _CRC32C, _UNIQUE_ID, _TLS})
_TLS_VERSION: Final = 0x21
_TLS_COMMON_NAME: Final = 0x22
_TLS_CIPHER: Final = 0x23
_LONGEST_ID: Final = 128


def _version_2(head: bytes) -> Verdict:
    have = len(head)
    if have > 12 and head[12] not in (_LOCAL, _PROXY):
        return Malformed("version" if head[12] >> 4 != 2 else "command")
    if have > 13 and head[13] not in _SIZES:
        return Malformed("family")
    if have < 16:
        return NeedMore(16)
    command, family = head[12], head[13]
    length = 16 + int.from_bytes(head[14:16], "big")
    if length > LONGEST_V2 or (command == _PROXY and length < 16 + _SIZES[family]):
        return Malformed("length")
    if have < length:
        return NeedMore(length)
    if command == _LOCAL or family == _UNSPECIFIED:
        # What follows is to be skipped, whatever it is: the connection speaks for itself.
        return Header(2, length)
    head = head[:length]
    begin = 16 + _SIZES[family]
    fields = _fields(head, begin)
    if fields is None:
        return Malformed("fields")
    checksum = fields.get(_CRC32C)
    if checksum is not None:
        at, value = checksum
        if len(value) != 4 or crc32c(head[:at] + bytes(4) + head[at + 4 :]) != int.from_bytes(value, "big"):
            return Malformed("checksum")
    return _told(head, begin, {kind: value for kind, (_, value) in fields.items()})


def _told(head: bytes, begin: int, fields: dict[int, bytes]) -> Header | Malformed:
    """The header of a connection that was passed on; its fields' places and checksum are judged already."""
    authority: str | None = None
    if _AUTHORITY in fields:
        read = _host_of(fields[_AUTHORITY])
        if read is None:
            return Malformed("authority")
        authority = read
    tls: TlsFields | None = None
    if _TLS in fields:
        tls = _tls(fields[_TLS])
        if tls is None:
            return Malformed("tls")
    unique_id = fields.get(_UNIQUE_ID)
    if unique_id is not None and len(unique_id) > _LONGEST_ID:
        return Malformed("unique-id")
    peer: tuple[str, int] | None = None
    local: tuple[str, int] | None = None
    peer_path: bytes | None = None
    local_path: bytes | None = None
    addresses = head[16:begin]
    if len(addresses) == 216:
        peer_path, local_path = (half.partition(b"\0")[0] for half in (addresses[:108], addresses[108:]))
    else:
        size = (len(addresses) - 4) // 2
        as_ip = IPv4Address if size == 4 else IPv6Address
        peer_port, local_port = struct.unpack_from("!HH", addresses, 2 * size)
        peer = str(as_ip(addresses[:size])), peer_port
        local = str(as_ip(addresses[size : 2 * size])), local_port
    return Header(
        2, len(head), peer, local, peer_path, local_path, authority, fields.get(_ALPN), unique_id, tls
    )


def _fields(data: bytes, at: int) -> dict[int, tuple[int, bytes]] | None:
    """Place and value of each known field (type, length of two bytes, value) from `at` to the end.

    None where they do not fill it exactly, or one of those that are known is there twice. Others are skipped.
    """
    found: dict[int, tuple[int, bytes]] = {}
    while at < len(data):
        if at + 3 > len(data):
            return None
        kind, begin = data[at], at + 3
        at = begin + int.from_bytes(data[at + 1 : begin], "big")
        if at > len(data) or kind in found:
            return None
        if kind in _KNOWN:
            found[kind] = begin, data[begin:at]
    return found


def _tls(value: bytes) -> TlsFields | None:
    """A TLS field: one byte of flags, four that are zero where the certificate is good, fields of its own."""
    if len(value) < 5:
        return None
    texts: dict[int, str] = {}
    at = 5
    while at < len(value):
        if at + 3 > len(value):
            return None
        kind, begin = value[at], at + 3
        at = begin + int.from_bytes(value[at + 1 : begin], "big")
        if at > len(value) or kind in texts:
            return None
        try:
            texts[kind] = value[begin:at].decode("utf-8")
        except UnicodeDecodeError:
            if kind in (_TLS_VERSION, _TLS_COMMON_NAME, _TLS_CIPHER):
                return None
    flags = value[0]
    certificate = flags & 0x06 != 0
    return TlsFields(
        tls=flags & 0x01 != 0,
        certificate=certificate,
        verified=certificate and value[1:5] == bytes(4),
        version=texts.get(_TLS_VERSION),
        common_name=texts.get(_TLS_COMMON_NAME),
        cipher=texts.get(_TLS_CIPHER),
    )


def _host_of(value: bytes) -> str | None:
    """The host that the client asked TLS for (SNI), in its one form."""
    if not 0 < len(value) <= 255 or not value.isascii():
        return None
    host = parse_host(value.decode("ascii"))
    return None if isinstance(host, ValueRefusal) else host


# --- CRC-32C (Castagnoli), RFC 3720 appendix B.4 -----------------------------------------------------------


def _table() -> tuple[int, ...]:
    entries = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        entries.append(value)
    return tuple(entries)


_CRC: Final = _table()


def crc32c(data: bytes) -> int:
    """The checksum of `data`: 0.1 ms a KiB, and few senders add one."""
    crc = 0xFFFF_FFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFF_FFFF
