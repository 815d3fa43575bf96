"""The pages about access: configurations check clean, figures are those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest
from gwc.compiler.pipeline import compile_text
from gwc.runtime.filters import auth_basic, auth_forward, auth_jwt, auth_keys

from .session import blocks

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("page", ["authentication", "addresses"])
def test_configurations_check_clean(page: str) -> None:
    """Each, with nothing to find."""
    found = blocks((DOCS / f"{page}.md").read_text("utf-8"), "kdl")
    assert found
    for text in found:
        assert compile_text(text, "kdl").diagnostics == ()


def test_limits_are_those_that_are_told() -> None:
    """Times and sizes that the page names."""
    text = (DOCS / "authentication.md").read_text("utf-8")
    assert f"at most {auth_basic.MOST_WAITING} at once" in text
    assert f"more than {auth_jwt.LONGEST // 1024} KiB" in text
    assert f"It has {auth_keys.FETCH_S:g} s and {auth_keys.MOST_BYTES // 1024} KiB" in text
    assert f"at most every {auth_keys.LEAST_BETWEEN_S:g} s" in text
    assert f"more than {auth_forward.MOST_BYTES // 1024} KiB" in text
