"""Diagnostics for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gwc.schema.diagnostic
import jsonschema
import pytest
from gwc.compiler.diagnostics.render.json_ import render_json
from gwc.compiler.source import source_from_text
from gwc.schema.diagnostic import Diagnostic, Label, Severity, error, warning
from gwc.schema.span import Span
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    """The published schema."""
    file = Path(gwc.schema.diagnostic.__file__).with_name("diagnostics.schema.json")
    schema = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_a_finding_has_all_its_parts(validator: jsonschema.Draft202012Validator) -> None:
    """Offsets, lines and columns of both parties, and the counts."""
    text = "é one\r\ntwo"
    found = [
        error(
            "GWC301",
            Span("a.kdl", 7, 10),
            "a `name`",
            label="here",
            secondary=[Label(Span("a.kdl", 2, 5), "there"), Label(Span("gone.kdl", 1, 2), "")],
            help="x\ny",
        ),
        warning("GWC001", None, "no place"),
    ]
    output = json.loads(render_json(found, {"a.kdl": source_from_text(text, "a.kdl")}))
    validator.validate(output)
    assert output == {
        "schema_version": 1,
        "counts": {"error": 1, "warning": 1, "note": 0},
        "diagnostics": [
            {
                "code": "GWC301",
                "severity": "error",
                "headline": "a `name`",
                "file": "a.kdl",
                "span": _span((7, 2, 1), (10, 2, 4)),
                "label": "here",
                "secondary": [
                    {"file": "a.kdl", "span": _span((2, 1, 3), (5, 1, 6)), "label": "there"},
                    {"file": "gone.kdl", "span": _span((1, None, None), (2, None, None)), "label": ""},
                ],
                "help": "x\ny",
            },
            {
                "code": "GWC001",
                "severity": "warning",
                "headline": "no place",
                "file": None,
                "span": None,
                "label": "",
                "secondary": [],
                "help": "",
            },
        ],
    }


def _span(*places: tuple[int, int | None, int | None]) -> dict[str, Any]:
    start, end = (dict(zip(("offset", "line", "column"), place, strict=True)) for place in places)
    return {"start": start, "end": end}


def test_a_clean_run_has_an_empty_list(validator: jsonschema.Draft202012Validator) -> None:
    """The form is the same without findings."""
    output = json.loads(render_json([], {}))
    validator.validate(output)
    assert output["diagnostics"] == []


def test_each_finding_stands_on_a_line_of_its_own() -> None:
    """`grep` finds a finding whole."""
    found = [error("GWC301", None, "a\nb"), error("GWC302", None, "c")]
    assert [line[:18] for line in render_json(found, {}).splitlines()[1:3]] == [
        '{"code": "GWC301",',
        '{"code": "GWC302",',
    ]


@given(st.text() | st.text("a\n\x1b\x7f\x85\ud800\u2028"), st.text(), st.integers(0, 9), st.integers(0, 9))
def test_any_text_is_printed_harmless_and_read_back(
    validator: jsonschema.Draft202012Validator, message: str, text: str, start: int, length: int
) -> None:
    """ASCII only, no control characters, and the same text when read."""
    span = Span("a", start, start + length)
    found = Diagnostic("GWC101", Severity.NOTE, message, span, message, (Label(span, message),), message)
    output = render_json([found], {"a": source_from_text(text, "a")})
    assert output.replace("\n", "").isprintable()
    assert output.isascii()
    read = json.loads(output)
    validator.validate(read)
    assert read["diagnostics"][0]["headline"] == message
