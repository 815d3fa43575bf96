"""Files loaded, for the tests of loading."""

from __future__ import annotations

from pathlib import Path

from gwc.compiler.include import Loaded
from gwc.schema.diagnostic import Diagnostic


def names(loaded: Loaded) -> list[str]:
    """The first argument of each entry, or its name where it has none."""
    return [str(node.head.args[0].value if node.head.args else node.head.name) for _, node in loaded.entries]


def only(loaded: Loaded) -> Diagnostic:
    """The one thing that was found."""
    (found,) = loaded.diagnostics
    return found


def place(loaded: Loaded, found: Diagnostic) -> str:
    """The text under the span of a finding."""
    assert found.span is not None
    return loaded.sources[found.span.file].text[found.span.start : found.span.end]


def write(root: Path, texts: dict[str, str]) -> Path:
    """Files on disk; the answer is their directory."""
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root
