"""The pages about failure: their configurations check clean."""

from __future__ import annotations

from pathlib import Path

import pytest
from gwc.compiler.pipeline import compile_text

from .session import blocks

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("retries", "fallback", "mirroring")


@pytest.mark.parametrize("name", PAGES)
def test_configurations_check_clean(name: str) -> None:
    """Each is whole and has no finding."""
    found = blocks((ROOT / "docs" / f"{name}.md").read_text("utf-8"), "kdl")
    assert found
    for text in found:
        assert compile_text(text, "kdl").diagnostics == ()
