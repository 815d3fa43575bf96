"""The oracle's own reading of a request: docs/semantics.md, "What a request looks like", the slow way.

Owns a second normaliser, written for plainness: it looks at one rule after the other, keeps every fault it
finds, and shares no code with `gwc.schema.normalise`. Two faults may be answered in either order, so a
refusal is the set of statuses that the request has earned.

The one thing it cannot know by itself is which number the gateway's fixed hash makes of a trace id: that
function is handed in.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gwc.schema.request import Late, RawRequest

Config = Mapping[str, Any]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
ENCODED_RAW = b'"<>[]^{|}`'
OVERRIDES = ("proxy", "x-original-url", "x-rewrite-url", "x-http-method-override")
IMPLICIT: Config = {"listener": "default", "address": "127.0.0.1:8080"}


@dataclass
class View:
    """A request in the form that predicates are tested on. Text is one byte a character."""

    listener: str
    method: str
    host: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    cookies: list[tuple[str, str]]
    client_ip: Address | None
    scheme: str
    sni: str | None
    sample: int
    late: Late | None = None


@dataclass
class Refused:
    """A request that is answered before matching; `statuses` are those it may be answered with."""

    statuses: set[int] = field(default_factory=set)


def as_list(value: Any) -> list[Any]:
    """A scalar or a list, as a list."""
    return list(value) if isinstance(value, list | tuple) else [value]


def listeners_of(config: Config) -> list[Config]:
    """The listeners; the implicit one where none is written."""
    return list(config.get("listeners", ())) or [IMPLICIT]


def listeners_on(config: Config, address: str) -> list[Config]:
    """The listeners that share an address."""
    return [each for each in listeners_of(config) if address in as_list(each["address"])]


# --- hosts -----------------------------------------------------------------------------------------------


def read_host(data: bytes) -> str | None:
    """A host with or without port in its one form; None where it is none."""
    text = data.decode("latin-1")
    if text.startswith("["):
        inside, bracket, after = text[1:].partition("]")
        if not bracket or not port_is_fine(after):
            return None
        return read_ipv6(inside)
    name, colon, port = text.partition(":")
    if not port_is_fine(colon + port):
        return None
    name = name.removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(re.fullmatch(r"[A-Za-z0-9_-]{1,63}", label) for label in labels):
        return None
    return ascii_lower(name)


def port_is_fine(after: str) -> bool:
    """Nothing, a bare colon, or a colon and a number up to 65535."""
    return after == "" or (re.fullmatch(r":[0-9]*", after) is not None and int(after[1:] or "0") <= 65535)


def read_ipv6(text: str) -> str | None:
    """An IPv6 address as RFC 5952 writes it, in brackets."""
    if "%" in text or "/" in text:
        return None
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped
    return f"[::ffff:{mapped}]" if mapped is not None else f"[{address}]"


def configured_host(text: str) -> str:
    """A host of a configuration, exact or `*.x`, in its one form."""
    star = "*." if text.startswith("*.") else ""
    read = read_host(text.removeprefix(star).encode("ascii"))
    assert read is not None, f"not a host: {text}"
    return star + read


def ascii_lower(text: str) -> str:
    """Letters of ASCII in lower case, everything else as it is."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def host_holds(pattern: str, host: str) -> bool:
    """A configured name or wildcard against a host."""
    if not pattern.startswith("*."):
        return pattern == host
    below = pattern[1:]
    return host.endswith(below) and host != below


def best_listener(listeners: Sequence[Config], host: str | None) -> Config | None:
    """The listener whose scope takes the host most exactly: exact, longer wildcard, none."""
    best: Config | None = None
    best_score = (-1, 0)
    for listener in listeners:
        if "host" not in listener:
            scores = [(0, 0)]
        else:
            names = [configured_host(text) for text in as_list(listener["host"])]
            held = [name for name in names if host is not None and host_holds(name, host)]
            scores = [(1, len(name)) if name.startswith("*.") else (2, 0) for name in held]
        for score in scores:
            if score > best_score:
                best, best_score = listener, score
    return best


# --- path and query --------------------------------------------------------------------------------------


def read_path(data: bytes, options: Sequence[str]) -> str | None:
    """The path in its one form, None where it is refused."""
    if data == b"":
        data = b"/"
    if not data.startswith(b"/"):
        return None
    out = ""
    escaped: list[int] = []  # the run of escapes that ends here
    at = 0
    while at < len(data):
        byte = data[at]
        if byte == ord("%"):
            digits = data[at + 1 : at + 3]
            if re.fullmatch(rb"[0-9A-Fa-f]{2}", digits) is None:
                return None
            value = int(digits, 16)
            if value < 0x20 or value == 0x7F or value == ord("\\"):
                return None
            if value == ord("/") and "keep-encoded-slash" not in options:
                return None
            escaped.append(value)
            if is_overlong(escaped):
                return None
            out += chr(value) if value in UNRESERVED else f"%{value:02X}"
            at += 3
            continue
        escaped = []
        if byte <= 0x20 or byte >= 0x7F or byte in b"#\\":
            return None
        out += f"%{byte:02X}" if byte in ENCODED_RAW else chr(byte)
        at += 1
    segments = out.split("/")[1:]
    kept: list[str] = []
    for number, segment in enumerate(segments):
        if re.match(r"\.\.?;", segment):
            return None
        if segment == "..":
            if not kept:
                return None
            kept.pop()
        elif segment != ".":
            kept.append(segment)
            continue
        if number == len(segments) - 1:
            kept.append("")
    path = "/" + "/".join(kept)
    if "keep-repeated-slashes" not in options:
        while "//" in path:
            path = path.replace("//", "/")
    if "reject-changes" in options and path != data.decode("latin-1"):
        return None
    return path


