"""Documents of APIs: what is read, how operations are found, how parameters become values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gwc.schema.openapi import Api, DocumentFaulty, load
from gwc.schema.openapi.values import MISSING


def api(tmp_path: Path, document: Any, name: str = "openapi.json") -> Api:
    """A compiled document."""
    path = tmp_path / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return load(path, tmp_path)


def operations(*paths: str, **more: Any) -> dict[str, Any]:
    """A document with a GET for each path."""
    return {"openapi": "3.1.0", "paths": {path: {"get": {}} for path in paths}, **more}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/users/me", "GET /users/me"),
        ("/users/7", "GET /users/{id}"),
        ("/users/7.json", "GET /users/{id}.json"),
        ("/users/7/items", "GET /users/{id}/items"),
        ("/users/", None),
        ("/users", None),
        ("/users/7/other", None),
    ],
)
def test_operations_are_found_by_path(tmp_path: Path, path: str, wanted: str | None) -> None:
    """A literal segment goes before a parameter, which takes a whole segment or a part of one."""
    made = api(tmp_path, operations("/users/{id}", "/users/{id}.json", "/users/me", "/users/{id}/items"))
    found = made.find("GET", path)
    assert (None if found is None or found.operation is None else found.operation.name) == wanted


def test_methods_and_bases(tmp_path: Path) -> None:
    """HEAD is GET where it is not said; the base is the first server's path unless it is given."""
    made = api(tmp_path, operations("/a", servers=[{"url": "https://x.test/v1/"}]))
    head = made.find("HEAD", "/v1/a")
    assert head is not None
    assert head.operation is not None
    other = made.find("POST", "/v1/a")
    assert other is not None
    assert (other.operation, other.methods) == (None, ("GET",))
    assert made.find("GET", "/a") is None
    assert made.find("GET", "/v1a") is None
    assert made.find("GET", "/a", "") is not None
    assert made.find("GET", "/w/a", "/w") is not None


