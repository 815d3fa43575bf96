"""The order of alternatives: which of those that hold wins.

Owns the sort key of docs/semantics.md, "The winner", line by line. Knows nothing of how a request is tested.
"""

from __future__ import annotations

from typing import NamedTuple

from gwc.schema.predicate import HostPattern, PathPattern
from gwc.schema.template import literal_bytes

_HOST_ORDER = {"exact": 0, "wildcard": 1, "regex": 2}
_NO_HOST = 3
_PATH_ORDER = {"exact": 0, "template": 1, "regex": 2, "prefix": 3}
_PREFIX_ORDER = 3


class RankKey(NamedTuple):
    """What decides between two alternatives, the first difference first; lower wins.

    Line 9, the position in the document, is no part of it: alternatives are made in that order (files in
    include order, then route, block, host, path), and sorting them by this key keeps it.
    """

    priority: int  # 1: higher first, so negated
    host: int  # 2: exact, wildcard, regex, none
    host_suffix: int  # 2: of wildcards the longer suffix first, so negated
    path: int  # 3: exact, template, regex, prefix or template with a rest or none
    literal: int  # 4: more literal bytes first, so negated
    method: int  # 5: with a method predicate first
    fields: int  # 6: more header and cookie predicates first, so negated
    queries: int  # 7: more query predicates first, so negated
    others: int  # 8: more other predicates first, so negated


class Counts(NamedTuple):
    """How many predicates of a kind an alternative has, inherited ones included (lines 5 to 8)."""

    methods: int = 0
    fields: int = 0
    queries: int = 0
    others: int = 0

    def plus(self, more: Counts) -> Counts:
        """Both together."""
        return Counts(
            self.methods + more.methods,
            self.fields + more.fields,
            self.queries + more.queries,
            self.others + more.others,
        )


def rank_key(priority: int, host: HostPattern | None, path: PathPattern | None, counts: Counts) -> RankKey:
    """The key of one alternative. `host` and `path` are the innermost ones; no path ranks as prefix `/`."""
    path_order, literal = (_PREFIX_ORDER, 0) if path is None else _path_place(path)
    return RankKey(
        -priority,
        _NO_HOST if host is None else _HOST_ORDER[host.kind],
        -len(host.text) if host is not None and host.kind == "wildcard" else 0,
        path_order,
        -literal,
        0 if counts.methods else 1,
        -counts.fields,
        -counts.queries,
        -counts.others,
    )


def _path_place(path: PathPattern) -> tuple[int, int]:
    """Lines 3 and 4: the kind's place, and the pattern's literal bytes."""
    kind, text = path.kind, path.text
    if kind == "prefix":
        return _PREFIX_ORDER, len(text.rstrip("/"))
    if kind == "exact":
        return 0, len(text)
    if kind == "template":
        rest = text.endswith("...}")
        return (_PREFIX_ORDER if rest else _PATH_ORDER["template"]), literal_bytes(text)
    return _PATH_ORDER["regex"], 0
