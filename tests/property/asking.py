"""Hypothesis strategies for requests, made from a configuration's own patterns.

Owns hits and near misses: a request is drawn towards one alternative until everything it asks for is there,
then sometimes spelt differently, sometimes spoilt in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from gwc.schema.request import Late, RawRequest
from hypothesis import strategies as st

from . import alphabet
from .build import Asked
from .holding import (
    Pattern,
    captures_of,
    field_holds,
    glob_holds,
    latin,
    pattern_holds_host,
    written_out,
)
from .oracle import Alternative, expand, matchers_of
from .reading import (
    Config,
    View,
    as_list,
    ascii_lower,
    best_listener,
    in_networks,
    listeners_of,
    listeners_on,
)
from .strategies import Draw, chance, one_of

Pairs = list[tuple[str, str]]


@dataclass
class Draft:
    """A request before it is written down; text is one byte a character, the path in normal form."""

    address: str
    tls: bool
    host: str
    sni: str | None
    path: str
    method: str = "GET"
    headers: Pairs = field(default_factory=list)
    query: Pairs = field(default_factory=list)
    cookies: Pairs = field(default_factory=list)
    peer: str | None = "192.0.2.7"
    forwarded_for: list[str] = field(default_factory=list)
    forwarded_proto: str | None = None
    trace: int = 0
    late: Late | None = None
    raw_host: str | None = None
    raw_path: str | None = None
    raw_query: str | None = None


@st.composite
def requests(draw: st.DrawFn, config: Config) -> Asked:
    """A request that one of the alternatives takes, or nearly."""
    alternatives = list(expand(config))
    draft = towards(draw, config, one_of(draw, alternatives))
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 1, 1, 2)))):
        one_of(draw, SPOILERS)(draw, draft)
    respell(draw, draft)
    return written(draw, draft)


# --- towards an alternative ------------------------------------------------------------------------------


def towards(draw: Draw, config: Config, target: Alternative) -> Draft:
    """A draft that the alternative takes, as far as one try goes."""
    wanted = {key for key, _ in target.steps}
    hosts: list[Pattern] = [value for key, value in target.steps if key == "host"]
    paths: list[Pattern] = [value for key, value in target.steps if key == "path"]
    names = [name for key, value in target.steps if key == "listener" for name in as_list(value)]
    fitting_hosts = [
        host for host in alphabet.HOSTS if all(pattern_holds_host(pattern, host) for pattern in hosts)
    ]
    entries = [
        (address, listener, host)
        for listener in listeners_of(config)
        if not names or listener["listener"] in names
        for address in as_list(listener["address"])
        for host in fitting_hosts or alphabet.HOSTS
        if best_listener(listeners_on(config, address), host) is listener
    ]
    if not entries:
        listener = one_of(draw, listeners_of(config))
        entries = [(as_list(listener["address"])[0], listener, one_of(draw, alphabet.HOSTS))]
    address, listener, host = one_of(draw, entries)
    tls = listener.get("protocol", "http") == "https"
    is_name = not host.startswith("[") and not host[0].isdecimal()
    draft = Draft(address, tls, host, host if tls and is_name else None, path_for(draw, paths))
    if tls and "sni" not in wanted and chance(draw, 10):
        draft.sni = None
    matchers = matchers_of(config)
    trusted = as_list(listener.get("trusted-proxies", []))
    if trusted and chance(draw, 60):
        draft.peer = one_of(draw, inside(trusted))
    else:
        draft.peer = one_of(draw, alphabet.ADDRESSES)
    if chance(draw, 25):
        draft.forwarded_for = [one_of(draw, FORWARDED) for _ in range(draw(st.integers(1, 3)))]
    if chance(draw, 15):
        draft.forwarded_proto = one_of(draw, ("https", "http", "HTTPS", "https, http", "ftp"))
    draft.trace = one_of(draw, alphabet.TRACES) if "sample" in wanted else draw(st.integers(0, 2**24))
    for key, value in target.steps:
        satisfy(draw, draft, key, value)
        if key == "not":
            for inner, each in one_of(draw, [list(written_out(value, matchers))])[:1]:
                if chance(draw, 30):
                    satisfy(draw, draft, inner, each)
    if draft.late is None and chance(draw, 30):
        draft.late = Late(one_of(draw, alphabet.MODELS), draw(st.booleans()), draw(st.booleans()))
    return draft


FORWARDED = (
    "10.0.0.4",
    "10.0.0.1:80",
    "192.0.2.7",
    "198.51.100.7",
    "[2001:db8::1]:1",
    "2001:db9::1",
    "::ffff:10.0.0.1",
    "unknown",
    "",
    "10.0.0.1, 198.51.100.7",
    "198.51.100.7 ,\t10.0.0.4",
    "10.0.0.01",
    "10.0.0",
)


def inside(networks: Sequence[str]) -> list[str]:
    """Addresses of the alphabet that are in one of the networks, or the networks' first ones."""
    found = [text for text in alphabet.ADDRESSES if in_networks(ip_address(text), networks)]
    return found or [str(ip_network(text)[0]) for text in networks]


