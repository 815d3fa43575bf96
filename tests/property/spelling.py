"""A configuration written down: the same data as KDL and as YAML.

Owns two tiny printers that know the tree of schema/config.schema.json by heart and share nothing with the
code that reads it. `style` picks among spellings that mean the same: 0 is the plainest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from .reading import Config, as_list

TAGS = {"listeners": "listener", "upstreams": "upstream", "routes": "route", "split": "upstream"}
"""Lists whose objects are KDL nodes in a block of the list's name, and the key that names each object."""

FIELD_KEYS = ("header", "query", "cookie")
RULE_ARGUMENTS = {"set": ("name", "value"), "add": ("name", "value"), "rename": ("from", "to")}
AS_PROPERTIES = ("priority", "weight", "public-port", "protocol")
BARE = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
WORDS = frozenset({"true", "false", "null", "inf", "nan"})


# --- KDL -------------------------------------------------------------------------------------------------


def kdl(config: Config, style: int = 0) -> str:
    """The configuration in KDL."""
    printer = Kdl(Random(style) if style else None)
    return "".join(f"{line}\n" for line in printer.top(config))


class Kdl:
    """Prints nodes as lines; `chance` is None for the plainest spelling."""

    def __init__(self, chance: Random | None) -> None:
        self.chance = chance

    def maybe(self, percent: int) -> bool:
        """Whether to leave the plain way; never without a style."""
        return self.chance is not None and self.chance.randrange(100) < percent

    def top(self, config: Config) -> Iterator[str]:
        """The top level."""
        for key, value in config.items():
            if key == "matchers":
                for each in value:
                    yield from self.tagged("matcher", each)
            elif key == "include":
                yield from self.node(key, self.scalars(as_list(value)), [])
            elif key == "defaults":
                yield from self.node("defaults", [], self.members(value))
            else:
                yield from self.node(key, [], self.block(key, value))

    def block(self, key: str, values: list[Config]) -> list[str]:
        """The nodes of a tagged list."""
        return [
            line for each in values for line in self.tagged("group" if "group" in each else TAGS[key], each)
        ]

    def tagged(self, tag: str, value: Config) -> list[str]:
        """A node whose first argument is its name; what is left are its members."""
        rest = {key: each for key, each in value.items() if key != tag}
        brief = [key for key in AS_PROPERTIES if key in rest and self.maybe(50)]
        words = [self.scalar(value[tag]), *(f"{key}={self.scalar(rest.pop(key))}" for key in brief)]
        return self.node(tag, words, self.members(rest))

    def members(self, value: Config) -> list[str]:
        """The children of an object, key after key."""
        lines: list[str] = []
        for key, each in value.items():
            lines += self.member(key, each)
        return lines

    def member(self, key: str, value: Any) -> list[str]:
        """The node or nodes of one key."""
        if key in ("matches", "not"):
            return [line for each in as_list(value) for line in self.node(key, [], self.members(each))]
        if key in FIELD_KEYS:
            return [line for each in as_list(value) for line in self.field(key, each)]
        if key == "host" and isinstance(value, Mapping):
            return self.host(value)
        if key == "routes":
            return self.block("routes", value)
        if key == "split":
            return self.node(key, [], self.block(key, value))
        if key == "tls":
            inside = [
                f"certificate {self.scalar(each['certificate'])} key={self.scalar(each['key'])}"
                for each in value["certificates"]
            ]
            return self.node("tls", [], inside)
        if key == "targets":
            return [line for each in value for line in self.target(each)]
        if key == "headers":
            return [f"header {self.scalar(each['header'])} {self.quoted(each['value'])}" for each in value]
        if key in ("request-headers", "response-headers"):
            return self.node(
                key, [], [line for kind, rules in value.items() for line in self.rules(kind, rules)]
            )
        if isinstance(value, Mapping):
            if "headers" in value or self.maybe(30):
                return self.node(key, [], self.members(value))
            return self.node(key, [f"{name}={self.scalar(each)}" for name, each in value.items()], [])
        values = as_list(value)
        if key in ("address", "use", "trusted-proxies") and len(values) > 1 and self.maybe(30):
            return [f"{key} {self.scalar(each)}" for each in values]
        return self.node(key, self.scalars(values), [])

    def field(self, key: str, value: Any) -> list[str]:
        """A `header`, `query` or `cookie` node."""
        if isinstance(value, str):
            return self.node(key, [self.scalar(value)], [])
        words = [self.scalar(value["name"]), *map(self.quoted, as_list(value.get("value", [])))]
        children = []
        for name, each in value.items():
            if name in ("name", "value"):
                continue
            values = as_list(each)
            if len(values) > 1 or self.maybe(20):
                children.append(" ".join((name, *self.scalars(values))))
            else:
                words.append(f"{name}={self.scalar(values[0])}")
        return self.node(key, words, children)

    def host(self, value: Config) -> list[str]:
        """A `host` node with regular expressions."""
        words = self.scalars(as_list(value.get("name", [])))
        regexes = as_list(value.get("regex", []))
        if len(regexes) == 1 and not self.maybe(20):
            return self.node("host", [*words, f"regex={self.scalar(regexes[0])}"], [])
        children = [" ".join(("regex", *self.scalars(regexes)))] if regexes else []
        return self.node("host", words, children)

    def target(self, value: Any) -> list[str]:
        """A `target` node."""
        return [f"target {self.scalar(value)}"] if isinstance(value, str) else self.tagged("target", value)

    def rules(self, kind: str, rules: Any) -> list[str]:
        """The nodes of header rules of one kind."""
        if kind == "remove":
            return [" ".join((kind, *self.scalars(as_list(rules))))]
        first, second = RULE_ARGUMENTS[kind]
        return [f"{kind} {self.scalar(each[first])} {self.quoted(each[second])}" for each in as_list(rules)]

    def node(self, name: str, words: list[str], children: list[str]) -> list[str]:
        """One node; a block without children is left out."""
        head = " ".join((name, *words))
        comment = ["// a comment about what follows"] if self.maybe(10) else []
        if not children:
            return [*comment, head + (" // and one behind" if self.maybe(5) else "")]
        if len(children) == 1 and "//" not in children[0] and self.maybe(40):
            return [*comment, f"{head} {{ {children[0]} }}"]
        return [*comment, head + " {", *(f"    {line}" for line in children), "}"]

    def scalars(self, values: list[Any]) -> list[str]:
        """Arguments; a bare word stands first only, since behind others it looks like a node run together."""
        return [self.quoted(each) if place else self.scalar(each) for place, each in enumerate(values)]

    def scalar(self, value: Any) -> str:
        """A value; text that can do without quotes sometimes does."""
        text = str(value)
        if isinstance(value, str) and BARE.fullmatch(text) and text not in WORDS and self.maybe(50):
            return text
        return self.quoted(value)

    def quoted(self, value: Any) -> str:
        """A value, text in quotes."""
        if isinstance(value, bool):
            return "#true" if value else "#false"
        if isinstance(value, int):
            return str(value)
        text = str(value)
        if text.isprintable() and '"#' not in text and self.maybe(20):
            return f'#"{text}"#'
        escaped = "".join(ESCAPES.get(c, c) for c in text)
        return f'"{escaped}"'


ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


