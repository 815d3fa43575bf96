"""Configurations made from the schema's shapes, as JSON data, and what spoils them.

Every form that the schema allows is made: scalars for lists of one, short forms of objects, optional keys in
any order. Text with a format is drawn from values of that format.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cache
from typing import Any

from gwc.compiler.validate.shape import (
    ROOT,
    Block,
    Key,
    Nodes,
    ObjectShape,
    Scalar,
    Tagged,
    Values,
    language,
)
from hypothesis import strategies as st

Json = Any

OF_FORMAT: Mapping[str, list[str]] = {
    "name": ["a", "orders", "orders-next", "v1.2/x:y", "A_b", "no", "0", "22", "1e3", "null", "true"],
    "address": ["10.0.0.1:8080", "[::1]:80", "a.b:1", "unix:/run/x.sock", "${env:HOST}:80", "${file:/a b}"],
    "host-name": ["api.example.com", "*.example.net", "192.0.2.7", "[::1]", "a_b", "UPPER.example"],
    "plain-host": ["orders.internal", "192.0.2.7", "[2001:db8::1]"],
    "country": ["DE", "gb"],
    "token-secret": ["0123456789abcdef0123456789abcdef", "${env:S}"],
    "key-hash": ["sha256:" + "0f" * 32, "${file:/run/h}"],
    "cidr": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7", "::/0"],
    "path": ["/", "/orders", "/a b", "/é", "/a/b/", "/%2F"],
    "path-template": ["/users/{id}", "/files/{rest...}", "/"],
    "path-value": ["/v2/${path.id}", "/x"],
    "replacement": ["", "/", "/v2"],
    "regex": ["a+", "[0-9]{2,3}", "é|(?P<x>.)", "\\\\\\d", ""],
    "method": ["GET", "HEAD", "get", "M-SEARCH", "null"],
    "field-name": ["x-version", "X-Debug", "accept"],
    "cookie-name": ["beta", "SID", "a.b"],
    "field-value": ["", "prod", 'a "b" \\ c', "${req.host}", "$${x", "# no comment", "é: ü", "tab\there"],
    "origin": ["*", "https://a.test", "http://*.a.test:81", "capacitor://localhost"],
    "plain-value": ["x", "default-src 'self'", "${x"],
    "share": ["5%", "0.25%", "100%"],
    "statuses": ["404", "5xx", "500-504"],
    "secret": ["${env:SECRET}", "0123456789abcdef", "${file:/run/secret}x"],
    "glob": ["*", "gpt-*", "a/b*", "é"],
    "target-address": ["10.0.0.1:8080", "srv:_http._tcp.example.com", "srv:${env:NAME}", "unix:/run/x.sock"],
    "own-address": ["off", "127.0.0.1:9100", "unix:/run/gwc.sock", "${env:ADDRESS}:80"],
    "server-name": ["orders.internal", "${env:NAME}", "[2001:db8::1]"],
    "duration": ["30s", "1ms", "1h30m"],
    "timeout": ["off", "30s", "250ms"],
    "size-limit": ["off", "1B", "10MiB"],
    "part-size": ["256B", "8KiB", "16MiB"],
    "media-type": ["text/*", "application/json", "*/*+xml"],
    "content-type": ["text/html", "text/html; charset=utf-8"],
    "file": ["ca.pem", "/etc/gwc/a b.pem", "${env:DIR}/x"],
    "absolute-path": ["/var/lib/gwc", "${env:DIR}/x"],
    "log-path": ["off", "stdout", "stderr", "/var/log/x", "${file:/a}"],
    "url": ["http://127.0.0.1:4318", "https://a.example/x?y", "${env:ENDPOINT}"],
    "include-pattern": ["routes/*.kdl"],
}

TEXT = st.one_of(
    st.sampled_from(
        ["", "a", "on", "~", "3", "1.0", "- x", "a: b", "#", "{}", "'", '"', "\\", " a ", "*", "&a"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)


@cache
def scalars(scalar: Scalar) -> st.SearchStrategy[Json]:
    """Values that a scalar place takes."""
    kinds: list[st.SearchStrategy[Json]] = []
    if scalar.choices:
        kinds.append(st.sampled_from(scalar.choices))
    if scalar.text and scalar.format is not None:
        kinds.append(st.sampled_from(OF_FORMAT[scalar.format]))
    elif scalar.text:
        shortest = scalar.min_length or 0
        kinds.append(TEXT.filter(lambda text: len(text) >= shortest))
    if scalar.integer:
        kinds.append(st.integers(scalar.minimum, scalar.maximum))
    if scalar.flag:
        kinds.append(st.booleans())
    return st.one_of(kinds)


@st.composite
def objects(draw: st.DrawFn, shape: ObjectShape, depth: int) -> Json:
    """An object with the keys that it needs and some others."""
    keys = [key for key in shape.keys.values() if key.name in shape.required]
    keys += draw(_some_keys(shape, depth))
    missing = shape.min_keys - len(keys)
    if missing > 0:
        others = [key for key in shape.keys.values() if key not in keys and _is_flat(key)]
        keys += others[:missing]
    made = {key.name: draw(values(key, depth - 1)) for key in keys if key.name != shape.tag}
    items = list(made.items())
    if shape.tag is not None:
        tag = draw(scalars(_scalar(shape.keys[shape.tag])))
        items.insert(draw(st.sampled_from([0, 0, 0, len(items)])), (shape.tag, tag))
    return dict(items)


@cache
def _some_keys(shape: ObjectShape, depth: int) -> st.SearchStrategy[list[Key]]:
    """Up to three optional keys, in any order."""
    optional = [key for key in shape.keys.values() if key.name not in shape.required]
    if depth <= 0:
        optional = [key for key in optional if isinstance(key.shape, Scalar | Values)]
    if not optional:
        return st.just([])
    return st.lists(st.sampled_from(optional), unique_by=lambda key: key.name, max_size=3)


def _is_flat(key: Key) -> bool:
    return isinstance(key.shape, Scalar | Values) or (
        isinstance(key.shape, Nodes | Block) and key.shape.short
    )


def _scalar(key: Key) -> Scalar:
    assert isinstance(key.shape, Scalar | Values)
    return key.shape.item if isinstance(key.shape, Values) else key.shape


@cache
def values(key: Key, depth: int) -> st.SearchStrategy[Json]:
    """What may stand under a key."""
    shape = key.shape
    match shape:
        case Scalar():
            return scalars(shape)
        case Values(item=item):
            return st.one_of(scalars(item), st.lists(scalars(item), min_size=1, max_size=3))
        case Block(object=name, short=short):
            return st.one_of(_object(name, depth), *_short(name, short, lists=True))
        case Nodes(object=name, short=short):
            one = st.one_of(_object(name, depth), *_short(name, short, lists=False))
            return st.one_of(one, st.lists(one, min_size=1, max_size=3))
        case Tagged(objects=by_tag, short=short):
            names = list(by_tag.values()) if depth > 0 else list(by_tag.values())[:1]
            kinds = [_object(name, depth) for name in names]
            return st.lists(
                st.one_of(*kinds, *_short(next(iter(by_tag.values())), short, lists=False)),
                min_size=1,
                max_size=3,
            )


@cache
def _object(name: str, depth: int) -> st.SearchStrategy[Json]:
    return st.deferred(lambda: objects(language().objects[name], depth))


def _short(name: str, short: bool, *, lists: bool) -> list[st.SearchStrategy[Json]]:
    """The scalar (or the list of them) that stands for an object with just its first argument."""
    shape = language().objects[name]
    if not short or (shape.required - set(shape.args)):
        return []
    filled = shape.args[0] if shape.args else shape.rest
    assert filled is not None
    one = scalars(_scalar(shape.keys[filled]))
    lists = lists and isinstance(shape.keys[filled].shape, Values)
    return [one, st.lists(one, min_size=1, max_size=3)] if lists else [one]


def configurations(depth: int = 4) -> st.SearchStrategy[Json]:
    """Whole configurations, without includes."""
    root = language().objects[ROOT]

    def without_include(data: Json) -> Json:
        return {key: value for key, value in data.items() if key != "include"}

    return objects(root, depth).map(without_include)


ANYTHING: st.SearchStrategy[Json] = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 200, 65536, 10**20, 1.5, "", "a", "GET", "low", "/x", "5%", "3"]),
    st.sampled_from([[], {}, ["a"], [["a"]], {"name": "a"}, {"a": "b"}, [{}], [None], {"upstream": "u"}]),
).map(copy.deepcopy)


@st.composite
def spoilt(draw: st.DrawFn) -> Json:
    """A configuration with one to three changes, each at any depth; most make it wrong."""
    data = copy.deepcopy(draw(configurations()))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(data))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(["drop", "replace", "replace", "wrap", "unwrap", "add", "rename"])):
            case "drop":
                del holder[key]
            case "replace":
                holder[key] = draw(ANYTHING)
            case "wrap":
                holder[key] = [holder[key]]
            case "unwrap" if isinstance(holder[key], list) and holder[key]:
                holder[key] = holder[key][0]
            case "add" if isinstance(holder, dict):
                holder[draw(st.sampled_from(ALL_KEYS))] = draw(ANYTHING)
            case "rename" if isinstance(holder, dict):
                holder[draw(st.sampled_from(ALL_KEYS))] = holder.pop(key)
    data.pop("include", None)
    return data


@st.composite
def bent(draw: st.DrawFn) -> Json:
    """A configuration that KDL can spell, with scalars replaced by others and keys taken away."""
    data = copy.deepcopy(draw(configurations()))
    for _ in range(draw(st.integers(1, 3))):
        places = [
            (holder, key)
            for holder, key in _places(data)
            if not isinstance(holder[key], dict | list) or (isinstance(holder, dict) and key not in TAGS)
        ]
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        if isinstance(holder[key], dict | list):
            del holder[key]
        else:
            holder[key] = draw(
                st.sampled_from([0, 1, -1, 200, 65536, 10**20, "", "a", "GET", "low", "/x", True])
            )
    return data


TAGS = {shape.tag for shape in language().objects.values()}

ALL_KEYS = sorted({name for shape in language().objects.values() for name in shape.keys} | {"x", "hosts"})


def _places(data: Json) -> list[tuple[Any, Any]]:
    """Every container with every key or index of it."""
    found: list[tuple[Any, Any]] = []
    pending = [data]
    while pending:
        holder = pending.pop()
        pairs = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for key, value in pairs:
            found.append((holder, key))
            if isinstance(value, dict | list):
                pending.append(value)
    return found