def path_for(draw: Draw, patterns: Sequence[Pattern]) -> str:
    """A path that all patterns take, where one of a few tries does."""
    path = "/a"
    for pattern in reversed(patterns or [Pattern("regex", ".*")]):
        for _ in range(2):
            path = path_like(draw, pattern)
            if all(captures_of(each, path) is not None for each in patterns):
                return path
    return path


def path_like(draw: Draw, pattern: Pattern) -> str:
    """A path that the pattern takes."""
    more = "".join("/" + filling(draw) for _ in range(draw(st.integers(0, 2))))
    if pattern.kind == "exact":
        return pattern.text
    if pattern.kind == "prefix":
        return (pattern.text.rstrip("/") + str(one_of(draw, ("", "/", more)))) or "/"
    if pattern.kind == "regex":
        fitting = [path for path in PATHS if captures_of(pattern, path) is not None]
        return str(one_of(draw, fitting or PATHS))
    segments = []
    for segment in pattern.text.split("/")[1:]:
        if segment.endswith("...}"):
            segments.append(more[1:] if chance(draw, 70) else None)
        else:
            segments.append(filling(draw) if segment.startswith("{") else segment)
    return "/" + "/".join(segment for segment in segments if segment is not None)


def filling(draw: Draw) -> str:
    """A segment where any will do; most often one that others write out, seldom an empty one."""
    form = draw(st.integers(0, 19))
    return "" if form == 19 else str(one_of(draw, alphabet.SEGMENTS[: 3 if form < 12 else None]))


PATHS = (
    *(
        "/",
        "/a",
        "/b",
        "/ab",
        "/A",
        "/abb",
        "/aab",
        "/A/B",
        "/a/",
        "/a/b",
        "/a/b/",
        "/ab/b",
        "/a/1",
        "/a/12/b",
    ),
    *("/a/b/c", "/b/b", "/a/a/b/b", "/a1b", "/a%3Ab", "/%C3%A9/b", "/aba/b", "/a/x", "/abc", "/bb/ab"),
)


def satisfy(draw: Draw, draft: Draft, key: str, value: Any) -> None:
    """Change the draft so that the predicate holds, where that is in its power."""
    if key == "method":
        draft.method = one_of(draw, as_list(value))
    elif key in ("header", "query", "cookie"):
        satisfy_field(draw, draft, key, {"name": value} if isinstance(value, str) else value)
    elif key == "client-ip" and draft.peer is not None:
        client = one_of(draw, inside(as_list(value)))
        if draft.forwarded_for and chance(draw, 60):
            draft.forwarded_for = [*draft.forwarded_for, client]
        else:
            draft.peer = client
    elif key == "scheme" and (draft.tls is not ("https" in as_list(value))):
        draft.forwarded_proto = one_of(draw, as_list(value))
    elif key == "sni" and draft.tls and chance(draw, 50):
        draft.sni = str(one_of(draw, as_list(value))).replace("*", "x")
    elif key == "model":
        models = [m for m in alphabet.MODELS if any(glob_holds(latin(g), latin(m)) for g in as_list(value))]
        old = draft.late or Late()
        draft.late = Late(latin(one_of(draw, models or alphabet.MODELS)), old.stream, old.tools)
    elif key == "stream":
        old = draft.late or Late()
        draft.late = Late(old.model, value, old.tools)
    elif key == "tools":
        old = draft.late or Late()
        draft.late = Late(old.model, old.stream, value)


