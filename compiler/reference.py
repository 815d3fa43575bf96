"""The reference of the configuration language: docs/reference.md, made from the schema.

Owns the page: every key of every object with its type, default, meaning and an example in both syntaxes.
What a key means is said in the schema alone. `python -m gwc.compiler.reference` prints the page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from gwc.schema.config_schema import config_schema

from .format.emit_kdl import key_to_kdl
from .format.emit_yaml import key_to_yaml
from .validate.shape import ROOT, Block, Key, Nodes, ObjectShape, Scalar, Shape, Tagged, Values, language
from .validate.unknown import index
from .validate.words import counted, listed

_TITLES: Final[Mapping[str, str]] = {
    ROOT: "The top level",
    "listener": "`listener`",
    "listener-tls": "`tls` of a listener",
    "certificate": "`certificate`",
    "hsts": "`hsts`",
    "listener-limits": "`limits` of a listener",
    "listener-http2": "`http2` of a listener",
    "listener-timeouts": "`timeouts` of a listener",
    "upstream": "`upstream`",
    "target": "`target` of an upstream",
    "balance": "`balance`",
    "sticky-cookie": "`sticky-cookie`",
    "health": "`health`",
    "ejection": "`ejection`",
    "breaker": "`breaker`",
    "upstream-tls": "`tls` of an upstream",
    "upstream-connections": "`connections` of an upstream",
    "upstream-timeouts": "`timeouts` of an upstream",
    "upstream-names": "`names` of an upstream",
    "egress-proxy": "`egress-proxy`",
    "route": "`route`",
    "predicates": "`matches` and `not`",
    "host-predicate": "`host` of a condition",
    "header-predicate": "`header` of a condition",
    "query-predicate": "`query` of a condition",
    "cookie-predicate": "`cookie` of a condition",
    "matcher": "`matcher`",
    "split-part": "`upstream` of a split",
    "redirect": "`redirect`",
    "respond": "`respond`",
    "response-header": "`header` of a reply",
    "static-files": "`static-files`",
    "rewrite": "`rewrite`",
    "header-rules": "`request-headers` and `response-headers`",
    "compress": "`compress`",
    "decompress": "`decompress`",
    "error-pages": "`error-pages`",
    "error-page": "`page` of `error-pages`",
    "named-value": "`set` and `add`",
    "rename": "`rename`",
    "authentication": "`authenticate`",
    "api-key": "`api-key`",
    "named-key": "`key` of `api-key`",
    "basic": "`basic`",
    "jwt": "`jwt`",
    "required-claim": "`require` of `jwt`",
    "claim-header": "`header` of `jwt`",
    "forward-auth": "`forward-auth`",
    "client-certificate": "`client-certificate`",
    "geo": "`geo`",
    "route-timeouts": "`timeouts` of a route",
    "retries": "`retries`",
    "fallback": "`fallback`",
    "mirror": "`mirror`",
    "field-condition": "`header` of `retries` and `mirror`",
    "back-off": "`back-off` of `retries`",
    "retry-budget": "`budget` of `retries`",
    "route-limits": "`limits` of a route",
    "cors": "`cors`",
    "api-schema": "`api-schema`",
    "rate-limit": "`rate-limit`",
    "concurrency": "`concurrency`",
    "limit-key": "`key` of a limit",
    "security-headers": "`security-headers`",
    "trailers": "`trailers`",
    "agent": "`agent`",
    "agent-breaker": "`breaker` of an agent",
    "websocket": "`websocket`",
    "sticky": "`sticky`",
    "group": "`group`",
    "defaults": "`defaults`",
    "own-listener": "`admin` and `metrics`",
    "access-log": "`access-log`",
    "error-log": "`error-log`",
    "audit-log": "`audit-log`",
    "tracing": "`tracing`",
}
"""The sections in their order; a test holds them against the schema's objects."""