def is_overlong(escaped: Sequence[int]) -> bool:
    """Whether a run of escaped bytes ends in a UTF-8 form that is longer than it had to be."""
    lead_at = len(escaped) - 1
    while lead_at > 0 and 0x80 <= escaped[lead_at] <= 0xBF:
        lead_at -= 1
    form = escaped[lead_at:]
    if len(form) < 2 or any(not 0x80 <= byte <= 0xBF for byte in form[1:]):
        return False
    lead, second = form[0], form[1]
    return lead in (0xC0, 0xC1) or (lead == 0xE0 and second < 0xA0) or (lead == 0xF0 and second < 0x90)


def query_is_fine(data: bytes) -> bool:
    """No raw controls, spaces, `#` or bytes above 0x7F."""
    return all(0x20 < byte < 0x7F and byte != ord("#") for byte in data)


def read_query(data: bytes) -> list[tuple[str, str]]:
    """Names and values in the order sent, decoded."""
    pairs = []
    for piece in data.split(b"&"):
        if piece:
            name, _, value = piece.partition(b"=")
            pairs.append((decoded(name), decoded(value)))
    return pairs


def decoded(data: bytes) -> str:
    """Percent-decoding with `+` as space; a bad escape stands for itself."""
    spaced = data.replace(b"+", b" ")
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda hit: bytes([int(hit[1], 16)]), spaced).decode("latin-1")


def first_of(pairs: Sequence[tuple[str, str]], name: str) -> str | None:
    """The first value of a name."""
    for each, value in pairs:
        if each == name:
            return value
    return None


# --- fields ----------------------------------------------------------------------------------------------


def read_cookies(value: str) -> list[tuple[str, str]]:
    """The cookies of the joined Cookie fields, in order."""
    pairs = []
    for piece in value.split(";"):
        name, equals, rest = piece.strip(" \t").partition("=")
        if equals:
            pairs.append((name, rest))
    return pairs


def is_forwarding(name: str) -> bool:
    """A field that says something of the request before it came here."""
    return name.startswith("x-forwarded-") or name in ("forwarded", "x-real-ip")


def joined(fields: Sequence[tuple[str, str]], name: str) -> str | None:
    """A field's values joined, None where it is absent."""
    values = [value for each, value in fields if each == name]
    return ("; " if name == "cookie" else ", ").join(values) if values else None


def plain_address(address: Address) -> Address:
    """An IPv4-mapped address as the IPv4 address it means."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped if mapped is not None else address


def in_networks(address: Address, networks: Sequence[str]) -> bool:
    """Whether the address is in one of the networks."""
    address = plain_address(address)
    for text in networks:
        network = ipaddress.ip_network(text, strict=False)
        if address.version == network.version and address in network:
            return True
    return False


def forwarded_address(text: str) -> Address | None:
    """One element of X-Forwarded-For; None where it is no address."""
    text = text.strip(" \t")
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::([0-9]{1,5}))?", text)
    dotted = re.fullmatch(r"([0-9.]+)(?::([0-9]{1,5}))?", text)
    form = bracketed or dotted
    if form and int(form[2] or "0") > 65535:
        return None
    if bracketed:
        text = bracketed[1]
        if ":" not in text:
            return None
    elif dotted:
        text = dotted[1]
    if "%" in text:
        return None  # a zone says something to its own host alone
    try:
        return plain_address(ipaddress.ip_address(text))
    except ValueError:
        return None


def client_of(peer: Address | None, forwarded_for: str | None, trusted: Sequence[str]) -> Address | None:
    """The client's address, read from the right past trusted addresses."""
    if peer is None:
        return None
    client = plain_address(peer)
    if forwarded_for is None or not in_networks(client, trusted):
        return client
    for element in reversed(forwarded_for.split(",")):
        address = forwarded_address(element)
        if address is None:
            return client
        client = address
        if not in_networks(client, trusted):
            return client
    return client