def satisfy_field(draw: Draw, draft: Draft, place: str, predicate: Config) -> None:
    """Add, change or take away a field so that the predicate holds."""
    name = ascii_lower(predicate["name"]) if place == "header" else latin(predicate["name"])
    pairs = {"header": draft.headers, "query": draft.query, "cookie": draft.cookies}[place]
    if predicate.get("present") is False:
        pairs[:] = [pair for pair in pairs if pair[0] != name]
        return
    view = View("", "", "", "/", [], {}, [], None, "http", None, 0)
    pool = [latin(text) for text in alphabet.VALUES if place == "query" or text == text.strip(" ")]
    pool += [str(number) for number in (predicate.get("min"), predicate.get("max")) if number is not None]
    for key in ("value", "prefix", "suffix", "contains"):
        for text in as_list(predicate.get(key, [])):
            pool += [latin(text), latin(text) + "b", "a" + latin(text), ascii_lower(latin(text))]
    fitting = []
    for value in pool:
        view.headers, view.query, view.cookies = {name: value}, [(name, value)], [(name, value)]
        if value == value.strip(" \t") and field_holds(place, predicate, view):
            fitting.append(value)
    if place == "cookie":
        fitting = [value for value in fitting if ";" not in value]
    if any(pair[0] == name for pair in pairs) and chance(draw, 50):
        return
    pairs[:] = [pair for pair in pairs if pair[0] != name]
    pairs.append((name, one_of(draw, fitting or pool)))


# --- spoiling --------------------------------------------------------------------------------------------


def spoil_host(draw: Draw, draft: Draft) -> None:
    """Another host, one label more or less, or none that can be one."""
    forms = (
        one_of(draw, alphabet.HOSTS),
        "x" + draft.host,
        "x." + draft.host,
        draft.host.partition(".")[2] or "test",
        draft.host + ".",
        draft.host + "..",
        "." + draft.host,
        draft.host + ":65536",
        "u@" + draft.host,
        draft.host + "t",
    )
    draft.raw_host = one_of(draw, forms)
    if draft.tls and draft.sni is not None and chance(draw, 50):
        draft.sni = one_of(draw, alphabet.HOSTS[:6])


def spoil_sni(draw: Draw, draft: Draft) -> None:
    """Another name than the host's."""
    if draft.tls:
        draft.sni = one_of(draw, (*alphabet.HOSTS[:6], None))


def spoil_path(draw: Draw, draft: Draft) -> None:
    """Another path nearby."""
    path = draft.path
    at = draw(st.integers(0, len(path)))
    forms = (
        path + "/",
        path.rstrip("/") or "/",
        path + one_of(draw, alphabet.SEGMENTS),
        path + "/" + one_of(draw, alphabet.SEGMENTS),
        path.rpartition("/")[0] or "/",
        path.swapcase(),
        path[:-1] or "/",
        "/" + one_of(draw, alphabet.SEGMENTS) + path,
        path[:at] + "%2F" + path[at:],
        path[:at] + "/" + path[at:],
        path[:at] + "/../" + path[at:],
        path[:at]
        + one_of(draw, ("%", "%00", "%5c", "\\", "#", " ", "%c0%af", "..;", "é", "[", "%25"))
        + path[at:],
        path + "/..",
        path + "/.",
        "/.." + path,
    )
    draft.raw_path = one_of(draw, forms)