_INTRODUCTION: Final = """\
# Configuration reference

<!-- Made from schema/config.schema.json by `make docs`; changes go there. -->

A configuration is one tree, written in KDL or in YAML, whichever a file's name says; files of both may
include one another. This page has every key. How requests are read, matched and answered is in
[semantics.md](semantics.md).

How the two spell the tree:

| the tree | KDL | YAML |
|---|---|---|
| a value | a node with one argument, `priority "high"`, or a property of the node it belongs to, \
`weight=3` | `priority: high` |
| a list of values | a node with several arguments, `method "GET" "HEAD"` | `method: [GET, HEAD]`; one \
value may stand alone |
| an object | a node with a block, `rewrite { prefix "/v2" }` | a mapping |
| a list of objects | the node repeated | a list of mappings; one mapping may stand alone |
| a list of named objects | nodes named by their kind, `listeners { listener "public" { … } }` | a list of \
mappings, the kind first: `- listener: public` |
| true, false | `#true`, `#false` | `true`, `false` |

Text is text: in YAML too, `no`, `on`, `010` and `22:22` are not taken for something else. A key that is
not known, stands twice, or has no effect where it stands is an error. `${env:NAME}` and `${file:path}`
stand for a secret or an address that is known only where the gateway runs.
"""

_LAYERS: Final = """\
<a id="layers"></a>

## Overlays, variables and flags

An overlay (`--overlay prod.kdl`) is a partial configuration in the same language. It changes listeners,
upstreams, matchers, routes and groups that exist, by their names, `defaults`, and what is said of the gateway
as a whole; it adds no named thing. Values
and lists of values are replaced, objects are merged key by key, lists of objects are replaced whole.
Where one of several keys can stand (the action of a route), the overlay's takes the place of the other. A
route is found by its name whatever group it is in.

Single values are set by the flag `--set PATH=VALUE` and by variables `GWC_SET__PATH`. PATH is made of
keys and names: `listeners.public.address`, `routes.orders-read.priority`, `defaults.priority`; groups in
between are left out. In a variable two underscores separate, case does not matter, and `_` stands for
whatever a variable's name cannot have: `GWC_SET__ROUTES__ORDERS_READ__PRIORITY`. The values of a list
stand between commas; `\\,` is a comma.

A flag counts before a variable, a variable before an overlay, an overlay before the file, the file before
a default; of two flags or overlays, the later one. `gwc config` shows which of them set each value.
"""


@dataclass(frozen=True, slots=True)
class Example:
    """An example of a key, in both syntaxes; `owner` is the object whose entries the texts are."""

    owner: str
    key: str
    kdl: str
    yaml: str


def reference_markdown() -> str:
    """The whole page. The same schema gives the same text."""
    parts = [_INTRODUCTION, _contents()]
    parts += (_section(language().objects[name]) for name in _TITLES)
    parts += (_LAYERS, _types())
    return "\n".join(parts)


def examples() -> Iterator[Example]:
    """Every example on the page, in its order."""
    for name in _TITLES:
        for key in _own_keys(language().objects[name]):
            for value in key.examples:
                yield _example(language().objects[name], key, value)


def _contents() -> str:
    lines = [f"- [{title}](#{name})" for name, title in _TITLES.items()]
    lines += ["- [Overlays, variables and flags](#layers)", "- [Types](#types)", ""]
    return "\n".join(lines)


def _section(shape: ObjectShape) -> str:
    lines = [f'<a id="{shape.name}"></a>', "", f"## {_TITLES[shape.name]}", "", shape.description, ""]
    if shape.tag is not None or shape.args or shape.rest is not None:
        lines += [_arguments(shape), ""]
    for keys in shape.exclusive:
        lines += [f"At most one of {listed(keys, 'and')}.", ""]
    own = _own_keys(shape)
    for key in own:
        lines += _key(shape, key)
    for other, names in _shared(shape).items():
        lines += [f"As in [{_TITLES[other]}](#{other}): {listed(names, 'and', 99)}.", ""]
    return "\n".join(lines)


def _arguments(shape: ObjectShape) -> str:
    """How the node is spelt in KDL, in one line."""
    if shape.rest is not None and shape.args:
        return f"In KDL the first argument is {listed(shape.args, 'and')}, further ones are `{shape.rest}`."
    if shape.rest is not None:
        return f"In KDL the arguments are `{shape.rest}`."
    if len(shape.args) == 1:
        return f"In KDL the argument is `{shape.args[0]}`."
    return f"In KDL the arguments are {listed(shape.args, 'and')}."


def _own_keys(shape: ObjectShape) -> list[Key]:
    """The keys that the object's section tells of: those that no earlier section has told the same of."""
    shared = {name for names in _shared(shape).values() for name in names}
    return [key for key in shape.keys.values() if key.name not in shared]


