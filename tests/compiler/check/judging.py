"""What the checks find in a small configuration, written shortly."""

from __future__ import annotations

from gwc.compiler.pipeline import compile_text
from gwc.schema.diagnostic import Diagnostic

HTTP = 'listeners { listener "h" { address "0.0.0.0:80" } }\n'
BOTH = (
    'listeners { listener "h" { address "0.0.0.0:80" }\n'
    'listener "s" { address "0.0.0.0:443"; tls { certificate "tls.pem" key="tls.key" } } }\n'
)
UPSTREAM = 'upstreams { upstream "u" { target "127.0.0.1:1" } }\n'


def findings(code: str, text: str) -> tuple[Diagnostic, ...]:
    """The findings of one code in a configuration without errors."""
    result = compile_text(text, "kdl")
    assert result.table is not None, result.diagnostics
    return tuple(each for each in result.diagnostics if each.code == code)


def places(code: str, text: str) -> list[str]:
    """The text that each finding of the code points at."""
    found = []
    for each in findings(code, text):
        assert each.span is not None
        found.append(text[each.span.start : each.span.end])
    return found
