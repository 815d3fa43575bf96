"""No key of the language is without an effect that a test shows on a running gateway."""

from __future__ import annotations

import pytest

from .keys import every_key, expanded, shown


@pytest.mark.parametrize("path", every_key())
def test_every_key_has_an_effect(path: str) -> None:
    """Whoever adds a key to the schema shows what a running gateway does with it."""
    assert shown().get(path), f"no test says `@shows({path!r})`"


def test_paths_in_short() -> None:
    """Choices in braces are written out, each with each."""
    assert expanded("a.{b,c}.{,d}") == ["a.b", "a.b.d", "a.c", "a.c.d"]
