"""The page about HTTP/2 to upstreams: its configuration checks clean, its table is the code's."""

from __future__ import annotations

import re
from pathlib import Path

from gwc.compiler.pipeline import compile_text
from gwc.runtime.grpc import code_of

from .session import blocks

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "http2-upstreams.md").read_text("utf-8")


def test_the_configuration_checks_clean() -> None:
    """It is whole, and has no finding."""
    (text,) = blocks(PAGE, "kdl")
    assert compile_text(text, "kdl").diagnostics == ()


def test_the_codes_are_those_that_are_sent() -> None:
    """Every status of the table, and nothing else has a code of its own."""
    rows = re.findall(r"^\| ([0-9, ]+) \| ([0-9]+) [A-Z_]+ \|$", PAGE, re.M)
    told = {int(status): int(code) for statuses, code in rows for status in statuses.split(",")}
    assert told == {status: code_of(status) for status in range(100, 600) if code_of(status) != 2}