# --- YAML ------------------------------------------------------------------------------------------------


def yaml(config: Config, style: int = 0) -> str:
    """The configuration in YAML."""
    chance = Random(style) if style else None
    return "".join(f"{line}\n" for line in yaml_lines(config, chance))


def yaml_lines(value: Any, chance: Random | None) -> Iterator[str]:
    """The lines of a mapping or a list in block style; some in flow style where there is a choice."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if chance is not None and chance.randrange(12) == 0:
                yield "# a comment about what follows"
            if is_short(each) or (chance is not None and chance.randrange(8) == 0):
                yield f"{key}: {yaml_flow(each, chance)}"
            else:
                yield f"{key}:"
                yield from (f"  {line}" for line in yaml_lines(each, chance))
    else:
        for each in value:
            if is_short(each):
                yield f"- {yaml_flow(each, chance)}"
                continue
            marker = "- "
            for line in yaml_lines(each, chance):
                yield marker + line
                marker = "  "


def is_short(value: Any) -> bool:
    """A scalar or a list of scalars."""
    if isinstance(value, list):
        return all(not isinstance(each, Mapping | list) for each in value)
    return not isinstance(value, Mapping)


def yaml_flow(value: Any, chance: Random | None) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {yaml_flow(each, chance)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(yaml_flow(each, chance) for each in value) + "]"
    if isinstance(value, str) and chance is not None and BARE.fullmatch(value) and chance.randrange(2):
        return value if value.lower() not in WORDS | {"null", "true", "false"} else f'"{value}"'
    if isinstance(value, str) and chance is not None and value.isprintable() and chance.randrange(4) == 0:
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value, ensure_ascii=False)