def spoil_method(draw: Draw, draft: Draft) -> None:
    """Another method, or the same in another case."""
    draft.method = one_of(draw, (*alphabet.METHODS, "TRACE", "CONNECT", draft.method.swapcase()))


def spoil_pairs(draw: Draw, draft: Draft) -> None:
    """One header, parameter or cookie taken away, doubled, renamed or given another value."""
    groups = [pairs for pairs in (draft.headers, draft.query, draft.cookies) if pairs]
    if not groups:
        draft.query.append((latin(one_of(draw, alphabet.QUERIES)), latin(one_of(draw, alphabet.VALUES))))
        return
    pairs = one_of(draw, groups)
    at = draw(st.integers(0, len(pairs) - 1))
    name, value = pairs[at]
    other = latin(one_of(draw, alphabet.VALUES))
    if pairs is not draft.query:
        other = other.strip(" ")
    number = (
        str(int(value) + one_of(draw, (-1, 1)))
        if value.lstrip("-").isdecimal() and value.isascii()
        else other
    )
    form = one_of(draw, ("drop", "first", "last", "other", "case", "name", "more", "less", "number", "empty"))
    if form == "drop":
        del pairs[at]
    elif form == "first":
        pairs.insert(0, (name, other))
    elif form == "last":
        pairs.append((name, other))
    else:
        pairs[at] = {
            "other": (name, other),
            "case": (name, value.swapcase() if value.isascii() else value),
            "name": (name.swapcase() if name.isascii() else name, value),
            "more": (name, value + "b"),
            "less": (name, value[:-1]),
            "number": (name, number),
            "empty": (name, ""),
        }[form]


def spoil_client(draw: Draw, draft: Draft) -> None:
    """Another peer, or other words of a proxy."""
    form = draw(st.integers(0, 3))
    if form == 0:
        draft.peer = one_of(draw, (*alphabet.ADDRESSES, None))
    elif form == 1:
        draft.forwarded_for = [one_of(draw, FORWARDED) for _ in range(draw(st.integers(0, 3)))]
    elif form == 2:
        draft.forwarded_proto = one_of(draw, (None, "https", "http"))
    else:
        draft.trace = draw(st.integers(0, 2**24))


def spoil_late(draw: Draw, draft: Draft) -> None:
    """Another body."""
    draft.late = Late(
        one_of(draw, (None, *map(latin, alphabet.MODELS))),
        one_of(draw, (None, True, False)),
        one_of(draw, (None, True, False)),
    )


Spoiler = Callable[[Draw, Draft], None]
SPOILERS: tuple[Spoiler, ...] = (
    *(spoil_path, spoil_path, spoil_path),
    *(spoil_pairs, spoil_pairs, spoil_pairs),
    spoil_host,
    spoil_sni,
    spoil_method,
    spoil_client,
    spoil_late,
)


# --- spelling: the same request in other bytes -----------------------------------------------------------


def respell(draw: Draw, draft: Draft) -> None:
    """Another spelling of host, path and query that means the same."""
    if draft.raw_host is None:
        name = draft.host
        forms = (name, name, name, name.upper(), name + ".", name + ":8080", name + ".:1", name.title() + ":")
        draft.raw_host = one_of(
            draw, [form for form in forms if not name.startswith("[") or "]." not in form]
        )
    if draft.raw_path is None:
        draft.raw_path = draft.path
        for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):
            draft.raw_path = one_of(draw, RESPELLINGS)(draw, draft.raw_path)
    if draft.query and draft.raw_query is None:
        pieces = [spelt_piece(draw, name, value) for name, value in draft.query]
        if chance(draw, 20):
            pieces.insert(
                draw(st.integers(0, len(pieces))), one_of(draw, ("", "%", "r", "Q=1", "=a", "z;q=1"))
            )
        draft.raw_query = "&".join(pieces)


