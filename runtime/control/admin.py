"""The admin API: who may come in, which operation a request means, and what is told of it.

Owns the checks before an operation (Host, browsers, token, path, query, body) and the audit line after it.
The operations stand in `openapi.py`, what they do in `admin_routes.py`; connections are `own_http.py`'s
(h11). No headers for other origins are ever sent: a web page has no business here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from .addresses import Place
from .admin_routes import Call, Refused, Routes
from .openapi import OPERATIONS, Number, Operation
from .openapi_shapes import SHAPES
from .own_http import Received, Reply
from .own_places import host_allowed, token_given

_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_WORDS: Final = 300

Changed = Callable[..., None]
"""`changed(action, client, status, **fields)`: a line of the audit log."""

Tell = Callable[..., None]


class Admin:
    """The handler of one admin address. `token` None: the place is a socket that only its owner can open."""

    def __init__(self, routes: Routes, place: Place, token: str | None, changed: Changed, tell: Tell) -> None:
        self._routes = routes
        self._place = place
        self._token = token
        self._changed = changed
        self._tell = tell

    async def handle(self, received: Received) -> Reply:
        """One request. Bugs are 500 and a line in the error log."""
        operation: Operation | None = None
        call = Call({}, {}, None)
        try:
            self._let_in(received)
            operation, values = _operation_of(received)
            call = Call(values, _query_of(received, operation), _body_of(received, operation))
            answer = await self._routes.answer(operation.name, call)
        except Refused as fault:
            reply = error_reply(fault.status, fault.code, fault.words, fault.headers)
            told: Mapping[str, object] = {"reason": fault.code}
        except Exception as bug:
            self._tell("error", "internal-error", where="admin", reason=f"{type(bug).__name__}: {bug}")
            reply = error_reply(500, "internal-error", "this is a bug in gwc; the error log tells more")
            told = {"reason": "internal-error"}
        else:
            body = answer.value if isinstance(answer.value, bytes) else dumps(answer.value)
            reply, told = Reply(answer.status, body, operation.media), answer.told
        reading = received.method == "GET" if operation is None else not operation.changes
        if not reading or reply.status in (401, 403):
            action = operation.name if operation else f"{received.method[:20]} {received.target[:200]}"
            fields = {**call.path, **call.query, **told}
            self._changed(action, received.client, reply.status, **fields)
        return reply

    def refuse(self, status: int, code: str, words: str, client: str) -> Reply:
        """See `own_http.Refuse`."""
        self._changed("no request", client, status, reason=code)
        return error_reply(status, code, words)

    def _let_in(self, received: Received) -> None:
        headers = received.headers
        if not host_allowed(headers.get("host", ""), self._place):
            raise Refused(403, "host", f"here requests are for localhost:{self._place.port} alone")
        if "origin" in headers or "sec-fetch-site" in headers:
            raise Refused(403, "browser", "browsers are not served here")
        if self._token is not None and not token_given(headers.get("authorization", ""), self._token):
            raise Refused(
                401,
                "token",
                "send `Authorization: Bearer` with the token of GWC_ADMIN_TOKEN",
                (("www-authenticate", 'Bearer realm="gwc"'),),
            )


def error_reply(status: int, code: str, words: str, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """A refusal in JSON."""
    return Reply(status, dumps({"error": {"code": code, "message": words}}), headers=headers)


def dumps(value: object) -> bytes:
    """JSON with a line feed at its end, so that a terminal shows it well."""
    import orjson

    try:
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # half of a surrogate pair, or a number beyond 64 bits
        return (json.dumps(value) + "\n").encode("ascii")


def _operation_of(received: Received) -> tuple[Operation, dict[str, str]]:
    """The operation that method and path mean, with the values in the path."""
    path = received.target.partition("?")[0]
    segments = path.split("/")
    allowed: list[str] = []
    for each in OPERATIONS:
        values = _values(each.path.split("/"), segments)
        if values is None:
            continue
        if each.method == received.method:
            return each, {name: _decoded(text) for name, text in values.items()}
        allowed.append(each.method)
    if allowed:
        words = f"{path[:_WORDS]} takes {' and '.join(allowed)}"
        raise Refused(405, "method", words, (("allow", ", ".join(allowed)),))
    raise Refused(404, "path", f"there is no {path[:_WORDS]}; /v1/openapi.json tells what there is")


def _values(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    values: dict[str, str] = {}
    for wanted, given in zip(pattern, segments, strict=True):
        if wanted.startswith("{"):
            if not given:
                return None
            values[wanted[1:-1]] = given
        elif wanted != given:
            return None
    return values


def _decoded(text: str) -> str:
    try:
        if _PERCENT.search(text):
            raise ValueError
        return unquote_to_bytes(text.encode("latin-1")).decode("utf-8")
    except ValueError:
        raise Refused(400, "path", "a part of the path is no percent-encoded UTF-8") from None


def _query_of(received: Received, operation: Operation) -> dict[str, int]:
    known = {each.name: each for each in operation.query}
    found = {each.name: each.default for each in operation.query if each.default is not None}
    given: set[str] = set()
    query = received.target.partition("?")[2]
    for part in query.split("&") if query else ():
        name, _, text = part.partition("=")
        number = known.get(name)
        if number is None or name in given:
            words = ", ".join(f"`{each}`" for each in known) or "nothing"
            raise Refused(400, "query", f"the query takes {words}, each once")
        given.add(name)
        found[name] = _number(number, text)
    return found


def _number(number: Number, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 16 and number.least <= int(text) <= number.most:
        return int(text)
    raise Refused(400, "query", f"`{number.name}` is a whole number from {number.least} to {number.most}")


def _body_of(received: Received, operation: Operation) -> Any:
    if not received.body:
        if operation.body is None or not operation.needs_body:
            return {}
        raise Refused(400, "body", f"send {operation.body} as JSON; /v1/openapi.json tells its shape")
    if operation.body is None:
        raise Refused(400, "body", "this takes no body")
    media = received.headers.get("content-type", "").partition(";")[0].strip(" \t").lower()
    if media != "application/json":
        raise Refused(400, "body", "the body is JSON; send `Content-Type: application/json`")
    try:
        value = json.loads(
            received.body.decode("utf-8"), object_pairs_hook=_members, parse_constant=_no_constant
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # no half of a surrogate pair
    except (ValueError, RecursionError) as fault:
        raise Refused(400, "body", f"the body is not strict JSON: {str(fault)[:_WORDS]}") from None
    fault_found = _fault_of(operation.body, value)
    if fault_found is not None:
        raise Refused(400, "body", fault_found)
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member stands twice")
    return members


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _fault_of(shape: str, value: Any) -> str | None:
    """What is wrong with a body, None where nothing is."""
    fault = next(iter(_validator(shape).iter_errors(value)), None)
    if fault is None:
        return None
    place = "".join(f"/{each}" for each in fault.absolute_path) or "the body"
    return f"{place}: {fault.message[:_WORDS]}"


@lru_cache(maxsize=16)
def _validator(shape: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(SHAPES[shape])