@cache
def _shared(shape: ObjectShape) -> dict[str, list[str]]:
    """Keys that mean the same in a section before this one, by that section."""
    found: dict[str, list[str]] = {}
    for key in shape.keys.values():
        for other in _TITLES:
            if other == shape.name:
                break
            same = language().objects[other].keys.get(key.name)
            if same is not None and _told(same) == _told(key) and key.name not in (shape.tag, *shape.args):
                found.setdefault(other, []).append(key.name)
                break
    return found


def _told(key: Key) -> tuple[object, ...]:
    return (key.description, repr(key.shape), key.default, repr(key.examples))


def _key(shape: ObjectShape, key: Key) -> list[str]:
    lines = [f"### `{key.name}`", ""]
    facts = [_type(key.shape)]
    if key.name in shape.required:
        facts.append("required")
    if key.default is not None:
        facts.append(f"default `{_plain(key.default)}`")
    lines += [f"{'; '.join(facts)}.", "", key.description, ""]
    for value in key.examples:
        example = _example(shape, key, value)
        lines += [
            "<table><tr><th>KDL</th><th>YAML</th></tr><tr><td>",
            "",
            "```kdl",
            example.kdl,
            "```",
            "",
            "</td><td>",
            "",
            "```yaml",
            example.yaml,
            "```",
            "",
            "</td></tr></table>",
            "",
        ]
    return lines


def _example(shape: ObjectShape, key: Key, value: Any) -> Example:
    """An example of one key; one that an argument fills is shown with the node that has the argument."""
    owner, name = shape.name, key.name
    if key.name in (*shape.args, shape.rest) and shape.name != ROOT:
        place = index().places[shape.name][0]
        shown = place.key.examples[0]
        whole = shown[0] if isinstance(shown, list) else shown
        if isinstance(whole, dict) and key.name in whole:
            whole = {**whole, key.name: value}
        else:
            whole = {name: shape.keys[name].examples[0] for name in shape.keys if name in shape.required}
            whole[key.name] = value
        owner, name = place.parent, place.key.name
        value = [whole] if isinstance(place.key.shape, Nodes | Tagged) else whole
    return Example(owner, name, key_to_kdl(owner, name, value), key_to_yaml(owner, name, value))


def _type(shape: Shape) -> str:
    """The type of a key in words, with links."""
    match shape:
        case Scalar():
            words = _scalar_type(shape)
            return words[0].upper() + words[1:]
        case Values(item=item, repeat=repeat):
            several = "; in KDL the node may also stand several times" if repeat else ""
            return f"One or more: {_scalar_type(item)}{several}"
        case Block(object=name):
            return f"An object: [{_TITLES[name]}](#{name})"
        case Nodes(object=name):
            return f"One or more: [{_TITLES[name]}](#{name})"
        case Tagged(objects=objects, place=place):
            links = " and ".join(f"[{_TITLES[name]}](#{name})" for name in objects.values())
            where = ", in KDL among the other nodes" if place == "inline" else ""
            return f"A list of {links}{where}"


def _scalar_type(scalar: Scalar) -> str:
    kinds = []
    if scalar.choices:
        kinds.append(listed((str(choice) for choice in scalar.choices), "or"))
    if scalar.name is not None and (scalar.text or scalar.integer):
        kinds.append(f"[{scalar.name}](#type-{scalar.name})")
    elif scalar.text:
        most = "" if scalar.max_length is None else f" of at most {counted(scalar.max_length, 'character')}"
        kinds.append(f"text{most}")
    elif scalar.integer:
        kinds.append(f"a whole number from {scalar.minimum} to {scalar.maximum}")
    if scalar.flag:
        kinds.append("true or false")
    return ", or ".join(kinds)


def _types() -> str:
    """The scalar types that have names."""
    lines = ['<a id="types"></a>', "", "## Types", ""]
    for name, definition in config_schema()["$defs"].items():
        if definition.get("type") == "object" or "enum" in definition:
            continue
        bounds = ""
        if definition["type"] == "integer":
            bounds = f" From {definition['minimum']} to {definition['maximum']}."
        lines += [f'<a id="type-{name}"></a>**{name}**: {definition["description"]}{bounds}', ""]
    return "\n".join(lines).rstrip() + "\n"


def _plain(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    sys.stdout.write(reference_markdown())
