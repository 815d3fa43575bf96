"""Rewriting a path: whole, by its prefix, or by a template.

Owns the prefix table of docs/semantics.md. A rewritten path is normalised like a request's; one that is
refused is answered 500, never sent.
"""

from __future__ import annotations

from gwc.schema.listener import PathOptions
from gwc.schema.normalise.path import normal_path
from gwc.schema.request import Refusal
from gwc.schema.table import Alternative, RewriteRecord

from .variables import Facts, fill


def replace_prefix(path: str, prefix: str, replacement: str) -> str:
    """`path` with `prefix` replaced: both lose their trailing slashes, an empty result is `/`.

    The rows of Gateway API's ReplacePrefixMatch. `path` must match the prefix.
    """
    rest = path[len(prefix.rstrip("/")) :]
    result = replacement.rstrip("/") + rest
    return result if result.startswith("/") else f"/{result}"


def rewritten_path(
    record: RewriteRecord, alternative: Alternative, facts: Facts, options: PathOptions
) -> str | Refusal:
    """The path that the upstream sees, or why the gateway refuses it."""
    path = facts.head.path
    if record.kind is None:
        return path
    if record.kind == "prefix":
        assert alternative.path is not None, "resolving demands a prefix in every alternative"
        changed = replace_prefix(path, alternative.path[1], fill(record.path, facts))
    else:
        changed = fill(record.path, facts)
    return normal_path(changed, options)
