"""The comments of a file, with their lines: what a conversion to the other syntax cannot carry.

Owns the list. Whether a text in a comment means anything is not its matter.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from ..source import SourceFile

_YAML_SIGN = re.compile(r"(?<![^\s\ufeff])#[^\n\r]*")


def comments_of(source: SourceFile) -> Iterator[tuple[int, str]]:
    """Line and text of each comment in order; of one that spans lines the first line's text."""
    if source.path.endswith((".yaml", ".yml")):
        yield from _yaml_comments(source)
        return
    from .kdl import comments

    place = 0
    for comment in comments(source.text):
        place = source.text.find(comment, place)
        assert place >= 0, "a comment stands in the text that it was read from"
        yield source.line_column(place)[0], comment.splitlines()[0]
        place += len(comment)


def _yaml_comments(source: SourceFile) -> Iterator[tuple[int, str]]:
    """`#` at the start of a line or after white space, outside every scalar."""
    import yaml

    scalars = [
        (token.start_mark.index, token.end_mark.index)
        for token in yaml.scan(source.text, Loader=yaml.SafeLoader)
        if isinstance(token, yaml.ScalarToken) and token.style is not None
    ]
    starts = [start for start, _ in scalars]
    for found in _YAML_SIGN.finditer(source.text):
        before = bisect_right(starts, found.start()) - 1
        if before < 0 or found.start() >= scalars[before][1]:
            yield source.line_column(found.start())[0], found.group()
