"""What only a request's body can tell: the model that it asks for, and how.

Owns the reading of the late coordinates. Who reads the body, and up to which length, is the runtime's; that
it is read only where a candidate route needs it, is the matcher's and the plan's.
"""

from __future__ import annotations

import re

from .normalise.multipart import form_boundary, form_field
from .request import Late, RequestHead

_MODELS = re.compile(r"/models/([^/]+):[^/:]+\Z")
_DEPLOYMENTS = re.compile(r"/deployments/([^/]+)/")
_ESCAPE = re.compile(r"%([0-9A-F]{2})")

_MEMBERS = ("model", "stream", "tools")
_QUOTED_MEMBERS = tuple(f'"{member}"'.encode("ascii") for member in _MEMBERS)

# For text that is known to be JSON, from a place outside strings: on to the next bracket, and in the
# outermost object also to the next string that is one of the three names or could spell one.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_INSIDE = re.compile(rb'[^"\[\]{}]*+(?:' + _STRING + rb'[^"\[\]{}]*+)*+([\[\]{}])', re.DOTALL)
_OUTERMOST = re.compile(
    rb'[^"\[\]{}]*+(?:"(?!(?:model|stream|tools)")[^"\\]*+"[^"\[\]{}]*+)*+'
    rb"(?:([\[\]{}])|(" + _STRING + rb")[ \t\n\r]*+(:?))",
    re.DOTALL,
)
_STEPS = 100_000
"""How often `_has_member_twice` stops at most: about 50 ms."""


def late_coordinates(head: RequestHead, body: bytes | None) -> Late:
    """`model`, `stream` and `tools` of a request whose body is all there; None for no body.

    `model` is the JSON body's member, else what the path says (`/models/{model}:verb` at its end, or
    `/deployments/{model}/`), else a field of a multipart form, else the field `x-model`, else `x-model-id`. A
    member that is there and is no string names no model, and nothing else is asked. `stream` is the JSON
    object's member, false where it has none or null; `tools` is whether its array is not empty, false where
    there is none or null. A value of another type is neither true nor false.

    Without a body, with one that is neither JSON nor a readable form, or with one that has one of the three
    members twice, everything is None: no late predicate holds.
    """
    if not body:
        return Late()
    boundary = form_boundary(head.headers.get("content-type", ""))
    if boundary is not None:
        field = form_field(body, boundary, "model")
        if not field.readable:
            return Late()
        named = _model_of_path(head.path)
        return Late(named if named is not None else _first_of(field.value, _model_of_fields(head)))
    from orjson import JSONDecodeError, loads

    try:
        document = loads(body)
    except JSONDecodeError:
        return Late()
    fallback = _first_of(_model_of_path(head.path), _model_of_fields(head))
    if not isinstance(document, dict):
        return Late(fallback)
    if _has_member_twice(body):
        return Late()
    model, stream, tools = (document.get(member) for member in _MEMBERS)
    if "model" in document:
        named = model.encode("utf-8").decode("latin-1") if isinstance(model, str) else None
    else:
        named = fallback
    return Late(
        named, _flag(stream), None if tools is not None and not isinstance(tools, list) else bool(tools)
    )


def _flag(value: object) -> bool | None:
    """A JSON boolean; null and nothing are false, anything else is neither."""
    if value is None:
        return False
    return value if isinstance(value, bool) else None


def _first_of(first: str | None, second: str | None) -> str | None:
    """The first that is there."""
    return second if first is None else first


def _model_of_path(path: str) -> str | None:
    """The model that a normalised path names, its escapes decoded: it is compared with what bodies say."""
    found = _MODELS.search(path) or _DEPLOYMENTS.search(path)
    if found is None:
        return None
    return _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), found[1])


def _model_of_fields(head: RequestHead) -> str | None:
    """The model that the request's fields name."""
    return _first_of(head.headers.get("x-model"), head.headers.get("x-model-id"))


def _has_member_twice(body: bytes) -> bool:
    """Whether a JSON object (known to be one) may have one of the three members more than once.

    Readers differ in which of two they take, and the upstream may not be one like ours. PERF: the names are
    counted first; only text that could hide a second one, in another object or behind an escape, is read
    through. Where that takes more than `_STEPS` steps the answer is yes: no such body is an honest one.
    """
    hidden = b"\\u006" in body or b"\\u007" in body  # how JSON could spell a lower-case letter otherwise
    if not hidden and all(body.count(member) < 2 for member in _QUOTED_MEMBERS):
        return False
    from orjson import loads

    seen = set()
    place = body.index(b"{") + 1
    depth = 1
    for _ in range(_STEPS):
        if depth > 1:
            found = _INSIDE.match(body, place)
        else:
            found = _OUTERMOST.match(body, place)
        assert found is not None, "an object that is JSON is closed"
        place = found.end()
        if found[1]:
            depth += 1 if found[1] in b"{[" else -1
            if depth == 0:
                return False
        elif found[3]:
            name = loads(found[2])
            if name in seen:
                return True
            if name in _MEMBERS:
                seen.add(name)
    return True
