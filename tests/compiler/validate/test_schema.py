"""The schema itself: sound, told in full, and what others are given of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from gwc.compiler.format.emit_yaml import to_yaml
from gwc.compiler.schema_export import Draft, export
from gwc.compiler.validate.formats import FORMATS
from gwc.compiler.validate.shape import Block, Key, Nodes, ObjectShape, Scalar, Tagged, Values, language
from gwc.schema.config_schema import config_schema

from .reading import yaml
from .test_oracle import plain
from .test_yaml import WHOLE

DRAFTS: list[Draft] = ["2020-12", "draft-07"]


def keys() -> Iterator[tuple[ObjectShape, Key]]:
    """Every key of every object."""
    for shape in language().objects.values():
        for key in shape.keys.values():
            yield shape, key


def keywords(schema: Any) -> Iterator[str]:
    """Every keyword of a schema, at any depth; names of keys and data are none."""
    if isinstance(schema, list):
        for each in schema:
            yield from keywords(each)
    elif isinstance(schema, dict):
        for keyword, value in schema.items():
            yield keyword
            if keyword in ("properties", "$defs", "definitions"):
                yield from keywords(list(value.values()))
            elif keyword not in ("examples", "default", "enum", "required", "const"):
                yield from keywords(value)


def test_the_schema_is_one() -> None:
    """It holds against the meta schema of its draft."""
    jsonschema.Draft202012Validator.check_schema(config_schema())


def test_every_key_is_told_of() -> None:
    """A description that ends in a full stop, and an example."""
    for shape, key in keys():
        assert key.description.endswith("."), (shape.name, key.name)
        assert key.examples, (shape.name, key.name)


def test_every_example_and_default_is_valid() -> None:
    """Examples and defaults hold against the schema of their key."""
    definitions = {"$defs": config_schema()["$defs"]}
    for place in (config_schema(), *config_schema()["$defs"].values()):
        for name, key in place.get("properties", {}).items():
            checker = jsonschema.Draft202012Validator({**definitions, **key})
            for value in (*key["examples"], *([key["default"]] if "default" in key else [])):
                assert checker.is_valid(value), (name, value)


def test_every_object_is_closed() -> None:
    """No object takes keys that nobody knows."""
    for place in (config_schema(), *config_schema()["$defs"].values()):
        if place.get("type") == "object":
            assert place["additionalProperties"] is False


def test_every_format_is_known_and_used() -> None:
    """The table of formats and the schema speak of the same ones."""
    used = set()
    for _, key in keys():
        if isinstance(key.shape, Scalar | Values):
            scalar = key.shape.item if isinstance(key.shape, Values) else key.shape
            used.add(scalar.format)
    assert used - {None} == set(FORMATS)


def test_the_kdl_spelling_is_unambiguous() -> None:
    """Arguments are scalars, a rest is a list, no two keys of an object have nodes of one name."""
    for shape in language().objects.values():
        names = [name for name, _ in shape.kdl_names()]
        assert len(names) == len(set(names)), shape.name
        for name in shape.args:
            assert isinstance(shape.keys[name].shape, Scalar), (shape.name, name)
        if shape.rest is not None:
            assert isinstance(shape.keys[shape.rest].shape, Values), shape.name
        if shape.tag is not None:
            assert shape.args[0] == shape.tag
            assert shape.tag in shape.required
        for name in (*shape.props, *(name for rivals in shape.exclusive for name in rivals)):
            assert name in shape.keys, (shape.name, name)


def test_short_forms_are_of_the_type_they_stand_for() -> None:
    """A scalar in the place of an object has the type of the key that it fills."""
    for _, key in keys():
        match key.shape:
            case Block(object=name, short=True) | Nodes(object=name, short=True):
                pass
            case Tagged(objects=objects, short=True):
                (name,) = objects.values()
            case _:
                continue
        shape = language().objects[name]
        filled = shape.args[0] if shape.args else shape.rest
        assert filled is not None
        place = shape.keys[filled].shape
        assert isinstance(place, Scalar | Values)
        scalar = place.item if isinstance(place, Values) else place
        text = json.dumps(config_schema())
        if scalar.flag:
            continue  # it has no name, and there is but one kind
        assert scalar.name is not None
        assert f"#/$defs/{scalar.name}" in text


@pytest.mark.parametrize("draft", DRAFTS)
def test_a_published_form_is_a_schema_of_its_draft(draft: Draft) -> None:
    """It names its draft, holds against its meta schema and has nothing that is gwc's own."""
    schema = export(draft)
    checker = jsonschema.validators.validator_for(schema)
    checker.check_schema(schema)
    assert not {"x-kdl", "x-exclusive", "format"} & set(keywords(schema))
    assert list(schema)[:2] == ["$schema", "$id"]


@pytest.mark.parametrize("draft", DRAFTS)
def test_a_published_form_gives_the_same_verdicts(draft: Draft) -> None:
    """Editors and CI see the mistakes in a configuration that gwc sees, words aside."""
    checker = jsonschema.validators.validator_for(export(draft))(export(draft))
    data: Any = json.loads(json.dumps(plain(yaml(WHOLE).data)))
    assert checker.is_valid(data)
    data["routes"][0]["prioritty"] = 3
    assert not checker.is_valid(data)
    del data["routes"][0]["prioritty"]
    data["listeners"][0]["address"] = []
    assert not checker.is_valid(data)


def test_draft_07_has_nothing_beside_a_reference() -> None:
    """What stands beside `$ref` is ignored in that draft, descriptions too."""
    pending: list[Any] = [export("draft-07")]
    described = 0
    while pending:
        found = pending.pop()
        if isinstance(found, dict):
            assert "$ref" not in found or len(found) == 1
            described += "markdownDescription" in found
            pending.extend(found.values())
        elif isinstance(found, list):
            pending.extend(found)
    assert described > 100


def test_an_export_can_be_changed() -> None:
    """Callers get data of their own."""
    export("2020-12")["$defs"].clear()
    assert export("2020-12")["$defs"]


def test_the_schema_file_is_written_one_way() -> None:
    """Two spaces, plain characters, so that changes of it can be read."""
    text = (Path(__file__).parents[3] / "schema" / "config.schema.json").read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


def test_a_whole_configuration_survives_being_written_and_read() -> None:
    """What is in one text is in the other."""
    assert yaml(to_yaml(yaml(WHOLE).data)).data == yaml(WHOLE).data
