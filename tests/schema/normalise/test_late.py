"""The late coordinates: what a request's body says."""

from __future__ import annotations

import json

import pytest
from gwc.schema.late import late_coordinates
from gwc.schema.listener import ListenerSettings
from gwc.schema.normalise import normalise
from gwc.schema.normalise.multipart import FormField, form_boundary, form_field
from gwc.schema.request import Late, RawRequest, RequestHead
from hypothesis import given
from hypothesis import strategies as st

NOTHING = Late(None, None, None)
JSON_TYPE = "application/json"
FORM_TYPE = "multipart/form-data; boundary=xyz"


def head(path: str = "/v1/chat/completions", **fields: str) -> RequestHead:
    """A request's head with those fields; `_` in a name stands for `-`."""
    sent = [(b"host", b"a")]
    sent += [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in fields.items()]
    listener = ListenerSettings("l", ("0.0.0.0:80",))
    read = normalise(RawRequest(b"POST", path.encode(), fields=tuple(sent)), (listener,))
    assert isinstance(read, RequestHead)
    return read


def form(*parts: tuple[str, str], end: str = "--xyz--\r\n") -> bytes:
    """A multipart body of those parts: (head's lines, content)."""
    return ("".join(f"--xyz\r\n{lines}\r\n\r\n{content}\r\n" for lines, content in parts) + end).encode(
        "latin-1"
    )


def field(name: str, value: str) -> tuple[str, str]:
    """One part that is a plain field."""
    return f'Content-Disposition: form-data; name="{name}"', value


@pytest.mark.parametrize(
    ("body", "late"),
    [
        ({"model": "gpt-4o"}, Late("gpt-4o", False, False)),
        ({"model": "a", "stream": True, "tools": [{}]}, Late("a", True, True)),
        ({"model": "a", "stream": False, "tools": []}, Late("a", False, False)),
        ({"model": "a", "stream": None, "tools": None}, Late("a", False, False)),
        ({"model": "a", "stream": "true", "tools": {}}, Late("a", None, None)),
        ({"model": "a", "stream": 1, "tools": "x"}, Late("a", None, None)),
        ({"model": ""}, Late("", False, False)),
        ({"model": "é"}, Late("\xc3\xa9", False, False)),
        ({"model": 5}, Late(None, False, False)),
        ({"model": None}, Late(None, False, False)),
        ({"model": ["a"]}, Late(None, False, False)),
        ({}, Late(None, False, False)),
        ([], NOTHING),
        ("gpt", NOTHING),
        (5, NOTHING),
    ],
)
def test_json_body(body: object, late: Late) -> None:
    """Sentence: `model` (the JSON body's member …), `stream`, `tools`."""
    assert late_coordinates(head(), json.dumps(body).encode()) == late
    assert late_coordinates(head(content_type=JSON_TYPE), json.dumps(body).encode()) == late


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"",
        b" ",
        b"x",
        b"{",
        b'{"model":"a"}x',
        b'{"model":NaN}',
        b"\xff\xfe{\x00}\x00",
        b'{"model":"\xff"}',
        b"model=a",
        b'{"model":"\\ud800"}',
        b'\xef\xbb\xbf{"model":"a"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_no_body_or_no_json(body: bytes | None) -> None:
    """Sentence: a body that is none or not JSON satisfies no late predicate, whatever path and fields say."""
    assert late_coordinates(head("/deployments/m/x", x_model="m"), body) == NOTHING


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a","model":"a"}',
        b'{"model":"a","x":{},"model":"b"}',
        b'{"model":"a","\\u006dodel":"b"}',
        b'{"model":"a","mo\\u0064el":"b"}',
        b'{"\\u006D\\u006f\\u0064el":"a","model":"b"}',
        b'{"stream":true,"stream":false,"model":"a"}',
        b'{"stream":true,"\\u0073tream":false,"model":"a"}',
        b'{"tools":[],"model":"a" , "tools" : [1]}',
    ],
)
def test_member_twice(body: bytes) -> None:
    """Sentence: a body that duplicates the member satisfies no late predicate, however it is spelt."""
    assert late_coordinates(head("/deployments/m/x", x_model="m"), body) == NOTHING


