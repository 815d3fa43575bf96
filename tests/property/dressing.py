"""Hypothesis strategies for what routes do: actions, rewrites, header rules, upstreams.

Owns the settings that matching never looks at and that every form of a table must carry. They are laid over a
configuration of `strategies.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from .oracle import expand
from .reading import Config
from .strategies import Draw, chance, configs, one_of

UPSTREAMS = ("u0", "u1", "u-2")
NAMES = ("x-env", "x-via", "Server", "x-User", "x-trace")
VALUES = (
    "",
    "1",
    "prod",
    "é",
    "${req.host}",
    "a ${client-ip} b",
    "$${no}",
    'say "x"',
    "a\\b",
    "true",
    "12",
    "~",
)
PATHS = ("/", "/new", "/a/b/", "/c%20d")
BODIES = ("", "no\n", "é {x}\n\ttab", '"quoted" \\ slash', "#true", "- a: b", "a\r\nb", "long " * 30)


@st.composite
def dressed_configs(draw: st.DrawFn) -> Config:
    """A configuration whose routes do all that routes can."""
    config = dict(draw(configs()))
    upstreams = draw(st.lists(st.sampled_from(UPSTREAMS), min_size=1, unique=True))
    config["upstreams"] = [upstream(draw, name) for name in upstreams]
    prefixed: dict[str, bool] = {}
    for each in expand(config):
        is_prefix = each.path is not None and each.path.kind == "prefix"
        prefixed[each.route] = prefixed.get(each.route, True) and is_prefix
    config["routes"] = [dressed(draw, entry, upstreams, prefixed) for entry in config["routes"]]
    if chance(draw, 30):
        config["defaults"] = {**config.get("defaults", {}), "response-headers": header_rules(draw)}
    keys = draw(st.permutations(sorted(config)))
    return {key: config[key] for key in keys}


def dressed(draw: Draw, entry: Config, upstreams: list[str], prefixed: Mapping[str, bool]) -> dict[str, Any]:
    """The route or group with settings."""
    made = dict(entry)
    if "group" in made:
        if chance(draw, 30):
            made["request-headers"] = header_rules(draw)
        made["routes"] = [dressed(draw, each, upstreams, prefixed) for each in entry["routes"]]
        return made
    del made["respond"]
    kind = one_of(draw, ("upstream", "split", "redirect", "respond"))
    is_prefixed = prefixed[entry["route"]]
    if kind == "upstream":
        made[kind] = one_of(draw, upstreams)
    elif kind == "split":
        made[kind] = split(draw, upstreams, is_prefixed)
    else:
        made[kind] = redirect(draw, is_prefixed) if kind == "redirect" else respond(draw)
    if kind in ("upstream", "split"):
        if chance(draw, 40):
            made["rewrite"] = rewrite(draw, is_prefixed)
        if chance(draw, 40):
            made["request-headers"] = header_rules(draw)
    if chance(draw, 30):
        made["response-headers"] = header_rules(draw)
    return made


def upstream(draw: Draw, name: str) -> dict[str, Any]:
    """An upstream of one to three targets."""
    targets: list[Any] = []
    for number in range(draw(st.integers(1, 3))):
        address = one_of(draw, (f"10.0.0.{number}:80", "[2001:db8::1]:8080", "unix:/run/x", "${env:HOST}:80"))
        weighted = {"target": address, "weight": draw(st.integers(0, 3))}
        targets.append(one_of(draw, (address, {"target": address}, weighted)))
    return {"upstream": name, "targets": targets}


def header_rules(draw: Draw) -> dict[str, Any]:
    """Rules for different names."""
    names = list(draw(st.permutations(NAMES)))
    made: dict[str, Any] = {}
    for kind in draw(st.lists(st.sampled_from(("rename", "set", "add", "remove")), min_size=1, unique=True)):
        if kind == "remove":
            made[kind] = names.pop()
        elif kind == "rename":
            made[kind] = [{"from": names.pop(), "to": "x-renamed"}]
        else:
            made[kind] = [{"name": names.pop(), "value": one_of(draw, VALUES)}]
    return made


def rewrite(draw: Draw, is_prefixed: bool) -> dict[str, Any]:
    """A rewrite; of a prefix only where every alternative has one."""
    made: dict[str, Any] = {}
    if chance(draw, 40):
        made["host"] = one_of(draw, ("inner.test", "Inner.Test."))
    way = one_of(draw, ("path", "template", *(("prefix", "prefix") if is_prefixed else ())))
    if way == "prefix":
        made[way] = one_of(draw, ("", *PATHS))
    elif way == "template":
        made[way] = one_of(draw, ("/v1${req.path}", "/plain", "/x/${req.host}"))
    elif not made or chance(draw, 50):
        made[way] = one_of(draw, PATHS)
    return made


def split(draw: Draw, upstreams: list[str], is_prefixed: bool) -> list[dict[str, Any]]:
    """Parts of a split."""
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        part: dict[str, Any] = {"upstream": one_of(draw, upstreams)}
        if chance(draw, 60):
            part["weight"] = draw(st.integers(0, 3))
        if chance(draw, 30):
            part["request-headers"] = header_rules(draw)
        if chance(draw, 30):
            part["rewrite"] = rewrite(draw, is_prefixed)
        parts.append(part)
    return parts


def redirect(draw: Draw, is_prefixed: bool) -> dict[str, Any]:
    """A redirect."""
    made: dict[str, Any] = {"status": one_of(draw, (301, 302, 303, 307, 308))}
    if chance(draw, 30):
        made["scheme"] = one_of(draw, ("http", "https"))
    if chance(draw, 30):
        made["host"] = "www.test"
    if chance(draw, 30):
        made["port"] = one_of(draw, (80, 443, 8443))
    if chance(draw, 50):
        made["prefix" if is_prefixed else "path"] = one_of(draw, PATHS)
    if chance(draw, 30):
        made["query"] = one_of(draw, ("keep", "strip"))
    return made


def respond(draw: Draw) -> dict[str, Any]:
    """A fixed reply."""
    made: dict[str, Any] = {"status": one_of(draw, (200, 204, 404, 599))}
    if chance(draw, 50) and made["status"] != 204:
        made["body"] = one_of(draw, BODIES)
    if chance(draw, 40):
        made["headers"] = [{"header": one_of(draw, NAMES), "value": one_of(draw, VALUES)}]
    return made
