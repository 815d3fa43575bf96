"""GWC415: a path written as other gateways write patterns, which here is only text.

`/api/*` and `/users/:id` are paths that a request can have, so they are no error; hardly any request has one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Item
from ..resolve.resolved import Listener
from ..validate.record import span_of

_KEYS = ("path", "path-prefix", "path-template")
_PARAMETER = re.compile(r":([A-Za-z_][A-Za-z0-9_]*)")


def check(item: Item, listeners: Sequence[Listener]) -> Iterator[Diagnostic]:
    """One finding for each path with a segment that ends in `*` or is `:name`."""
    for block in item.blocks:
        for key in _KEYS:
            for index, text in enumerate(block.get(key, ())):
                if ("*" in text or "/:" in text) and (advice := _advice(text)) is not None:
                    yield warning(
                        "GWC415",
                        span_of(block, key, index),
                        f"`{text}` stands for itself, character by character",
                        label="no pattern here",
                        help=advice,
                    )


def _advice(text: str) -> str | None:
    """What to write for a pattern of another gateway, None where it is none."""
    *segments, last = text.split("/")
    names = iter("abcdefghijklmnopqrstuvwxyz")
    meant = [_meant(segment, names) for segment in segments]
    if None in meant or (last not in ("*", "**") and _meant(last, names) is None):
        return "write `path-regex`, which is compared with the whole path"
    if last in ("*", "**"):
        if meant == segments:
            return f'write `path-prefix "{"/".join(segments) or "/"}"` for everything below it'
        meant.append("{rest...}")
    else:
        meant.append(_meant(last, names))
    if meant == [*segments, last]:
        return None
    return f'write `path-template "{"/".join(map(str, meant))}"` for any segment in its place'


def _meant(segment: str, names: Iterator[str]) -> str | None:
    """The segment of a template that was meant; itself where it is plain, None where none would do."""
    parameter = _PARAMETER.fullmatch(segment)
    if parameter is not None:
        return f"{{{parameter[1]}}}"
    if segment in ("*", "**"):
        return f"{{{next(names, 'z')}}}"
    return None if segment.endswith("*") else segment
