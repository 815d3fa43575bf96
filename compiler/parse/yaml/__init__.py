"""The YAML front end: text -> the same tree that KDL gives.

YAML is read as version 1.2 with the core schema, strictly: what YAML can do beyond mappings, sequences
and scalars (tags, anchors, merge keys, several documents) is refused, because a reader of a gateway's
configuration should see what it says. Owns the syntax; knows nothing of what a configuration means.

    events   PyYAML's parser as a stream of events, libyaml's or the pure one, with one behaviour
    scalars  the core schema: what an unquoted text means
    build    events -> nodes
    refuse   the words for what is well-formed YAML and no configuration
    recover  the driver: finds where to go on after a syntax error
    explain  the words for a syntax error
"""

from __future__ import annotations

from gwc.schema.diagnostic import Diagnostic

from ..document import Document

__all__ = ["parse"]


def parse(text: str, file: str) -> tuple[Document, tuple[Diagnostic, ...]]:
    """Read one YAML file, shown to people as `file`.

    The diagnostics are in order of place. With an error among them the document holds what could be
    understood: entries that are broken or doubled are left out. Never raises for any text.
    """
    # PERF: PyYAML takes 20 ms to import, and a check of KDL files has no need of it.
    from .recover import read

    return read(text, file)
