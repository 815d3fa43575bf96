"""The compiled readers against `jsonschema`, and the two syntaxes against each other."""

from __future__ import annotations

from typing import Any

import jsonschema
from gwc.compiler.format.emit_kdl import kdl_value, to_kdl
from gwc.compiler.format.emit_yaml import to_yaml, yaml_value
from gwc.compiler.validate.provenance import leaves
from gwc.compiler.validate.record import Record
from gwc.schema.config_schema import config_schema
from hypothesis import given

from .reading import kdl, yaml
from .strategies import bent, configurations, spoilt

FORMAT_CODES = {f"GWC{number}" for number in range(223, 240)}
"""What a text says beyond its length is not the oracle's matter."""

# `pattern` repeats in the schema what formats check; floats are never whole numbers here.
_CHECKER = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
    "integer", lambda _, value: type(value) is int
)
_ORACLE = jsonschema.validators.extend(  # type: ignore[no-untyped-call]  # the stubs leave it untyped
    jsonschema.Draft202012Validator, {"pattern": lambda *_: ()}, type_checker=_CHECKER
)(config_schema())


def as_yaml(data: Any) -> str:
    """Any JSON data as YAML in one line, right or wrong."""
    if isinstance(data, dict):
        return "{" + ", ".join(f"{yaml_value(key)}: {as_yaml(value)}" for key, value in data.items()) + "}"
    if isinstance(data, list):
        return "[" + ", ".join(map(as_yaml, data)) + "]"
    if data is None or isinstance(data, float):
        return "null" if data is None else str(data)
    return yaml_value(data)


def plain(value: Any) -> Any:
    """Records and tuples as JSON data."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return value


@given(configurations())
def test_what_the_schema_allows_is_accepted(data: Any) -> None:
    """Whatever is made from the schema is valid to the oracle and to the readers."""
    assert _ORACLE.is_valid(data)
    assert yaml(to_yaml(data)).diagnostics == ()


@given(spoilt())
def test_the_verdict_is_that_of_the_oracle(data: Any) -> None:
    """Formats aside, the readers refuse exactly what the schema refuses."""
    found = [each for each in yaml(as_yaml(data)).diagnostics if each.code not in FORMAT_CODES]
    assert (not found) == _ORACLE.is_valid(data), [(each.code, each.headline) for each in found]


@given(bent())
def test_the_verdict_on_kdl_is_that_of_the_oracle(data: Any) -> None:
    """What is wrong with the tree is refused in KDL's spelling, too."""
    found = [each for each in kdl(to_kdl(data)).diagnostics if each.code not in FORMAT_CODES]
    assert (not found) == _ORACLE.is_valid(data), [(each.code, each.headline) for each in found]


@given(configurations())
def test_both_syntaxes_give_the_same_data(data: Any) -> None:
    """Data written as YAML and as KDL reads back as itself, with all short forms written out."""
    first = yaml(to_yaml(data))
    assert first.diagnostics == ()
    from_kdl = kdl(to_kdl(first.data))
    assert from_kdl.diagnostics == ()
    assert from_kdl.data == first.data
    assert yaml(to_yaml(first.data)).data == first.data
    assert kdl(to_kdl(data)).data == first.data, "short forms are written as they are"


@given(configurations())
def test_writing_is_canonical(data: Any) -> None:
    """Text that was written from data and read again is written as the same text."""
    once = to_kdl(yaml(to_yaml(data)).data)
    assert to_kdl(kdl(once).data) == once
    again = to_yaml(yaml(to_yaml(data)).data)
    assert to_yaml(yaml(again).data) == again


@given(configurations())
def test_the_data_is_valid_as_it_is_written_out(data: Any) -> None:
    """The full form of the data is itself of the schema."""
    assert _ORACLE.is_valid(plain(yaml(to_yaml(data)).data))


@given(configurations())
def test_every_value_is_found_again_in_the_text(data: Any) -> None:
    """The span of every scalar covers what was written for it, in both syntaxes."""
    record: Record = yaml(to_yaml(data)).data
    for text, read, written in (
        (to_kdl(record), kdl, kdl_value),
        (to_yaml(record), yaml, yaml_value),
    ):
        validated = read(text)
        for pointer, value in leaves(validated.data):
            span = validated.locate(pointer)
            assert text[span.start : span.end] == written(value), pointer
