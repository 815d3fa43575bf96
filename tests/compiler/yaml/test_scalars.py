"""The core schema: which unquoted texts are numbers, truth values and null, and which stay texts."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from gwc.compiler.parse.document import Scalar
from gwc.compiler.parse.yaml import parse

TEXTS = [
    "no", "No", "yes", "on", "off", "y", "n", "22:22", "1:30", "010", "-007", "00", "007.5", "0o8", "0xG",
    "2024-01-01", "2024-01-01T10:00:00Z", "1_000", "1,5", "=", "<", "tRUE", "nULL", "0b101", "-0x1F", "+.nan",
    ".", "+", "1e", "e5", "1.2.3", "10.0.0.1:8080", "::1", "30s", "٣", "１", "1" * 1001,
    "1e99999999999999999999", ".Nan",
]  # fmt: skip

VALUES: list[tuple[str, Scalar]] = [
    ("null", None), ("Null", None), ("NULL", None), ("~", None), ("", None),
    ("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False),
    ("0", 0), ("-0", 0), ("12", 12), ("+12", 12), ("-19", -19), ("0o7", 7), ("0o14", 12), ("0x1F", 31),
    ("0xdead", 57005), ("12345678901234567890", 12345678901234567890),
    ("1.5", Decimal("1.5")), ("-.5", Decimal("-0.5")), ("1.", Decimal(1)), ("12e03", Decimal("12E+3")),
    ("1e400", Decimal("1E+400")), ("0.10", Decimal("0.10")),
    (".inf", math.inf), ("-.INF", -math.inf), ("+.Inf", math.inf),
]  # fmt: skip


def value_of(text: str) -> Scalar:
    document, diagnostics = parse(f"key: {text}\n", "gwc.yaml")
    assert diagnostics == ()
    return document.nodes[0].head.args[0].value


@pytest.mark.parametrize("text", TEXTS)
def test_what_only_looks_like_a_value_stays_a_text(text: str) -> None:
    """YAML 1.1 would guess here; gwc keeps what was written."""
    assert value_of(text) == text


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_the_core_schema_names_every_other_value(text: str, value: Scalar) -> None:
    """Null, truth values, integers in three bases, exact decimals, infinities."""
    found = value_of(text)
    assert found == value
    assert type(found) is type(value)


def test_nan_is_a_float() -> None:
    """The three spellings of not-a-number."""
    for text in (".nan", ".NaN", ".NAN"):
        found = value_of(text)
        assert isinstance(found, float)
        assert math.isnan(found)


@pytest.mark.parametrize("text", ["12", "true", "null", "~", "", "0x1F", ".inf"])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_quotes_make_everything_a_text(text: str, quote: str) -> None:
    """A quoted scalar is never looked at."""
    assert value_of(f"{quote}{text}{quote}") == text


def test_block_texts_are_texts() -> None:
    """`|` and `>` are never looked at either."""
    document, _ = parse("a: |-\n  12\nb: >-\n  true\n", "gwc.yaml")
    assert [node.head.args[0].value for node in document.nodes] == ["12", "true"]
