"""Hypothesis strategies for small configurations, as data in the tree of schema/config.schema.json.

Owns what a configuration of the property tests may look like: every predicate, groups in groups, defaults,
matchers, several listeners. All are free of errors; most of their routes overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from . import alphabet
from .reading import Config, as_list

Draw = Callable[[st.SearchStrategy[Any]], Any]
TLS = {"certificates": [{"certificate": "tls.pem", "key": "tls.key"}]}
"""Nobody opens the files: what they hold is no matter of matching."""

PATH_KINDS = ("path", "path-prefix", "path-template", "path-regex")
REPEATABLE = frozenset({"header", "query", "cookie", "not", "use"})

# A key stands as often as it shall be drawn; "path" is any of the four kinds.
COMMON = ("host", "host", "path", "path", "path", "method", "header", "query", "cookie")
RARE = ("client-ip", "scheme", "listener", "sni", "sample", "model", "stream", "tools", "not", "use")
KEYS = COMMON + COMMON + RARE


@dataclass(frozen=True)
class Surroundings:
    """What a block may refer to: listeners by name, matchers with the keys they bring, segments of paths."""

    listeners: tuple[str, ...]
    matchers: tuple[tuple[str, frozenset[str]], ...]
    segments: tuple[str, ...]
    empty_segments: bool


def one_of(draw: Draw, words: Sequence[Any]) -> Any:
    """One of the words."""
    return draw(st.sampled_from(words))


def some_of(draw: Draw, words: Sequence[Any], most: int = 2) -> Any:
    """One word by itself, or a list of different ones."""
    chosen = draw(st.lists(st.sampled_from(words), min_size=1, max_size=most, unique=True))
    return chosen[0] if len(chosen) == 1 and draw(st.booleans()) else chosen


def chance(draw: Draw, percent: int) -> bool:
    """True in about so many cases of a hundred; shrinks to False."""
    return bool(draw(st.integers(0, 99)) >= 100 - percent)


# --- predicates ------------------------------------------------------------------------------------------


def path_text(draw: Draw, around: Surroundings) -> str:
    """A path in the normal form of the listeners."""
    segments = draw(st.lists(st.sampled_from(around.segments), max_size=3))
    if around.empty_segments and segments and chance(draw, 40):
        segments.insert(draw(st.integers(0, len(segments) - 1)), "")
    return "/" + "/".join(segments) + ("/" if segments and chance(draw, 20) else "")


def template_text(draw: Draw, around: Surroundings) -> str:
    """A template: literal segments, parameters with names of their own, sometimes a rest."""
    segments = [
        name if chance(draw, 60) else one_of(draw, around.segments)
        for name in ("{x}", "{y}", "{z}")[: draw(st.integers(0, 3))]
    ]
    if chance(draw, 40):
        segments.append("{rest...}")
    elif not segments:
        segments.append("{x}")
    elif chance(draw, 10):
        segments.append("")
    return "/" + "/".join(segments)


def path_value(draw: Draw, kind: str, around: Surroundings) -> Any:
    """The value of one of the path keys."""
    if kind == "path-regex":
        return some_of(draw, alphabet.PATH_REGEXES)
    text = template_text if kind == "path-template" else path_text
    texts = [text(draw, around) for _ in range(draw(st.sampled_from((1, 1, 2))))]
    return texts[0] if len(texts) == 1 and draw(st.booleans()) else texts


def host_value(draw: Draw) -> Any:
    """Names, wildcards, regular expressions, in the short and the long form."""
    names = alphabet.WRITTEN_HOSTS + alphabet.WILDCARDS * 2
    form = draw(st.integers(0, 9))
    if form < 7:
        return some_of(draw, names, 3)
    if form < 9:
        return {"regex": some_of(draw, alphabet.HOST_REGEXES)}
    return {"name": some_of(draw, names), "regex": some_of(draw, alphabet.HOST_REGEXES)}


def field_value(draw: Draw, names: Sequence[str]) -> Any:
    """One `header`, `query` or `cookie` predicate."""
    name = one_of(draw, names)
    form = draw(st.integers(0, 11))
    if form == 0:
        return name
    if form == 1:
        return {"name": name}
    if form == 2:
        return {"name": name, "present": draw(st.booleans())}
    if form in (3, 4):
        low, high = sorted((one_of(draw, alphabet.NUMBERS), one_of(draw, alphabet.NUMBERS)))
        bounds = one_of(draw, ({"min": low}, {"max": high}, {"min": low, "max": high}))
        return {"name": name, **bounds}
    operator, words = {
        5: ("prefix", alphabet.PIECES),
        6: ("suffix", alphabet.PIECES),
        7: ("contains", alphabet.PIECES),
        8: ("regex", alphabet.VALUE_REGEXES),
    }.get(form, ("value", alphabet.VALUES))
    predicate = {"name": name, operator: some_of(draw, words)}
    if chance(draw, 25):
        predicate["ignore-case"] = draw(st.booleans())
    return predicate


def fields_value(draw: Draw, names: Sequence[str]) -> Any:
    """One or two of them."""
    values = [field_value(draw, names) for _ in range(draw(st.sampled_from((1, 1, 1, 2))))]
    return values[0] if len(values) == 1 and draw(st.booleans()) else values


def block(draw: Draw, around: Surroundings, *, depth: int = 0, most: int = 4) -> dict[str, Any]:
    """A block of predicates; `depth` counts the `not` around it."""
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=most, unique=True))
    made: dict[str, Any] = {}
    taken: set[str] = set()
    for key in keys:
        if key == "path":
            kind = one_of(draw, PATH_KINDS)
            made[kind] = path_value(draw, kind, around)
        elif key == "host":
            made[key] = host_value(draw)
        elif key == "header":
            made[key] = fields_value(draw, alphabet.HEADERS)
        elif key == "query":
            made[key] = fields_value(draw, alphabet.QUERIES)
        elif key == "cookie":
            made[key] = fields_value(draw, alphabet.COOKIES)
        elif key == "listener":
            if around.listeners:
                made[key] = some_of(draw, around.listeners)
        elif key in WORDS:
            made[key] = some_of(draw, WORDS[key])
        elif key == "sample":
            made[key] = one_of(draw, alphabet.SHARES)
        elif key in ("stream", "tools"):
            made[key] = draw(st.booleans())
        elif key == "not":
            if depth < 2:
                inner = [
                    block(draw, around, depth=depth + 1, most=2)
                    for _ in range(draw(st.sampled_from((1, 1, 2))))
                ]
                made[key] = inner[0] if len(inner) == 1 and draw(st.booleans()) else inner
        elif key == "use":
            taken |= {"path" if each in PATH_KINDS else each for each in keys}
            names: list[str] = []
            for name, brings in draw(st.permutations(around.matchers)):
                if not brings & taken and len(names) < 2:
                    names.append(name)
                    taken |= brings
            if names:
                made[key] = names[0] if len(names) == 1 and draw(st.booleans()) else names
    return made or {"method": "GET"}


WORDS = {
    "method": alphabet.METHODS,
    "client-ip": alphabet.NETWORKS,
    "scheme": ("http", "https"),
    "sni": ("a.test", "b.test", "*.test", "*.a.test"),
    "model": alphabet.GLOBS,
}


def sibling(draw: Draw, around: Surroundings, base: Config) -> dict[str, Any]:
    """A block that differs from another in a key or two: taken out, put in, or said otherwise."""
    made = dict(base)
    if len(made) > 1 and chance(draw, 50):
        del made[one_of(draw, sorted(made))]
    if "use" not in made:
        other = block(draw, around, most=2)
        if set(other) & set(PATH_KINDS):
            made = {key: value for key, value in made.items() if key not in PATH_KINDS}
        if "use" not in other:
            made.update(other)
    return made or {"method": "GET"}


def blocks(draw: Draw, around: Surroundings, seen: list[Config]) -> Any:
    """A `matches`: one block or several, some like those that were `seen` before."""
    made = []
    for _ in range(draw(st.sampled_from((1, 1, 1, 2)))):
        if seen and chance(draw, 50):
            made.append(sibling(draw, around, one_of(draw, seen)))
        else:
            made.append(block(draw, around))
    seen += made
    return made[0] if len(made) == 1 and draw(st.booleans()) else made


# --- the parts of a configuration ------------------------------------------------------------------------


def listener_set(draw: Draw) -> list[dict[str, Any]]:
    """Up to four listeners on up to three addresses, no two of one address with the same scope."""
    made: list[dict[str, Any]] = []
    used: set[tuple[str, str]] = set()
    for number in range(draw(st.sampled_from((0, 1, 1, 2, 3, 4)))):
        addresses = (
            as_list(some_of(draw, alphabet.PLAIN_ADDRESSES)) if chance(draw, 75) else [alphabet.TLS_ADDRESS]
        )
        scope = as_list(some_of(draw, alphabet.SCOPES)) if chance(draw, 50) else []
        claims = {(address, host) for address in addresses for host in scope or [""]}
        if claims & used:
            continue
        used |= claims
        listener: dict[str, Any] = {"listener": f"l{number}", "address": addresses}
        if scope:
            listener["host"] = scope
        if addresses == [alphabet.TLS_ADDRESS]:
            listener["protocol"] = "https"
            listener["tls"] = TLS
        if chance(draw, 40):
            listener["trusted-proxies"] = some_of(draw, ("10.0.0.0/8", "2001:db8::/32", "192.0.2.7"))
        if chance(draw, 25):
            listener["path-normalisation"] = some_of(draw, alphabet.PATH_OPTIONS)
        made.append(listener)
    return made


def surroundings(listeners: Sequence[Config]) -> Surroundings:
    """What blocks may say where these listeners are."""

    def everywhere(option: str) -> bool:
        return bool(listeners) and all(
            option in as_list(each.get("path-normalisation", [])) for each in listeners
        )

    segments: tuple[str, ...] = alphabet.SEGMENTS
    if everywhere("keep-encoded-slash"):
        segments += alphabet.ENCODED_SLASH_SEGMENTS
    names = tuple(each["listener"] for each in listeners)
    return Surroundings(names, (), segments, everywhere("keep-repeated-slashes"))


def matcher_set(draw: Draw, around: Surroundings) -> tuple[list[dict[str, Any]], Surroundings]:
    """Up to three named conditions, each of which may use those before it."""
    made: list[dict[str, Any]] = []
    for number in range(draw(st.sampled_from((0, 1, 2, 3)))):
        name = f"m{number}"
        content = block(draw, around, most=2)
        brought = dict(around.matchers)
        brings = {"path" if key in PATH_KINDS else key for key in content if key not in REPEATABLE}
        for used in as_list(content.get("use", [])):
            brings |= brought[used]
        made.append({"matcher": name, **content})
        around = Surroundings(
            around.listeners,
            (*around.matchers, (name, frozenset(brings))),
            around.segments,
            around.empty_segments,
        )
    return made, around


def route_set(
    draw: Draw, around: Surroundings, names: list[str], seen: list[Config], depth: int
) -> list[dict[str, Any]]:
    """Routes, and groups with routes; groups nest to two."""
    made: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 6 if depth == 0 else 2))):
        entry: dict[str, Any]
        if depth < 2 and chance(draw, 30):
            entry = {"group": f"g{depth}"}
            if chance(draw, 80):
                entry["matches"] = blocks(draw, around, seen)
            if chance(draw, 15):
                entry["priority"] = one_of(draw, alphabet.PRIORITIES)
            entry["routes"] = route_set(draw, around, names, seen, depth + 1)
        else:
            names.append(f"r{len(names)}")
            entry = {"route": names[-1]}
            if chance(draw, 90):
                entry["matches"] = blocks(draw, around, seen)
            if chance(draw, 20):
                entry["priority"] = one_of(draw, alphabet.PRIORITIES)
            entry["respond"] = {"status": 200}
        made.append(entry)
    return made


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """A small configuration without errors."""
    made: dict[str, Any] = {}
    listeners = listener_set(draw)
    if listeners:
        made["listeners"] = listeners
    matchers, around = matcher_set(draw, surroundings(listeners))
    if matchers:
        made["matchers"] = matchers
    if chance(draw, 15):
        made["defaults"] = {"priority": one_of(draw, alphabet.PRIORITIES)}
    made["routes"] = route_set(draw, around, [], [], 0)
    return made


# --- many routes at one place ----------------------------------------------------------------------------

CROWDED_SEGMENTS = ("a", "b", "ab", "{p}")
CROWDED_HOSTS: tuple[dict[str, Any], ...] = (
    *({}, {}, {}),
    *({"host": "a.test"}, {"host": "*.test"}, {"host": "*.a.test"}, {"host": {"regex": ".*t"}}),
)
CROWDED_HEADERS: tuple[dict[str, Any], ...] = (
    {},
    *({"header": {"name": "x-a", "value": value}} for value in ("1", "2", "3", ["1", "4"], ["2", "2", "3"])),
    *({"header": {"name": "X-B", "value": value}} for value in ("1", "2", "")),
    {"header": [{"name": "x-a", "value": "1"}, {"name": "x-b", "value": "2"}]},
    {"header": {"name": "x-a", "value": "A", "ignore-case": True}},
    {"header": "x-a"},
)
CROWDED_REST: tuple[dict[str, Any], ...] = (
    {"listener": "l0"},
    {"not": {"method": "GET"}},
    {"sample": "50%"},
    {"stream": True},
    {"query": "q"},
    {"method": ["POST", "GET"]},
    *({}, {}, {}, {}),
    {"method": "GET"},
    {},
)
"""The last ones are the usual ones."""


def crowded_path(segments: Sequence[str], form: int) -> dict[str, Any]:
    """The path predicate of some segments, parameters named by their places."""
    named = [each.replace("p", f"p{place}") for place, each in enumerate(segments)]
    text = "/" + "/".join(named)
    if form == 0 and "{" not in text:
        return {"path": text}
    if form == 1:
        return {"path-template": (text if named else "") + "/{rest...}"}
    if form == 2 and named and "{" not in text:
        return {"path-regex": text + "(?:/.*)?"}
    if "{" in text:
        return {"path-template": text}
    return {"path-prefix": text + ("/" if form == 3 and named else "")}


CROWDS = {
    # kind: (fewest routes, segments at most, host choices, header choices, other choices)
    "shapes": (16, 4, 1, 1, 1),
    "tenants": (14, 1, 1, 9, 2),
    "mixed": (4, 3, 7, 11, 12),
}


@st.composite
def crowded_configs(draw: st.DrawFn) -> Config:
    """Many routes that differ in the shape of their paths, or in one header, or in little else."""
    fewest, deepest, hosts, headers, others = CROWDS[draw(st.sampled_from(sorted(CROWDS)))]
    routes = draw(
        st.lists(
            st.tuples(
                st.sampled_from(CROWDED_HOSTS[:hosts]),
                st.lists(st.sampled_from(CROWDED_SEGMENTS), min_size=min(deepest, 2), max_size=deepest),
                st.integers(0, 4),
                st.sampled_from(CROWDED_HEADERS[:headers]),
                st.sampled_from(CROWDED_REST[-others:]),
                st.sampled_from((0, 0, 0, 0, 0, 0, 1, -1)),
            ),
            min_size=fewest,
            max_size=40,
        )
    )
    listener = {"listener": "l0", "address": "127.0.0.1:8080"}
    if chance(draw, 40):
        listener["path-normalisation"] = "keep-repeated-slashes"
    return {
        "listeners": [listener],
        "routes": [
            {
                "route": f"r{number}",
                "matches": {**host, **crowded_path(path, form), **header, **rest},
                **({"priority": priority} if priority else {}),
                "respond": {"status": 200},
            }
            for number, (host, path, form, header, rest, priority) in enumerate(routes)
        ],
    }
