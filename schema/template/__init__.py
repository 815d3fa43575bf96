"""Text with holes: path templates (`/users/{id}`) and values with variables (`x-${req.host}`)."""

from .path import Parameter, PathTemplate, literal_bytes, match_template, parse_template
from .value import (
    VARIABLES,
    EnvironmentReference,
    FileReference,
    Part,
    Text,
    ValueTemplate,
    Variable,
    parse_value,
)

__all__ = [
    "VARIABLES",
    "EnvironmentReference",
    "FileReference",
    "Parameter",
    "Part",
    "PathTemplate",
    "Text",
    "ValueTemplate",
    "Variable",
    "literal_bytes",
    "match_template",
    "parse_template",
    "parse_value",
]
