"""Whether a predicate holds: the oracle's own reading of the predicates' table.

Owns what each key of a block means, `use` and `not` included, on a request that has been read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gwc.schema.request import Late

from .reading import (
    Config,
    View,
    as_list,
    ascii_lower,
    configured_host,
    first_of,
    host_holds,
    in_networks,
)

PATH_KEYS = {
    "path": "exact",
    "path-prefix": "prefix",
    "path-template": "template",
    "path-regex": "regex",
}

Written = tuple[str, Any]
"""One predicate as written: its key and its value; repeated keys stand once for each value."""


@dataclass(frozen=True)
class Pattern:
    """A host or path pattern: `exact`, `wildcard`, `prefix`, `template` or `regex`, and its text."""

    kind: str
    text: str


def written_out(block: Config, matchers: Mapping[str, Config]) -> Iterator[Written]:
    """The predicates of a block, `use` replaced by what it stands for."""
    for key, value in block.items():
        if key == "use":
            for name in as_list(value):
                inside = {k: v for k, v in matchers[name].items() if k != "matcher"}
                yield from written_out(inside, matchers)
        elif key in ("header", "query", "cookie", "not"):
            for each in as_list(value):
                yield key, each
        else:
            yield key, value


def host_patterns(value: Any) -> list[Pattern]:
    """The values of a `host` predicate."""
    named = value if isinstance(value, Mapping) else {"name": value}
    patterns = []
    for text in as_list(named.get("name", [])):
        name = configured_host(text)
        patterns.append(Pattern("wildcard" if name.startswith("*.") else "exact", name))
    return patterns + [Pattern("regex", latin(text)) for text in as_list(named.get("regex", []))]


def path_patterns(key: str, value: Any) -> list[Pattern]:
    """The values of one of the path predicates."""
    return [Pattern(PATH_KEYS[key], latin(text)) for text in as_list(value)]


def holds(key: str, value: Any, view: View, matchers: Mapping[str, Config]) -> bool:
    """Whether one predicate holds; the value of a host or path may be one pattern."""
    if isinstance(value, Pattern):
        if key == "host":
            return pattern_holds_host(value, view.host)
        return captures_of(value, view.path) is not None
    if key == "not":
        inside = written_out(value, matchers)
        return not all(holds(inner, each, view, matchers) for inner, each in inside)
    if key == "host":
        return any(pattern_holds_host(pattern, view.host) for pattern in host_patterns(value))
    if key in PATH_KEYS:
        return any(captures_of(pattern, view.path) is not None for pattern in path_patterns(key, value))
    if key == "method":
        return view.method in as_list(value)
    if key == "listener":
        return view.listener in as_list(value)
    if key == "scheme":
        return view.scheme in as_list(value)
    if key == "client-ip":
        return view.client_ip is not None and in_networks(view.client_ip, as_list(value))
    if key == "sni":
        names = [configured_host(text) for text in as_list(value)]
        return view.sni is not None and any(host_holds(name, view.sni) for name in names)
    if key == "sample":
        return view.sample < millionths(value)
    if key in ("header", "query", "cookie"):
        return field_holds(key, {"name": value} if isinstance(value, str) else value, view)
    return late_holds(key, value, view.late)


def is_late(key: str, value: Any, matchers: Mapping[str, Config]) -> bool:
    """Whether a predicate looks at what only the body can tell, if only inside a `not`."""
    if key == "not":
        return any(is_late(inner, each, matchers) for inner, each in written_out(value, matchers))
    return key in ("model", "stream", "tools")


def pattern_holds_host(pattern: Pattern, host: str) -> bool:
    """A host pattern against a host. The empty one is for alternatives without `host` alone."""
    if host == "":
        return False
    if pattern.kind == "regex":
        return regex(pattern.text).fullmatch(host.encode("latin-1")) is not None
    return host_holds(pattern.text, host)


def captures_of(pattern: Pattern, path: str) -> dict[str, str] | None:
    """What a path pattern captures of a path; None where it does not hold."""
    if pattern.kind == "exact":
        return {} if path == pattern.text else None
    if pattern.kind == "prefix":
        stem = pattern.text.rstrip("/")
        return {} if path == stem or path.startswith(stem + "/") else None
    if pattern.kind == "template":
        return template_captures(pattern.text, path)
    match = regex(pattern.text).fullmatch(path.encode("latin-1"))
    if match is None:
        return None
    found: dict[str, bytes | None] = match.groupdict()
    return {name: (value or b"").decode("latin-1") for name, value in found.items()}


def template_captures(template: str, path: str) -> dict[str, str] | None:
    """Segment by segment; the rest takes what is left, nothing too."""
    wanted = template.split("/")[1:]
    given = path.split("/")[1:]
    captured = {}
    if wanted[-1].endswith("...}"):
        name = wanted.pop()[1:-4]
        captured[name] = "/".join(given[len(wanted) :])
        if len(given) < len(wanted):
            return None
        given = given[: len(wanted)]
    if len(wanted) != len(given):
        return None
    for want, have in zip(wanted, given, strict=True):
        if want.startswith("{"):
            if not have:
                return None
            captured[want[1:-1]] = have
        elif want != have:
            return None
    return captured


def field_holds(place: str, predicate: Config, view: View) -> bool:
    """A `header`, `query` or `cookie` predicate."""
    name = predicate["name"]
    if place == "header":
        value = view.headers.get(ascii_lower(name))
    else:
        value = first_of(view.query if place == "query" else view.cookies, latin(name))
    if "present" in predicate:
        return (value is not None) is predicate["present"]
    if value is None:
        return False
    if "min" in predicate or "max" in predicate:
        if re.fullmatch(r"-?[0-9]{1,18}", value) is None:
            return False
        number = int(value)
        low, high = predicate.get("min", number), predicate.get("max", number)
        return bool(low <= number <= high)
    fold = ascii_lower if predicate.get("ignore-case", False) else str
    have = fold(value)
    if "value" in predicate:
        return any(have == fold(latin(text)) for text in as_list(predicate["value"]))
    if "prefix" in predicate:
        return any(have.startswith(fold(latin(text))) for text in as_list(predicate["prefix"]))
    if "suffix" in predicate:
        return any(have.endswith(fold(latin(text))) for text in as_list(predicate["suffix"]))
    if "contains" in predicate:
        return any(fold(latin(text)) in have for text in as_list(predicate["contains"]))
    if "regex" in predicate:
        flags = re.IGNORECASE if predicate.get("ignore-case", False) else 0
        data = value.encode("latin-1")
        return any(regex(latin(text), flags).fullmatch(data) for text in as_list(predicate["regex"]))
    return True


def late_holds(key: str, value: Any, late: Late | None) -> bool:
    """`model`, `stream` and `tools`: what the body did not say satisfies none."""
    if late is None:
        return False
    if key == "model":
        return late.model is not None and any(glob_holds(latin(text), late.model) for text in as_list(value))
    known = late.stream if key == "stream" else late.tools
    return known is not None and known == value


def glob_holds(glob: str, text: str) -> bool:
    """`*` is any run of characters, everything else itself."""
    return re.fullmatch(".*".join(map(re.escape, glob.split("*"))), text, re.DOTALL) is not None


def millionths(share: str) -> int:
    """`0.25%` is 2 500 millionths."""
    whole, _, part = share.removesuffix("%").partition(".")
    return int(whole) * 10_000 + int((part + "0000")[:4])


def latin(text: str) -> str:
    """Configured text as bytes of UTF-8, one a character."""
    return text.encode("utf-8").decode("latin-1")


# One cache: a pattern is compiled once for the thousands of requests of a run.
@lru_cache(maxsize=512)
def regex(pattern: str, flags: int = 0) -> re.Pattern[bytes]:
    """A pattern of the dialect for the standard library: `\\s` has no VT there."""
    return re.compile(pattern.replace(r"\s", r"[ \t\n\r\f]").encode("latin-1"), flags)