VALUES: list[tuple[dict[str, Any], dict[str, list[str]], Any]] = [
    ({"schema": {"type": "integer"}}, {"p": ["7"]}, 7),
    ({"schema": {"type": "integer"}}, {"p": ["7.5"]}, "7.5"),
    ({"schema": {"type": "integer"}}, {"p": ["٧"]}, "٧"),
    ({"schema": {"type": "number"}}, {"p": ["7.5"]}, 7.5),
    ({"schema": {"type": "boolean"}}, {"p": ["true"]}, True),
    ({"schema": {"type": "boolean"}}, {"p": ["yes"]}, "yes"),
    ({"schema": {"type": "string"}}, {"p": ["7"]}, "7"),
    ({"schema": {"type": ["integer", "null"]}}, {"p": [""]}, None),
    ({"schema": {"anyOf": [{"type": "integer"}, {"type": "string"}]}}, {"p": ["7"]}, 7),
    ({"schema": {"enum": [1, 2]}}, {"p": ["2"]}, 2),
    ({"schema": {"type": "array", "items": {"type": "integer"}}}, {"p": ["1", "2"]}, [1, 2]),
    ({"schema": {"type": "array"}, "explode": False}, {"p": ["a,b"]}, ["a", "b"]),
    ({"schema": {"type": "array"}, "style": "pipeDelimited", "explode": False}, {"p": ["a|b"]}, ["a", "b"]),
    (
        {"schema": {"type": "object", "properties": {"n": {"type": "integer"}}}, "style": "deepObject"},
        {"p[n]": ["1"], "q": ["2"]},
        {"n": 1},
    ),
    (
        {"schema": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        {"n": ["1"], "q": ["2"]},
        {"n": 1},
    ),
    ({"schema": {"type": "object"}, "explode": False}, {"p": ["a,1,b,2"]}, {"a": "1", "b": "2"}),
    ({"content": {"application/json": {"schema": {"type": "object"}}}}, {"p": ['{"a":1}']}, {"a": 1}),
    ({"schema": {"type": "integer"}}, {}, MISSING),
]


@pytest.mark.parametrize(("parameter", "values", "wanted"), VALUES)
def test_values(tmp_path: Path, parameter: dict[str, Any], values: Any, wanted: Any) -> None:
    """Text becomes what the schema speaks of, or stays text."""
    document = operations("/a")
    document["paths"]["/a"]["get"] = {"parameters": [{"name": "p", "in": "query", **parameter}]}
    found = api(tmp_path, document).find("GET", "/a")
    assert found is not None
    assert found.operation is not None
    (one,) = found.operation.parameters
    assert one.read(values, "p") == wanted


def test_references_and_dialects(tmp_path: Path) -> None:
    """References lead within the document and to files beside it; 3.0 has `nullable` and boolean bounds."""
    (tmp_path / "common.yaml").write_text(
        "components:\n  parameters:\n    n:\n      name: n\n      in: query\n"
        "      schema: {$ref: '#/types/small'}\ntypes:\n  small: {type: integer, maximum: 9}\n"
    )
    made = api(
        tmp_path,
        "openapi: 3.0.3\npaths:\n  /a:\n    get:\n      parameters:\n"
        "        - $ref: common.yaml#/components/parameters/n\n"
        "        - {name: m, in: query, schema: {$ref: '#/components/schemas/m'}}\n"
        "      responses:\n        200: {description: x}\n"
        "components:\n  schemas:\n"
        "    m: {type: integer, nullable: true, minimum: 1, exclusiveMinimum: true}\n",
        "openapi.yaml",
    )
    found = made.find("GET", "/a")
    assert found is not None
    assert found.operation is not None
    n, m = found.operation.parameters
    assert [len(n.checker.problems(value, "query", "n")) for value in (9, 10)] == [0, 1]
    assert [len(m.checker.problems(value, "query", "m")) for value in (None, 2, 1)] == [0, 0, 1]
    assert list(found.operation.replies) == ["200"]
    assert {path.name for path in made.files} == {"openapi.yaml", "common.yaml"}


FAULTY: list[tuple[Any, str, str]] = [
    ("{", "cannot be read", ""),
    ("[1]", "neither", ""),
    ({"swagger": "2.0"}, "Swagger", "/swagger"),
    ({"openapi": "4.0"}, "OpenAPI 4.0", "/openapi"),
    ({"openapi": "3.1.0"}, "no paths", "/paths"),
    (operations("/{a}{b}"), "one parameter", "/paths/~1{a}{b}"),
    (
        {
            "openapi": "3.1.0",
            "paths": {
                "/a": {"get": {"parameters": [{"name": "p", "in": "query", "schema": {"type": "strin"}}]}}
            },
        },
        "a schema cannot be used",
        "/paths/~1a/get/parameters/0/schema",
    ),
    (
        {"openapi": "3.1.0", "paths": {"/a": {"get": {"parameters": [{"$ref": "#/nope"}]}}}},
        "leads nowhere",
        "/nope",
    ),
    (
        {"openapi": "3.1.0", "paths": {"/a": {"$ref": "#/paths/~1a"}}},
        "in a circle",
        "/paths/~1a",
    ),
    ({"openapi": "3.1.0", "paths": {"/a": {"$ref": "http://127.0.0.1:9/x"}}}, "nothing is fetched", ""),
    ({"openapi": "3.1.0", "paths": {"/a": {"$ref": "../../../etc/passwd"}}}, "is not below", ""),
    ({"$ref": "file:///etc/passwd"}, "is not below", ""),
]


@pytest.mark.parametrize(("document", "reason", "pointer"), FAULTY)
def test_documents_that_cannot_be_used(tmp_path: Path, document: Any, reason: str, pointer: str) -> None:
    """Each says what is wrong, and where in it; nothing is fetched, and nothing read outside the root."""
    with pytest.raises(DocumentFaulty) as caught:
        api(tmp_path, document)
    assert reason in str(caught.value)
    assert caught.value.pointer == pointer