@pytest.mark.parametrize(
    "filler",
    [b'{"y":["\\u0061"]},', b"{},", b'"\\u0061",', b"[],"],
    ids=["objects", "empty", "strings", "arrays"],
)
def test_no_body_takes_long(filler: bytes) -> None:
    """A body of very many pieces takes a bounded number of steps, and says nothing where they run out."""
    many = b'{"model":"a","x":[' + filler * 101_000 + b'1],"\\u0061":1}'
    assert late_coordinates(head(), many) in (NOTHING, Late("a", False, False))
    members = b'{"model":"a"' + b',"\\u0061":1' * 101_000 + b"}"
    assert late_coordinates(head(), members) == NOTHING
    few = b'{"model":"a","x":[' + filler * 1000 + b'1],"\\u0061":1}'
    assert late_coordinates(head(), few) == Late("a", False, False)


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a","x":{"model":"b","stream":1}}',
        b'{"x":[{"model":"b"},{"model":"c"}],"model":"a"}',
        b'{"model":"a","x":"model","y":["model","model"]}',
        b'{"model":"a","x":"\\"model\\":","y":"}{\\\\"}',
        b'{"x":"\\u0061{\\"","model":"a","x":1}',
        b'{"model":"a","Model":"b","model ":"c","x":"\\u006d"}',
    ],
)
def test_same_name_elsewhere(body: bytes) -> None:
    """A member of that name in another object, or the name as a value, duplicates nothing."""
    assert late_coordinates(head(), body) == Late("a", False, False)


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1beta/models/gemini-1.5-pro:generateContent", "gemini-1.5-pro"),
        ("/v1/projects/p/publishers/google/models/gemini:streamGenerateContent", "gemini"),
        ("/models/a:b:c", "a:b"),
        ("/models/a%3Ab%20c:x", "a:b c"),
        ("/openai/deployments/gpt-4/chat/completions", "gpt-4"),
        ("/deployments/a/deployments/b/", "a"),
        ("/deployments/caf%C3%A9/x", "caf\xc3\xa9"),
        ("/models/models/a:b", "a"),
        ("/models/a:b/models/c:d", "c"),
        ("/deployments/a/models/b:c", "b"),
        ("/v1/models/gpt-4", None),
        ("/models/:x", None),
        ("/models/a:", None),
        ("/models/a:b/c", None),
        ("/deployments/a", None),
        ("/xmodels/a:b", None),
    ],
)
def test_model_of_the_path(path: str, model: str | None) -> None:
    """Sentence: else the path's `/models/{model}:verb` or `/deployments/{model}/`."""
    assert late_coordinates(head(path), b"{}").model == model
    assert late_coordinates(head(path, x_model="other"), b"{}").model == (model or "other")
    assert late_coordinates(head(path), b'{"model":"body"}').model == "body"


def test_model_of_the_fields() -> None:
    """Sentence: else `x-model` or `x-model-id`, the first of the two that is there."""
    assert late_coordinates(head(x_model="a", x_model_id="b"), b"{}").model == "a"
    assert late_coordinates(head(x_model_id="b"), b"{}").model == "b"
    assert late_coordinates(head(x_model="a"), b"[]") == Late("a", None, None)
    assert late_coordinates(head(x_model="a"), b'{"model":"c"}').model == "c"


def test_member_that_is_no_string_hides_the_rest() -> None:
    """A member that is there and names no model is not made up for by path or fields."""
    assert late_coordinates(head("/deployments/m/x", x_model="m"), b'{"model":null}').model is None


def test_model_of_a_form() -> None:
    """Sentence: else a multipart field; a form has no `stream` and no `tools`."""
    body = form(field("stream", "true"), field("model", "whisper-1"), field("tools", "[1]"))
    assert late_coordinates(head(content_type=FORM_TYPE), body) == Late("whisper-1", None, None)
    assert late_coordinates(head(content_type=FORM_TYPE, x_model="x"), body).model == "whisper-1"
    assert late_coordinates(head("/deployments/d/x", content_type=FORM_TYPE), body).model == "d"
    without = form(field("file", "x"))
    assert late_coordinates(head(content_type=FORM_TYPE, x_model="x"), without).model == "x"
    assert late_coordinates(head(content_type=FORM_TYPE), without) == NOTHING