def trace_of(raw: RawRequest, traceparent: str | None, is_trusted: bool) -> bytes:
    """The trace id: a trusted peer's, else the gateway's own."""
    if is_trusted and traceparent is not None:
        version, *parts = traceparent.split("-")
        known = re.fullmatch(r"[0-9a-f]{2}", version) and version != "ff"
        if known and (len(parts) == 3 or (len(parts) > 3 and version != "00")):
            trace, parent, flags = parts[:3]
            whole = re.fullmatch(r"[0-9a-f]{32} [0-9a-f]{16} [0-9a-f]{2}", f"{trace} {parent} {flags}")
            if whole and int(trace, 16) and int(parent, 16):
                return bytes.fromhex(trace)
    return raw.trace_id


# --- the whole -------------------------------------------------------------------------------------------


def read(
    config: Config, raw: RawRequest, address: str, late: Late | None, sample_of: Callable[[bytes], int]
) -> View | Refused:
    """The request as predicates see it, or what it is answered with before matching."""
    faults: set[int] = set()
    method = raw.method
    fields = [
        (name.lower().decode("latin-1"), value.strip(b" \t").decode("latin-1")) for name, value in raw.fields
    ]
    if TOKEN.fullmatch(method) is None or len(method) > 32:
        faults.add(400)
    if method == b"CONNECT" and raw.protocol == b"websocket":
        method = b"GET"
        fields = [pair for pair in fields if pair[0] != "upgrade"] + [("upgrade", "websocket")]
    elif raw.protocol is not None and method != b"CONNECT":
        faults.add(400)
    elif method in (b"CONNECT", b"TRACE"):
        faults.add(405)
    for name, value in raw.fields:
        if TOKEN.fullmatch(name) is None or any(
            (b < 0x20 and b != 9) or b == 0x7F for b in value.strip(b" \t")
        ):
            faults.add(400)

    target = raw.target
    authorities = [value.encode("latin-1") for name, value in fields if name == "host"]
    if len(authorities) > 1 or (not authorities and raw.version == (1, 1)):
        faults.add(400)
    if raw.authority is not None:
        authorities.append(raw.authority)
    asterisk = method == b"OPTIONS" and target == b"*"
    if asterisk:
        faults.add(204)
    elif target[:1] not in (b"", b"/", b"?"):
        form = re.fullmatch(rb"([A-Za-z][A-Za-z0-9+.-]*)://([^/?]*)(.*)", target, re.DOTALL)
        if form is None or form[1].lower() not in (b"http", b"https") or raw.version[0] >= 2:
            faults.add(400)
        else:
            authorities.append(form[2])
            target = form[3]
    if not authorities and raw.version[0] >= 2:
        faults.add(400)
    hosts = {read_host(each) for each in authorities} or {""}
    if None in hosts or len(hosts) > 1:
        return Refused(faults | {400})
    host = hosts.pop()
    assert host is not None

    path_bytes, mark, query_bytes = target.partition(b"?")
    if mark and not query_is_fine(query_bytes):
        faults.add(400)
    listeners = listeners_on(config, address)
    if raw.tls:
        listener = best_listener(listeners, sni_of(raw.sni))
        rightful = best_listener(listeners, host)
        if rightful is not listener:
            # A server name that no listener takes leaves both answers open where a listener takes the host.
            faults |= {404} if rightful is None else {421} if listener is not None else {404, 421}
            listener = listener or rightful
    else:
        listener = best_listener(listeners, host)
    if listener is None:
        return Refused(faults | {404} | ({400} if read_path(path_bytes, ()) is None else set()))
    options = as_list(listener.get("path-normalisation", []))
    path = "/" if asterisk else read_path(path_bytes, options)
    if path is None:
        return Refused(faults | {400})
    if faults:
        return Refused(faults)

    trusted = as_list(listener.get("trusted-proxies", []))
    is_trusted = raw.peer is not None and in_networks(raw.peer, trusted)
    scheme = "https" if listener.get("protocol", "http") == "https" else "http"
    proto = joined(fields, "x-forwarded-proto")
    if is_trusted and proto is not None and ascii_lower(proto) in ("http", "https"):
        scheme = ascii_lower(proto)
    seen = [
        (name, value)
        for name, value in fields
        if "_" not in name
        and name not in OVERRIDES
        and name != "host"
        and (is_trusted or not is_forwarding(name))
    ]
    headers = {name: str(joined(seen, name)) for name, _ in seen}
    return View(
        listener=listener["listener"],
        method=method.decode("latin-1"),
        host=host,
        path=path,
        query=read_query(query_bytes),
        headers=headers,
        cookies=read_cookies(headers.get("cookie", "")),
        client_ip=client_of(raw.peer, joined(seen, "x-forwarded-for"), trusted),
        scheme=scheme,
        sni=sni_of(raw.sni) if raw.tls else None,
        sample=sample_of(trace_of(raw, joined(fields, "traceparent"), is_trusted)),
        late=late,
    )


def sni_of(text: str | None) -> str | None:
    """A TLS server name in the form of hosts; a name that is none is as good as no name."""
    if text is None or not text.isascii() or ":" in text.rpartition("]")[2]:
        return None
    return read_host(text.encode("ascii"))
