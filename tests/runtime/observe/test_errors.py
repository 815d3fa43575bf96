"""The error log: levels, forms, masked fields, any value."""

from __future__ import annotations

import json
from typing import Literal

from gwc.runtime.observe.errors import ErrorLog, Level
from gwc.schema.table import LogRecord
from hypothesis import given
from hypothesis import strategies as st


def log(level: Level = "info", form: Literal["json", "text"] = "json") -> tuple[ErrorLog, list[bytes]]:
    """An error log and the lines it has written."""
    lines: list[bytes] = []
    record = LogRecord("x", form, level=level)
    return ErrorLog(record, "gw:1", lines.append), lines


def test_a_line_has_its_level_event_and_fields() -> None:
    """JSON with the fields as they were given."""
    errors, lines = log()
    errors.tell("warning", "target-down", {"upstream": "orders", "tries": 3, "seconds": 0.5, "last": None})
    line = json.loads(lines[0])
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "warning",
        "event": "target-down",
        "upstream": "orders",
        "tries": 3,
        "seconds": 0.5,
        "last": None,
        "instance": "gw:1",
    }


def test_levels() -> None:
    """Below the level nothing is told; it can be changed while the gateway runs."""
    errors, lines = log("warning")
    errors.tell("info", "a", {})
    errors.tell("error", "b", {})
    errors.set_level("debug")
    errors.tell("debug", "c", {})
    errors.tell("terrible", "d", {})
    assert [json.loads(line)["event"] for line in lines] == ["b", "c", "d"]
    assert json.loads(lines[-1])["level"] == "error"


def test_secret_fields_are_masked() -> None:
    """By their name, also inside of a value."""
    forms: tuple[Literal["json", "text"], ...] = ("json", "text")
    for form in forms:
        errors, lines = log(form=form)
        errors.tell("error", "x", {"api_key": "CANARY", "headers": {"Authorization": "CANARY", "a": "b"}})
        assert b"CANARY" not in lines[0]
        assert b"***" in lines[0]


class Broken:
    """A value that cannot be told."""

    def __str__(self) -> str:
        raise RuntimeError("no")


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(max_size=8)
            | st.binary(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=6,
        )
        | st.builds(Broken),
        max_size=4,
    ),
    st.text(max_size=10),
)
def test_any_field_makes_one_line(fields: dict[str, object], event: str) -> None:
    """No value raises, breaks the line, or leaves a control character raw."""
    forms: tuple[Literal["json", "text"], ...] = ("json", "text")
    for form in forms:
        errors, lines = log(form=form)
        errors.tell("error", event, fields)
        (line,) = lines
        text = line.decode()
        assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in text[:-1])
        if form == "json":
            assert json.loads(line)["instance"] == "gw:1"