def test_form_that_cannot_be_read() -> None:
    """A form that is not well-formed, or has the field twice, satisfies no late predicate."""
    for body in (
        form(field("model", "a"), end=""),
        form(field("model", "a"), field("model", "b")),
        b'{"model":"a"}',
    ):
        assert (
            late_coordinates(head("/deployments/d/x", content_type=FORM_TYPE, x_model="x"), body) == NOTHING
        )


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=xyz", "xyz"),
        ("Multipart/Form-Data;BOUNDARY=xyz", "xyz"),
        ('multipart/form-data; charset=utf-8; boundary="a b?c"', "a b?c"),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=a; boundary=b", None),
        ("multipart/form-data; boundary=", None),
        ('multipart/form-data; boundary=""', None),
        ('multipart/form-data; boundary="a "', None),
        (f"multipart/form-data; boundary={'a' * 71}", None),
        ("multipart/form-data; boundary=a, application/json", None),
        ("multipart/mixed; boundary=xyz", None),
        ("application/json", None),
        ("", None),
    ],
)
def test_boundary(content_type: str, boundary: str | None) -> None:
    """A form's boundary is the one that its Content-Type names."""
    assert form_boundary(content_type) == boundary


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (form(field("model", "a")), "a"),
        (form(field("model", "")), ""),
        (form(field("model", " a\r\nb ")), " a\r\nb "),
        (form(field("model", "x--xyz")), "x--xyz"),
        (form(field("other", "a")), None),
        (form(), None),
        (form(("content-disposition:form-data;name=model", "a")), "a"),
        (form(('Content-Disposition: Form-Data; Name="model"\r\nContent-Type: text/plain', "a")), "a"),
        (
            form(('Content-Disposition: form-data; name="f"; filename="a\\"b;c"', "x"), field("model", "a")),
            "a",
        ),
        (form(("Content-Transfer-Encoding: 8bit\r\n" + field("model", "")[0], "a")), "a"),
        (form(field("model", "a")).replace(b"--xyz\r\n", b"--xyz \t\r\n"), "a"),
        (form(field("model", "\xc3\xa9")), "\xc3\xa9"),
    ],
)
def test_readable_forms(body: bytes, value: str | None) -> None:
    """A well-formed form says what the field holds, byte for byte."""
    assert form_field(body, "xyz", "model") == FormField(True, value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--xyz",
        b"preamble\r\n" + form(field("model", "a")),
        form(field("model", "a"), end=""),
        form(field("model", "a"), end="--xyz\r\n"),
        form(field("model", "a"), field("model", "a")),
        form(field("model", "a")).replace(b"\r\n", b"\n"),
        form(field("model", "--xyz")),  # a delimiter directly after the part's head
        form(("", "a")),
        form(("Content-Type: text/plain", "a")),
        form(("garbage", "a")),
        form((" " + field("model", "")[0], "a")),
        form((field("model", "")[0] + "\r\n" + field("x", "")[0], "a")),
        form(('Content-Disposition: form-data; name="model"; name="x"', "a")),
        form(("Content-Disposition: form-data; name=\"x\"; name*=UTF-8''model", "a")),
        form(('Content-Disposition: form-data; name="mod\\el"', "a")),
        form(("Content-Disposition: form-data; name=mo del", "a")),
        form(("Content-Disposition: attachment; name=model", "a")),
        form(('Content-Disposition: form-data; name="model"; filename="x"', "a")),
        form(("Content-Transfer-Encoding: base64\r\n" + field("model", "")[0], "YQ==")),
        form(("X: " + "x" * 9000 + "\r\n" + field("model", "")[0], "a")),
        form((field("x", "")[0], "a\r\n--xyzz\r\n")),
        form(*[field("x", "")] * 1100),
    ],
)
def test_unreadable_forms(body: bytes) -> None:
    """Whatever two readers could take differently is not readable."""
    assert form_field(body, "xyz", "model") == FormField(False)


@given(
    st.lists(
        st.sampled_from(
            [
                b"--xyz",
                b"--xyz--",
                b"\r\n",
                b"\r\n\r\n",
                b"Content-Disposition: form-data; name=",
                b'"model"',
                b";",
                b"a",
            ]
        ),
        max_size=14,
    ).map(b"".join)
    | st.binary(max_size=30)
)
def test_any_form_is_read(body: bytes) -> None:
    """No body raises."""
    assert isinstance(form_field(body, "xyz", "model"), FormField)
    assert isinstance(late_coordinates(head(content_type=FORM_TYPE), body), Late)


KEYS = st.sampled_from(["model", "stream", "tools", "x", "mod\\u0065l", "\\u0073tream", "\\\\", '\\"', "é"])
TEXTS = st.recursive(
    st.sampled_from(["1", "true", "null", '"model"', '"a\\"model\\":{"', '"\\u006d\\\\"', '"}"']),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: "[" + ",".join(parts) + "]"),
        st.lists(st.tuples(KEYS, inner), max_size=3).map(
            lambda parts: "{" + " , ".join(f'"{key}" : {value}' for key, value in parts) + "}"
        ),
    ),
    max_leaves=12,
)


@given(st.lists(st.tuples(KEYS, TEXTS), max_size=6))
def test_same_as_a_reader_that_keeps_every_member(members: list[tuple[str, str]]) -> None:
    """A body's coordinates are those of a reader that sees every pair, and none where a name comes twice."""
    text = "{" + ",".join(f'"{key}":{value}' for key, value in members) + "}"
    names = [json.loads(f'"{key}"') for key, _ in members]
    asked = [name for name in names if name in ("model", "stream", "tools")]
    document = json.loads(text)
    model = document.get("model")
    if len(asked) != len(set(asked)):
        expected = NOTHING
    else:
        stream, tools = document.get("stream"), document.get("tools")
        expected = Late(
            model if isinstance(model, str) else None,
            False if stream is None else stream if isinstance(stream, bool) else None,
            False if tools is None else len(tools) > 0 if isinstance(tools, list) else None,
        )
    assert late_coordinates(head(), text.encode()) == expected


@given(st.binary(max_size=30))
def test_any_body_is_read(body: bytes) -> None:
    """No body raises."""
    assert isinstance(late_coordinates(head(), body), Late)
