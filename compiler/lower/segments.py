"""Prefixes and templates as segments."""

from __future__ import annotations

from functools import lru_cache

from gwc.schema.predicate import PathPattern
from gwc.schema.template import Parameter, PathTemplate, parse_template

Segments = tuple[str | None, ...]
"""The segments of a prefix or template, without a rest; None is a parameter."""


@lru_cache(maxsize=32_768)  # PERF: a resident compiler asks for the same ones at every change
def segments_of(path: PathPattern | None) -> tuple[bool, Segments]:
    """Whether a path that matches may go on after the segments, and those. No path is the prefix `/`."""
    if path is None:
        return True, ()
    if path.kind == "prefix":
        return True, tuple(path.text.rstrip("/").split("/")[1:])
    template = parse_template(path.text)
    assert isinstance(template, PathTemplate), f"resolving let a template pass: {path.text!r}"
    segments = tuple([None if isinstance(each, Parameter) else each for each in template.segments])
    return (True, segments[:-1]) if template.has_rest else (False, segments)
