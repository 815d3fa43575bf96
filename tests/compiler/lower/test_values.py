"""Values taken apart."""

from __future__ import annotations

import pytest
from gwc.compiler.lower.values import lower_value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", ("plain",)),
        ("", ("",)),
        ("${req.host}", ("", "req.host", "")),
        ("a-${req.header.X-Id}-b", ("a-", "req.header.x-id", "-b")),
        ("${path.id}${client-ip}", ("", "path.id", "", "client-ip", "")),
        ("${env:TOKEN}", ("", "env:TOKEN", "")),
        ("x ${file:/run/a b} y", ("x ", "file:/run/a b", " y")),
        ("$${env:TOKEN}", ("${env:TOKEN}",)),
        ("$${a}${route}$${b}", ("${a}", "route", "${b}")),
        ("$5 {x}", ("$5 {x}",)),
    ],
)
def test_parts(text: str, expected: tuple[str, ...]) -> None:
    """Text and variables alternate, beginning and ending with text."""
    assert lower_value(text) == expected
