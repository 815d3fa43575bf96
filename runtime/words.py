"""Conditions in the words of the configuration: `method "POST"`, `host "*.example.com"`.

Owns how a condition of a table is said to a person, as KDL would write it. Whether it holds is
`predicates.py`'s matter.
"""

from __future__ import annotations

from collections.abc import Iterable

from gwc.schema import table as t

_OPERATORS = {t.PREFIX: "prefix", t.SUFFIX: "suffix", t.CONTAINS: "contains", t.REGEX: "regex"}
_FIELDS = {t.HEADER: "header", t.COOKIE: "cookie", t.QUERY: "query"}
_SIMPLE = {
    t.METHODS: "method",
    t.SCHEMES: "scheme",
    t.SNIS: "sni",
    t.LISTENERS: "listener",
    t.MODELS: "model",
}
_PATHS = {"exact": "path", "prefix": "path-prefix", "template": "path-template", "regex": "path-regex"}


def host_words(patterns: Iterable[tuple[str, str]]) -> str:
    """A `host` predicate of some (kind, text)."""
    patterns = list(patterns)
    names = [text for kind, text in patterns if kind != "regex"]
    regexes = [text for kind, text in patterns if kind == "regex"]
    return " ".join(filter(None, ("host", _texts(names), _operator("regex", regexes))))


def path_words(patterns: Iterable[tuple[str, str]]) -> str:
    """A path predicate of some (kind, text) of one kind."""
    patterns = list(patterns)
    return f"{_PATHS[patterns[0][0]]} {_texts(text for _, text in patterns)}"


def test_words(table: t.RouteTable, test: t.Test) -> str:
    """Any other predicate."""
    kind, _, texts, numbers = test
    if kind in _FIELDS:
        return _field_words(test)
    if kind in _SIMPLE:
        return f"{_SIMPLE[kind]} {_texts(texts)}"
    if kind == t.SAMPLE:
        return f"sample {quoted(_share(numbers[0]))}"
    if kind == t.CLIENT_IP:
        return f"client-ip {_texts(table.networks[numbers[0]].written)}"
    if kind in (t.HOSTS, t.PATHS):
        patterns = zip(texts[::2], texts[1::2], strict=True)
        return host_words(patterns) if kind == t.HOSTS else path_words(patterns)
    if kind == t.NOT:
        inside = (test_words(table, each) for each in table.blocks[numbers[0]])
        return f"not {{ {'; '.join(inside)} }}"
    return f"{'stream' if kind == t.STREAM else 'tools'} {_truth(numbers[0])}"


def _field_words(test: t.Test) -> str:
    kind, name, texts, numbers = test
    operator, fold, *operands = numbers
    words = [_FIELDS[kind], quoted(name)]
    if operator == t.EQUAL:
        words.append(_texts(texts))
    elif operator == t.PRESENT:
        words += [] if operands[0] else ["present=#false"]
    elif operator == t.RANGE:
        has_low, low, has_high, high = operands
        words += [f"min={low}"] if has_low else []
        words += [f"max={high}"] if has_high else []
    else:
        words.append(_operator(_OPERATORS[operator], texts))
    return " ".join([*words, *(["ignore-case=#true"] if fold else [])])


def _operator(name: str, texts: Iterable[str]) -> str:
    """One text as a property, several as a node; "" for none."""
    texts = list(texts)
    if len(texts) < 2:
        return f"{name}={quoted(texts[0])}" if texts else ""
    return f"{{ {name} {_texts(texts)} }}"


def _texts(texts: Iterable[str]) -> str:
    return " ".join(map(quoted, texts))


def _truth(value: int) -> str:
    return "#true" if value else "#false"


def _share(millionths: int) -> str:
    """Millionths in percent, as short as can be: 2500 is `0.25%`."""
    whole, part = divmod(millionths, 10_000)
    return f"{whole}.{part:04d}".rstrip("0").rstrip(".") + "%"


def quoted(text: str) -> str:
    """Text of a table (one byte a character) as a KDL string; bytes that are no UTF-8 as `\\x..`."""
    readable = text.encode("latin-1", "replace").decode("utf-8", "backslashreplace")
    escaped = readable.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in escaped) + '"'
