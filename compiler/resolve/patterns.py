"""Host and path patterns: from the words of a file to what the matcher compares.

Owns the rule that a path pattern which no applicable listener can ever produce is a mistake (the request's
path is normalised before it is compared, so `/a//b` would wait for ever).
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote

from gwc.schema.diagnostic import error
from gwc.schema.listener import PathOptions
from gwc.schema.normalise.host import normalise_configured_host
from gwc.schema.normalise.path import normalise_path
from gwc.schema.predicate import HostPattern, PathPattern

from .context import Context, Record, span_of
from .text import as_bytes_text

_PARAMETER = re.compile(r"\{[^{}]*\}")

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
        if kind != "regex":
            _check_producible(context, record, key, index, pattern, options)
        patterns.append(pattern)
    return tuple(patterns)


@lru_cache(maxsize=65536)
def normal_form(path: str, options: PathOptions) -> str | None:
    """`path` (latin-1 text) normalised, None where it would be refused. A memo: pure, bounded."""
    result = normalise_path(path.encode("latin-1"), options)
    return result if isinstance(result, str) else None


def _check_producible(
    context: Context,
    record: Record,
    key: str,
    index: int,
    pattern: PathPattern,
    options: tuple[PathOptions, ...],
) -> None:
    """Report a pattern that is not its own normal form under any of the options."""
    text = pattern.text
    if pattern.kind == "prefix":
        text = text.rstrip("/") or "/"
    elif pattern.kind == "template" and "{" in text:
        text = _PARAMETER.sub("x", text)
    for each in options:
        if normal_form(text, each) == text:
            return
    written = record[key][index]
    near = _nearest_normal(text, options)
    if near is None:
        advice = (
            "write a path that a request can have after normalising; docs/semantics.md says how it is made"
        )
    elif pattern.kind == "template" and near.count("/x") != text.count("/x"):
        advice = "write the template without dot segments and repeated slashes"
    elif pattern.kind == "template":
        advice = f"after normalising, such a path looks like `{near}` (with `x` for a parameter)"
    else:
        advice = f"write `{near}`, the normal form"
    context.report(
        error(
            "GWC310",
            span_of(record, key, index),
            f"no request can have the path `{written}`",
            label="paths are normalised before they are compared",
            help=advice,
        )
    )


def _nearest_normal(text: str, options: tuple[PathOptions, ...]) -> str | None:
    """What a request for `text` would look like after normalising, None if it would be refused outright."""
    spelt = quote(text.encode("latin-1"), safe="/%-._~!$&'()*+,;=:@")
    for candidate in (text, spelt):
        for each in options:
            normal = normal_form(candidate, each)
            if normal is not None:
                return normal
    return None