def escape_one(draw: Draw, path: str) -> str:
    """One unreserved character as its escape, in either case."""
    places = [
        at
        for at, c in enumerate(path)
        if ((c.isascii() and c.isalnum()) or c in "-._~") and "%" not in path[max(at - 2, 0) : at]
    ]
    if not places:
        return path
    at = one_of(draw, places)
    escape = "%{:02X}" if draw(st.booleans()) else "%{:02x}"
    return path[:at] + escape.format(ord(path[at])) + path[at + 1 :]


def lower_escapes(draw: Draw, path: str) -> str:
    """Escapes in lower case."""
    pieces = path.split("%")
    return pieces[0] + "".join("%" + piece[:2].lower() + piece[2:] for piece in pieces[1:])


def dotted(draw: Draw, path: str) -> str:
    """A dot segment, or one that is taken back."""
    at = one_of(draw, [at for at, c in enumerate(path) if c == "/"])
    return f"{path[:at]}{one_of(draw, ('/.', '/x/..', '/%2e', '/x/%2E.'))}{path[at:]}"


def slashed(draw: Draw, path: str) -> str:
    """A slash twice."""
    at = one_of(draw, [at for at, c in enumerate(path) if c == "/"])
    return path[:at] + "/" + path[at:]


RESPELLINGS: tuple[Callable[[Draw, str], str], ...] = (escape_one, lower_escapes, dotted, slashed)


def spelt_piece(draw: Draw, name: str, value: str) -> str:
    """One parameter; what must be escaped is, and sometimes what need not."""
    escaped_name = spelt(draw, name)
    if value == "" and chance(draw, 50):
        return escaped_name
    return escaped_name + "=" + spelt(draw, value)


def spelt(draw: Draw, text: str) -> str:
    """Text of a query, escaped."""
    eager = chance(draw, 20)
    out = ""
    for c in text:
        if c == " ":
            out += one_of(draw, ("+", "%20"))
        elif c in "&=%#+" or not 0x20 < ord(c) < 0x7F or eager:
            out += f"%{ord(c):02x}"
        else:
            out += c
    return out


def written(draw: Draw, draft: Draft) -> Asked:
    """The draft as it goes over the wire."""
    assert draft.raw_host is not None
    assert draft.raw_path is not None
    hostless = chance(draw, 3)
    fields = [] if hostless else [(b"Host", draft.raw_host.encode("latin-1"))]
    for name, value in draft.headers:
        spelt_name = one_of(draw, (name, name.title(), name.upper()))
        padded = one_of(draw, (value, value, " " + value + "\t"))
        fields.append((spelt_name.encode("latin-1"), padded.encode("latin-1")))
    if draft.cookies:
        pieces = [f"{name}={value}" for name, value in draft.cookies]
        if chance(draw, 20):
            pieces.insert(draw(st.integers(0, len(pieces))), one_of(draw, ("c", "", "=1", " d ")))
        cut = draw(st.integers(0, len(pieces)))
        parts = [one_of(draw, ("; ", ";")).join(part) for part in (pieces[:cut], pieces[cut:]) if part]
        fields += [(b"Cookie", part.encode("latin-1")) for part in parts]
    fields += [(b"X-Forwarded-For", value.encode("ascii")) for value in draft.forwarded_for]
    if draft.forwarded_proto is not None:
        fields.append((b"X-Forwarded-Proto", draft.forwarded_proto.encode("ascii")))
    if chance(draw, 10):
        fields.append((b"traceparent", f"00-{draft.trace:032x}-{1:016x}-01".encode("ascii")))
    target = draft.raw_path + ("" if draft.raw_query is None else "?" + draft.raw_query)
    if chance(draw, 5):
        target = f"http://{draft.raw_host}{target}"
    raw = RawRequest(
        method=draft.method.encode("latin-1"),
        target=target.encode("latin-1", "replace"),
        version=(1, 0) if hostless else (1, 1),
        fields=tuple(fields),
        peer=None if draft.peer is None else ip_address(draft.peer),
        tls=draft.tls,
        sni=draft.sni,
        trace_id=draft.trace.to_bytes(16, "big"),
    )
    return Asked(raw, draft.address, draft.late)
