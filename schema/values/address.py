"""Addresses to listen on and to send to: `10.0.0.1:8080`, `[::1]:8080`, `name:8080`, `unix:/run/x.sock`.

Owns their spelling, and that of `srv:_http._tcp.example.com`, a name of SRV records to send to.
`${env:NAME}` and `${file:path}` may stand for any part; such an address is read as
far as it is known, and again when the gateway has filled it in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .host import is_ipv6, parse_host
from .port import parse_port
from .refusal import ValueRefusal, quoted, whole

_TCP: Final = re.compile(r"(.*):([^:\]]*)", re.DOTALL)
_DIGITS: Final = re.compile(r"[0-9]{1,5}")
_UNIX: Final = "unix:"
_SRV: Final = "srv:"
_SRV_NAME: Final = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)+[A-Za-z0-9-]{1,63}\.?")
_HOW_SRV: Final = "write a name such as `srv:_http._tcp.example.com`"
_HOW: Final = "write `host:port`, `[v6]:port` or `unix:/path`"

_LONGEST_NAME: Final = 254
"""Characters of a name with its last dot (RFC 1035 section 2.3.4 as text)."""

LONGEST_PATH: Final = 107
"""Bytes of a socket's path: what the kernel's `sun_path` holds beside the closing NUL."""


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A host in its one form (IPv6 in brackets) and a port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """The path of a unix socket."""

    path: str


@dataclass(frozen=True, slots=True)
class UnresolvedAddress:
    """An address with references in it, as written. `port` is known where it stands in the text."""

    text: str
    port: int | None


@dataclass(frozen=True, slots=True)
class SrvAddress:
    """A name of SRV records (RFC 2782) in lower case, without the last dot; they say hosts and ports."""

    name: str


Address = TcpAddress | UnixAddress | UnresolvedAddress


def parse_address(text: str) -> Address | ValueRefusal:
    """The address that `text` writes. A port is always said, 1 to 65535."""
    if "${" in text:
        return _with_references(text)
    if text.startswith(_UNIX):
        return _unix(text)
    found = _TCP.fullmatch(text)
    if (
        found is None
        or not found[1]
        or found[1] == "*"
        or "/" in text
        or (":" in found[1] and text[0] != "[")
    ):
        return _refuse(text)
    host = parse_host(found[1])
    if isinstance(host, ValueRefusal):
        return host
    port = parse_port(found[2], found.start(2))
    return port if isinstance(port, ValueRefusal) else TcpAddress(host, port)


def parse_target(text: str) -> Address | SrvAddress | ValueRefusal:
    """An address to send to: one of `parse_address`, or `srv:` and a name."""
    if not text.startswith(_SRV):
        return parse_address(text)
    name = text[len(_SRV) :]
    if "${" in name:
        # Imported here: most addresses have no references.
        from ..template.value import parse_value

        template = parse_value(text, variables=False)
        if isinstance(template, ValueRefusal):
            return template
        return (
            UnresolvedAddress(text, None)
            if template.constant is None
            else whole(text, f"{quoted(text)} is not a name of SRV records", _HOW_SRV)
        )
    if len(name) <= _LONGEST_NAME and _SRV_NAME.fullmatch(name):
        return SrvAddress(name.lower().removesuffix("."))
    if re.fullmatch(r"[^:]*:[0-9]{1,5}", name):
        return ValueRefusal(
            len(_SRV) + name.index(":"),
            len(name) - name.index(":"),
            f"{quoted(text)} has a port",
            "take it out: the SRV records say the ports",
        )
    return ValueRefusal(len(_SRV), len(name), f"{quoted(text)} is not a name of SRV records", _HOW_SRV)


def _with_references(text: str) -> Address | ValueRefusal:
    """An address that is not known yet; what stands in the text is judged already."""
    # Imported here: most addresses have no references.
    from ..template.value import Text, parse_value

    template = parse_value(text, variables=False)
    if isinstance(template, ValueRefusal):
        return template
    if template.constant is not None:
        return whole(text, f"{quoted(text)} is not an address", _HOW)
    first, last = template.parts[0], template.parts[-1]
    if isinstance(first, Text) and first.text.startswith(_UNIX):
        if first.text != _UNIX and not first.text.startswith("unix:/"):
            return _unix_relative(text)
        return UnresolvedAddress(text, None)
    if not isinstance(last, Text):
        return UnresolvedAddress(text, None)
    tail = last.text.rpartition(":")[2]
    if ":" not in last.text:
        # What ends in plain text has its port in it.
        return UnresolvedAddress(text, None) if _DIGITS.fullmatch(tail) else _missing_port(text)
    port = parse_port(tail, len(text) - len(tail))
    return port if isinstance(port, ValueRefusal) else UnresolvedAddress(text, port)


def _unix(text: str) -> UnixAddress | ValueRefusal:
    path = text[len(_UNIX) :]
    if not path.startswith("/"):
        return _unix_relative(text)
    if path.startswith("//"):
        return whole(
            text,
            f"{quoted(text)} has more than one slash first",
            f"write {quoted(_UNIX + '/' + path.lstrip('/'))}",
        )
    size = len(path.encode("utf-8", "surrogatepass"))
    if size > LONGEST_PATH:
        return ValueRefusal(
            len(_UNIX), len(path), f"the path of a socket is {size} bytes long", f"{LONGEST_PATH} are allowed"
        )
    for offset, char in enumerate(path, len(_UNIX)):
        if char < " " or char == "\x7f":
            return ValueRefusal(
                offset, 1, f"a path cannot hold the control character {quoted(char)}", "take it out"
            )
    if path.endswith("/"):
        return whole(text, f"{quoted(text)} is a directory", "write the path of the socket itself")
    return UnixAddress(path)


def _unix_relative(text: str) -> ValueRefusal:
    advice = "write an absolute path: `unix:/run/name.sock`"
    if text.startswith("unix:@"):
        advice = f"sockets without a path are not supported; {advice}"
    return ValueRefusal(
        len(_UNIX), len(text) - len(_UNIX), f"the path of {quoted(text)} does not begin with `/`", advice
    )


def _missing_port(text: str, instead: str = "") -> ValueRefusal:
    advice = (
        f"write {quoted(instead)}, with the right port" if instead else "write `:` and the port behind it"
    )
    return ValueRefusal(len(text), 0, f"{quoted(text)} has no port", advice)


def _refuse(text: str) -> ValueRefusal:
    """What is wrong with text that is no address, and what was likely meant."""
    shown = quoted(text)
    if not text:
        return whole(text, "an address is empty", _HOW)
    scheme = re.match(r"(https?)://([^/?#]*)", text)
    if scheme is not None:
        inner = scheme[2]
        if ":" not in inner.rpartition("]")[2]:
            inner += ":80" if scheme[1] == "http" else ":443"
        readable = isinstance(parse_address(inner), TcpAddress)
        return whole(text, f"{shown} is a URL", f"write {quoted(inner)}" if readable else _HOW)
    if text[0] == "/":
        return whole(text, f"{shown} is a path", f"write {quoted(_UNIX + text)} for a unix socket")
    if "/" in text:
        bare = text[: text.index("/")]
        if isinstance(parse_address(bare), TcpAddress):
            return whole(text, f"{shown} has a path", f"write {quoted(bare)}")
        return whole(text, f"{shown} is not an address", _HOW)
    if _DIGITS.fullmatch(text):
        return whole(text, f"{shown} has no host", _every(text))
    if text.startswith((":", "*:")) and not is_ipv6(text):
        port = text.rpartition(":")[2]
        return whole(text, f"{shown} has no host", _every(port) if _DIGITS.fullmatch(port) else _HOW)
    if text == "*":
        return whole(text, f"{shown} has neither host nor port", _every("8080"))
    if is_ipv6(text):
        host, _, port = text.rpartition(":")
        advice = f"write `[{text}]:8080`, with the right port"
        if _DIGITS.fullmatch(port) and is_ipv6(host) and port[0] != "0":
            advice = (
                f"write `[{host}]:{port}` if `{port}` is the port, else `[{text}]:8080` with the right port"
            )
        return whole(text, f"{shown} is an IPv6 address without brackets", advice)
    if ":" not in text or text.endswith("]"):
        host_only = parse_host(text)
        return host_only if isinstance(host_only, ValueRefusal) else _missing_port(text, f"{text}:8080")
    return whole(text, f"{shown} is not an address", _HOW)


def _every(port: str) -> str:
    """How to say: on every interface."""
    return (
        f"write `0.0.0.0:{port}` for every IPv4 address, `[::]:{port}` for IPv6 too, "
        f"`127.0.0.1:{port}` for this machine alone"
    )
