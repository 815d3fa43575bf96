"""Host and path patterns: from the words of a file to what the matcher compares.

Owns the rule that a path pattern which no applicable listener can ever produce is a mistake (the request's
path is normalised before it is compared, so `/a//b` would wait for ever).
"""

from __future__ import annotations

import re
from functools import lru_cache

from gwc.schema.diagnostic import error
from gwc.schema.listener import PathOptions
from gwc.schema.normalise.host import normalise_configured_host
from gwc.schema.normalise.path import normalise_path
from gwc.schema.predicate import HostPattern, PathPattern

from .context import Context, Record, span_of
from .path_advice import path_advice
from .possible import path_possible
from .text import as_bytes_text

_PARAMETER = re.compile(r"\{[^{}]*\}")
_FLAG_AND_ANCHOR = re.compile(r"((?:\(\?i\))?)\^?")

PATH_KINDS = {
    "path": "exact",
    "path-prefix": "prefix",
    "path-template": "template",
    "path-regex": "regex",
}
"""The keys of a block that speak of the path, and the kind of pattern each makes."""


@lru_cache(maxsize=65536)
def host_pattern(text: str) -> HostPattern:
    """A host name as written, exact or `*.x`; its form was checked by validation. A memo: pure, bounded."""
    name = normalise_configured_host(text)
    if not isinstance(name, str):
        # A name that validation refused: the run ends before a table is made.
        name = text.lower()
    return HostPattern("wildcard" if name.startswith("*.") else "exact", name)


def hosts_overlap(one: str, other: str) -> bool:
    """Whether some name is in both; each is a name or `*.` and a name."""
    if one.startswith("*."):
        if other.startswith("*."):
            return one == other or one.endswith(other[1:]) or other.endswith(one[1:])
        return other.endswith(one[1:]) and len(other) > len(one) - 1
    if other.startswith("*."):
        return one.endswith(other[1:]) and len(one) > len(other) - 1
    return one == other


def host_patterns(value: Record) -> tuple[HostPattern, ...]:
    """The patterns of a `host` predicate: names first, then regular expressions."""
    names = tuple(host_pattern(text) for text in value.get("name", ()))
    regexes = tuple(HostPattern("regex", as_bytes_text(text)) for text in value.get("regex", ()))
    return names + regexes


def path_patterns(
    context: Context, record: Record, key: str, options: tuple[PathOptions, ...]
) -> tuple[PathPattern, ...]:
    """The patterns of one path key, each checked against what the listeners' normalising can produce."""
    kind = PATH_KINDS[key]
    patterns = []
    for index, text in enumerate(record[key]):
        pattern = PathPattern(kind, as_bytes_text(text))  # type: ignore[arg-type]  # the table has these kinds only
        if kind == "regex":
            if not path_possible(pattern.text):
                _refuse_expression(context, record, key, index)
        elif not _producible(pattern, options):
            _refuse_pattern(context, record, key, index, pattern, options)
        patterns.append(pattern)
    return tuple(patterns)


@lru_cache(maxsize=65536)
def normal_form(path: str, options: PathOptions) -> str | None:
    """`path` (latin-1 text) normalised, None where it would be refused. A memo: pure, bounded."""
    result = normalise_path(path.encode("latin-1"), options)
    return result if isinstance(result, str) else None


def _producible(pattern: PathPattern, options: tuple[PathOptions, ...]) -> bool:
    """Whether a pattern is its own normal form under one of the options."""
    text = pattern.text
    if pattern.kind == "prefix":
        text = text.rstrip("/") or "/"
    elif pattern.kind == "template" and "{" in text:
        text = _PARAMETER.sub("x", text)
    return any(normal_form(text, each) == text for each in options)


def _refuse_pattern(
    context: Context,
    record: Record,
    key: str,
    index: int,
    pattern: PathPattern,
    options: tuple[PathOptions, ...],
) -> None:
    context.report(
        error(
            "GWC310",
            span_of(record, key, index),
            f"no request can have the path `{record[key][index]}`",
            label="paths are normalised before they are compared",
            help=path_advice(pattern, options),
        )
    )


def _refuse_expression(context: Context, record: Record, key: str, index: int) -> None:
    written = record[key][index]
    advice = (
        "every path begins with `/`; what is not one of `A-Z a-z 0-9 -._~!$&'()*+,;=:@/` is escaped in it"
    )
    start = _FLAG_AND_ANCHOR.match(written)
    flag, rest = (start[1], written[start.end() :]) if start is not None else ("", written)
    if path_possible(as_bytes_text(f"{flag}/{rest}")):
        advice = "the whole path has to match, and it begins with `/`: "
        advice += f"write `{flag}/{rest}`, or `{flag}.*{rest}` for any path that ends so"
    context.report(
        error(
            "GWC310",
            span_of(record, key, index),
            f"no request can have a path that matches `{written}`",
            label="compared with the whole normalised path",
            help=advice,
        )
    )
