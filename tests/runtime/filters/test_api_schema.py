"""`api-schema`: what of a request is held against a document, and what is said of what differs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from gwc.runtime.control.preparing import PrepareFailed

from .serving import Answer, World, served, until

DOCUMENT = {
    "openapi": "3.1.0",
    "paths": {
        "/orders": {
            "get": {
                "parameters": [
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}},
                    {"name": "X-Tenant", "in": "header", "required": True, "schema": {"pattern": "^[a-z]+$"}},
                    {"name": "s", "in": "cookie", "schema": {"type": "integer"}},
                ],
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {
                                "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}}
                            }
                        }
                    }
                },
            },
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Order"}},
                        "application/x-www-form-urlencoded": {"schema": {"required": ["sku"]}},
                        "text/plain": {},
                    },
                }
            },
        },
        "/orders/{id}": {
            "get": {
                "parameters": [
                    {
                        "name": "id",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "string", "format": "uuid"},
                    }
                ]
            }
        },
    },
    "components": {
        "schemas": {
            "Order": {
                "type": "object",
                "required": ["sku"],
                "properties": {
                    "sku": {"type": "string"},
                    "items": {"type": "array", "items": {"type": "integer"}},
                },
                "additionalProperties": False,
            }
        }
    },
}
TENANT = "x-tenant: a"
JSON = "content-type: application/json"
FORM = "content-type: application/x-www-form-urlencoded"


def answers(tmp_path: Path, said: str, *requests: tuple[Any, ...], document: Any = DOCUMENT) -> list[Answer]:
    """The replies to some requests: method, path, fields, and a body if the last is bytes."""
    (tmp_path / "api.json").write_text(json.dumps(document), "utf-8")
    config = f'routes {{ route "r" {{ api-schema "api.json" {{ {said} }}; reasons #true; upstream "u" }} }}'

    async def talk(world: World) -> list[Answer]:
        found = []
        for each in requests:
            body = each[-1] if isinstance(each[-1], bytes) else b""
            found.append(await world.ask(*(text for text in each if isinstance(text, str)), body=body))
        return found

    found: list[Answer] = served(config, talk, root=tmp_path)
    return found


GOOD: list[tuple[Any, ...]] = [
    ("GET", "/orders", TENANT),
    ("GET", "/orders?limit=100&other=x", TENANT, "cookie: s=7"),
    ("HEAD", "/orders", TENANT),
    ("GET", "/orders/550e8400-e29b-41d4-a716-446655440000"),
    ("POST", "/orders", JSON, b'{"sku":"a","items":[1]}'),
    ("POST", "/orders", "content-type: application/json; charset=utf-8", b'{"sku":"a"}'),
    ("POST", "/orders", FORM, b"sku=a"),
    ("POST", "/orders", "content-type: text/plain", b"anything"),
]

BAD: list[tuple[tuple[Any, ...], int, list[dict[str, str]]]] = [
    (("GET", "/orders"), 400, [{"in": "header", "name": "x-tenant"}]),
    (("GET", "/orders", "x-tenant: A"), 400, [{"in": "header", "name": "x-tenant"}]),
    (("GET", "/orders?limit=101", TENANT), 400, [{"in": "query", "name": "limit"}]),
    (
        ("GET", "/orders?limit=x", TENANT, "cookie: s=y"),
        400,
        [{"in": "query"}, {"in": "cookie", "name": "s"}],
    ),
    (("GET", "/orders/7"), 400, [{"in": "path", "name": "id"}]),
    (("GET", "/other"), 404, [{"in": "path"}]),
    (("DELETE", "/orders"), 405, [{"in": "method"}]),
    (("POST", "/orders", JSON, b"{"), 400, [{"in": "body", "pointer": ""}]),
    (
        ("POST", "/orders", JSON, b'{"items":[1,"x"],"y":1}'),
        400,
        [{"in": "body", "pointer": ""}, {"in": "body", "pointer": "/items/1"}, {"in": "body", "pointer": ""}],
    ),
    (("POST", "/orders", FORM, b"other=a"), 400, [{"in": "body"}]),
    (("POST", "/orders"), 400, [{"in": "body", "message": "is missing"}]),
    (("POST", "/orders", "content-type: text/html", b"x"), 415, [{"in": "header", "name": "content-type"}]),
]


def test_what_fits_passes(tmp_path: Path) -> None:
    """Parameters of all places, and bodies of all kinds that the document has."""
    assert [each.status for each in answers(tmp_path, "", *GOOD)] == [200] * len(GOOD)


def test_what_differs_is_refused_with_its_place(tmp_path: Path) -> None:
    """JSON names each place, never a value; methods that there are stand in Allow."""
    found = answers(tmp_path, "", *(each for each, _, _ in BAD))
    for reply, (_, status, problems) in zip(found, BAD, strict=True):
        assert reply.status == status
        said = json.loads(reply.body)
        assert said["status"] == status
        assert reply.value("x-gwc-reason") == "schema-mismatch"
        told = sorted(said["problems"], key=lambda each: (each["in"] != "header", str(each.get("pointer"))))
        assert len(told) == len(problems)
        for wanted in problems:
            assert any(wanted.items() <= each.items() for each in told), (wanted, told)
    assert found[6].value("allow") == "GET, POST"


def test_report_only(tmp_path: Path) -> None:
    """Everything passes."""
    found = answers(tmp_path, 'mismatch "report"', *(each for each, _, _ in BAD))
    assert [each.status for each in found] == [200] * len(BAD)


def test_unknown_and_status_and_base(tmp_path: Path) -> None:
    """What the document lacks may pass; refusals have their status; a base stands before its paths."""
    found = answers(
        tmp_path,
        'unknown "pass"; status 422; base "/v1"',
        ("GET", "/orders"),
        ("GET", "/v1/orders"),
        ("PUT", "/v1/orders"),
        ("GET", "/v1/orders", TENANT),
    )
    assert [each.status for each in found] == [200, 422, 200, 200]


def test_long_bodies(tmp_path: Path) -> None:
    """A body that is longer than is looked at is 413, where nothing is refused it passes."""
    body = b'{"sku":"' + b"x" * 300 + b'"}'
    request = ("POST", "/orders", JSON, body)
    assert [each.status for each in answers(tmp_path, 'body "256B"', request)] == [413]
    assert [each.status for each in answers(tmp_path, 'body "256B"; mismatch "report"', request)] == [200]


def test_a_schema_of_bodies(tmp_path: Path) -> None:
    """A JSON Schema instead of an API: bodies of POST, PUT and PATCH must be there and fit."""
    found = answers(
        tmp_path,
        "",
        ("GET", "/any"),
        ("POST", "/any", JSON, b'{"a":1}'),
        ("POST", "/any", JSON, b'{"a":"x"}'),
        ("PUT", "/any"),
        document={"properties": {"a": {"type": "integer"}}},
    )
    assert [each.status for each in found] == [200, 200, 400, 400]


class Told:
    """Remembers what was told; see Observing."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []
        self.counts: list[tuple[str, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None

    def error(self, level: str, event: str, **fields: object) -> None:
        """See Observing."""
        self.lines.append((event, fields))

    def counted(self, family: str, labels: tuple[str, ...]) -> None:
        """See Observing."""
        self.counts.append(labels)


REPLIES = [
    ("200 OK", b'[{"sku":"a"}]', "application/json", None),
    ("200 OK", b'[{"sku":7}]', "application/json", "/0/sku"),
    ("200 OK", b"[", "application/json", "is not JSON"),
    ("200 OK", b"x", "text/plain", "content type"),
    ("500 Oops", b"x", "text/plain", "status 500"),
]


@pytest.mark.parametrize(("status", "body", "kind", "wanted"), REPLIES)
def test_replies(tmp_path: Path, status: str, body: bytes, kind: str, wanted: str | None) -> None:
    """A reply passes whatever it is; what differs is told with its place."""
    (tmp_path / "api.json").write_text(json.dumps(DOCUMENT), "utf-8")
    told = Told()

    async def talk(world: World) -> Answer:
        world.serving.observer = told
        config = 'routes { route "r" { api-schema "api.json" { replies "report" }; upstream "u" } }'
        await world.reload(config)
        world.status, world.body, world.fields = status, body, [f"content-type: {kind}"]
        return await world.ask("GET", "/orders", TENANT)

    answer = served('routes { route "r" { respond } }', talk, root=tmp_path)
    assert (answer.status, answer.body) == (int(status[:3]), body)
    found = [str(fields["what"]) for event, fields in told.lines if event == "schema-mismatch"]
    assert len(found) == (wanted is not None)
    assert wanted is None or wanted in found[0]
    assert told.counts == ([] if wanted is None else [("r", "reply")])


@pytest.mark.parametrize(("status", "body", "kind", "wanted"), REPLIES)
@pytest.mark.parametrize("chunked", [False, True])
def test_replies_that_are_refused(
    tmp_path: Path, status: str, body: bytes, kind: str, wanted: str | None, chunked: bool
) -> None:
    """A reply that differs is a 502 in its place, one that fits goes out whole."""
    (tmp_path / "api.json").write_text(json.dumps(DOCUMENT), "utf-8")

    async def talk(world: World) -> Answer:
        world.status, world.body, world.fields = status, body, [f"content-type: {kind}"]
        world.chunked = chunked
        return await world.ask("GET", "/orders", TENANT)

    said = 'cors { origins "*" }; api-schema "api.json" { replies "refuse" }; reasons #true'
    answer = served(f'routes {{ route "r" {{ {said}; upstream "u" }} }}', talk, root=tmp_path)
    assert answer.value("access-control-allow-origin") == "*"
    if wanted is None:
        assert (answer.status, answer.body) == (int(status[:3]), body)
    else:
        assert (answer.status, answer.value("x-gwc-reason")) == (502, "reply-schema")
        assert body not in answer.body


def test_long_replies_pass(tmp_path: Path) -> None:
    """One that is longer than is looked at goes out as it came."""
    (tmp_path / "api.json").write_text(json.dumps(DOCUMENT), "utf-8")
    body = json.dumps([{"sku": "x" * 500, "y": 1}]).encode()

    async def talk(world: World) -> Answer:
        world.body, world.fields = body, ["content-type: application/json"]
        return await world.ask("GET", "/orders", TENANT)

    said = 'api-schema "api.json" { replies "refuse"; body "256B" }'
    answer = served(f'routes {{ route "r" {{ {said}; upstream "u" }} }}', talk, root=tmp_path)
    assert (answer.status, answer.body) == (200, body)


def test_documents_that_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed document counts within some seconds; a broken one changes nothing and is told."""
    from gwc.runtime.filters import api_schema

    monkeypatch.setattr(api_schema, "_LOOK_S", 0.02)
    path = tmp_path / "api.json"
    path.write_text(json.dumps({"properties": {"a": {"type": "integer"}}}), "utf-8")
    told = Told()

    async def talk(world: World) -> list[int]:
        world.serving.observer = told
        await world.reload('routes { route "r" { api-schema "api.json"; upstream "u" } }')
        found = [(await world.ask("POST", "/", JSON, body=b'{"a":"x"}')).status]
        path.write_text("{", "utf-8")
        await until(lambda: any(event == "schema-unchanged" for event, _ in told.lines))
        found.append((await world.ask("POST", "/", JSON, body=b'{"a":"x"}')).status)
        path.write_text(json.dumps({"properties": {"a": {"type": "string"}}}), "utf-8")
        await until(lambda: any(event == "schema-read" for event, _ in told.lines))
        found.append((await world.ask("POST", "/", JSON, body=b'{"a":"x"}')).status)
        await world.reload('routes { route "r" { respond } }')
        return found

    assert served('routes { route "r" { respond } }', talk, root=tmp_path) == [400, 400, 200]


def test_a_bad_document_refuses_the_table(tmp_path: Path) -> None:
    """The table before stays; the reason has the place in the document."""
    (tmp_path / "api.json").write_text('{"openapi": "3.1.0"}', "utf-8")

    async def talk(world: World) -> str:
        with pytest.raises(PrepareFailed) as caught:
            await world.reload('routes { route "r" { api-schema "api.json"; upstream "u" } }')
        assert (await world.ask()).status == 200
        await asyncio.sleep(0)
        return caught.value.reason

    reason = served('routes { route "r" { respond } }', talk, root=tmp_path)
    assert reason == "api-schema `api.json`: the document has no paths (at /paths)"
