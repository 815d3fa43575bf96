"""The validate stage: trees of nodes become plain data, judged against the schema.

Strict at every depth: an unknown key, a wrong type, a duplicate, a value out of its bounds or its format is
an error with a span, and reading goes on, so that one run tells all. Defaults are not filled in, names are
not bound, and rules between keys are not judged: that is for the stages after this one.

    shape           the language, read off the schema
    kdl, yaml       readers: nodes to records, compiled once
    scalars         one value; formats for what is more than its length
    unknown, *_mistakes   the words for what was refused
    record          the data, and the way back to the text
    overlay, setting      values laid over by other files, variables and flags
"""

from __future__ import annotations

from .provenance import Origin
from .record import Record, key_span, span_of
from .shape import default_of
from .stage import ValidateCache, Validated, validate

__all__ = ["Origin", "Record", "ValidateCache", "Validated", "default_of", "key_span", "span_of", "validate"]
