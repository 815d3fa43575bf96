"""Text with variables, taken apart once so that no request has to."""

from __future__ import annotations

from gwc.schema.table import Value
from gwc.schema.template import EnvironmentReference, FileReference, Text, ValueTemplate, parse_value


def lower_value(text: str) -> Value:
    """`text` as text, variable, text, … text. References keep their kind: `env:NAME`, `file:path`."""
    if "${" not in text:
        return (text,)
    template = parse_value(text)
    assert isinstance(template, ValueTemplate), f"resolving let a value pass: {text!r}"
    parts = [""]
    for part in template.parts:
        if isinstance(part, Text):
            parts[-1] += part.text
        elif isinstance(part, EnvironmentReference):
            parts += (f"env:{part.name}", "")
        elif isinstance(part, FileReference):
            parts += (f"file:{part.path}", "")
        else:
            parts += (part.name, "")
    return tuple(parts)
