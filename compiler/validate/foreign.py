"""What other gateways, and people, call the keys of this language.

Owns how such a word is found: one that is no misspelling of a key and means it nevertheless, or that means
what gwc does not have. The list is in `foreign_words.py`. Words near in letters are found without one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import Final, NamedTuple

from .foreign_words import ABSENT, VALUES, WORDS
from .shape import ObjectShape, Tagged
from .words import Syntax

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_MORE: Final[Mapping[tuple[str, str], str]] = {
    ("listener", "address"): "host and port stand in one text, such as `0.0.0.0:8080`",
    ("target", "target"): "host and port stand in one text, such as `10.0.0.1:8080`",
    ("upstream-tls", "verify"): "true, as by default, where the certificate is to be verified",
    ("upstream", "protocol"): "`http1`, `http2` or `auto`",
    ("listener", "http2"): "it is spoken by default, with `tls` and without",
    ("authentication", "access"): '`authenticate "public"` lets in everybody',
    **{
        (place, key): more
        for place in ("route", "group", "defaults")
        for key, more in (
            ("rewrite", 'to take a prefix away, `rewrite` it with `prefix` as `"/"`'),
            ("request-headers", "those of the reply are `response-headers`"),
            ("response-headers", "those of the request are `request-headers`"),
            ("static-files", "the path is looked up below it as `rewrite` leaves it"),
            ("retries", "`retries 2` is two more tries, three in all"),
            ("builtin", "probes of targets are `health` of an upstream"),
            (
                "authenticate",
                "`api-key`, `basic`, `jwt`, `forward-auth` and `client-certificate` stand in it",
            ),
            ("allow", "everybody who is not in it is refused"),
        )
    },
    ("redirect", "path"): "`scheme`, `host` and `port` stand beside it",
    ("rewrite", "template"): "it is filled with the captures of `path-template` or `path-regex`",
    ("respond", "headers"): "`content-type` is the name of one",
    **{
        (f"{place}-predicate", key): more
        for place in ("header", "query", "cookie")
        for key, more in (
            ("value", "it stands right behind the name"),
            ("present", "true where it has to be there, false where it must not be"),
        )
    },
}


class Meaning(NamedTuple):
    """The key that a word means, and the help that says so."""

    key: str
    advice: str


@cache
def _by_word(name: str) -> Mapping[str, str]:
    """The words for an object's keys, each with its key. A cache: as many entries as objects."""
    return {word: key for key, words in WORDS.get(name, {}).items() for word in words.split()}


@cache
def _absent() -> Mapping[str, str]:
    """The words for what is not there, each with its help. A cache of one entry."""
    return {word: advice for words, advice in ABSENT.items() for word in words.split()}


@cache
def _by_value() -> Mapping[str, tuple[str, ...]]:
    """The words for values, each with the values that it may mean. A cache of one entry."""
    found: dict[str, tuple[str, ...]] = {}
    for value, words in VALUES.items():
        for word in words.split():
            found[word] = (*found.get(word, ()), value)
    return found


def meant_value(written: str, choices: Collection[str]) -> str | None:
    """The one of the choices that a word of elsewhere means, None where it is not known."""
    values = _by_value().get(spelt_our_way(written), ())
    return next((each for each in values if each in choices), None)


def spelt_our_way(written: str) -> str:
    """A word in lower case with hyphens: `proxy-pass` for `proxy_pass` and `proxyPass`."""
    return _CAMEL.sub("-", written).replace("_", "-").lower()


def absent(written: str) -> str | None:
    """The help for a word that means what gwc does not have, None for all others."""
    return _absent().get(spelt_our_way(written))


def meaning(shape: ObjectShape, written: str, syntax: Syntax) -> Meaning | None:
    """What a word means where it stands, None where it is not known from elsewhere."""
    if shape.tag is not None and written in ("name", "id"):
        how = f'`{shape.tag} "NAME"`' if syntax == "kdl" else f"`- {shape.tag}: NAME`"
        return Meaning(shape.tag, f"the name stands right behind `{shape.tag}`: {how}")
    key = _by_word(shape.name).get(spelt_our_way(written))
    if key is None:
        return None
    place = shape.keys[key].shape
    name = key
    if syntax == "kdl" and isinstance(place, Tagged) and place.place == "inline":
        name = next(iter(place.objects))
    more = _MORE.get((shape.name, key))
    return Meaning(key, f"here it is `{name}`" + (f"; {more}" if more else ""))
