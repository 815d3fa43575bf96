"""Operations: what one method of one path takes and gives, compiled.

Owns the way from the document's words to validators, and the finding of an operation by method and path.
Validators are jsonschema-rs' (1 us for a small body, where jsonschema takes 300), with regular expressions
that are linear. What does not fit is told by its place, never by its value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from .document import METHODS, DocumentFaulty, Documents, step
from .values import Reader, reader_of

_MOST: Final = 20
"""Problems of one request that are told."""

_MASK: Final = "the value"


class Problem(NamedTuple):
    """One thing that is not as it should be: `where` of the request, the parameter's `name` or a body's
    `pointer`.
    """

    where: str
    name: str
    pointer: str
    message: str

    def data(self) -> dict[str, str]:
        """As JSON."""
        shown = {"in": self.where}
        if self.name:
            shown["name"] = self.name
        if self.where == "body" or self.pointer:
            shown["pointer"] = self.pointer
        return {**shown, "message": self.message}


class Checker:
    """One schema."""

    __slots__ = ("_first", "_iterate")

    def __init__(self, schema: Any, documents: Documents, pointer: str) -> None:
        import jsonschema_rs

        try:
            validator = jsonschema_rs.Draft202012Validator(
                schema,
                retriever=documents.at,
                mask=_MASK,
                pattern_options=jsonschema_rs.RegexOptions(),
                validate_formats=True,
            )
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as fault:
            reason = str(fault).partition("\n")[0]
            raise DocumentFaulty(f"a schema cannot be used: {reason[:300]}", pointer) from fault
        self._first = validator.is_valid
        self._iterate = validator.iter_errors

    def problems(self, value: Any, where: str, name: str = "") -> list[Problem]:
        """What does not fit. PERF: the usual answer is none, and asked for first."""
        if self._first(value):
            return []
        found = []
        for each in self._iterate(value):
            pointer = step("", *map(str, each.instance_path))
            found.append(Problem(where, name, pointer, each.message[:300]))
            if len(found) == _MOST:
                break
        return found


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a path, query, header or cookie."""

    where: str
    name: str
    required: bool
    read: Reader
    checker: Checker


@dataclass(frozen=True, slots=True)
class Media:
    """The bodies of a message by media type: exact, `type/*` and `*/*`; None where any will do."""

    by_type: Mapping[str, Checker | None]
    required: bool = False

    def find(self, content_type: str) -> tuple[bool, Checker | None]:
        """Whether there is such a type, and the schema of its bodies."""
        kind = content_type.partition(";")[0].strip(" \t").lower()
        for name in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
            if name in self.by_type:
                return True, self.by_type[name]
        return False, None


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `replies` by status, `2XX` or `default`."""

    name: str
    parameters: tuple[Parameter, ...]
    body: Media | None
    replies: Mapping[str, Media | None] = field(default_factory=dict)

    def reply(self, status: int) -> tuple[bool, Media | None]:
        """Whether a status is one of the operation's, and its bodies."""
        for name in (str(status), f"{status // 100}XX", "default"):
            if name in self.replies:
                return True, self.replies[name]
        return not self.replies, None


Segment = str | tuple[str, str, str]
"""A literal, or a parameter with what stands before and behind it."""


@dataclass(slots=True)
class Route:
    """The operations of one path of the document."""

    segments: tuple[Segment, ...]
    operations: dict[str, Operation]


class Found(NamedTuple):
    """An operation with the values of its path's parameters; None with the methods that there are."""

    operation: Operation | None
    values: dict[str, str]
    methods: tuple[str, ...]


class Api:
    """A compiled document. `files` are those that it was read from."""

    def __init__(self, base: str, routes: list[Route], every: Operation | None = None) -> None:
        self.base = base
        self.files: tuple[Path, ...] = ()
        self._every = every
        self._exact: dict[str, Route] = {}
        self._by_length: dict[int, list[Route]] = {}
        for route in routes:
            if all(isinstance(each, str) for each in route.segments):
                self._exact["/" + "/".join(map(str, route.segments))] = route
            else:
                self._by_length.setdefault(len(route.segments), []).append(route)

    def find(self, method: str, path: str, base: str | None = None) -> Found | None:
        """The operation for a request; None where the document has no such path."""
        if self._every is not None:
            return Found(self._every, {}, ())
        base = self.base if base is None else base
        if base:
            if path != base and not path.startswith(base + "/"):
                return None
            path = path[len(base) :] or "/"
        route = self._exact.get(path)
        values: dict[str, str] = {}
        if route is None:
            segments = path.split("/")[1:]
            for each in self._by_length.get(len(segments), ()):
                captured = _captured(each.segments, segments)
                if captured is not None:
                    route, values = each, captured
                    break
            else:
                return None
        operations = route.operations
        operation = operations.get(method)
        if operation is None and method == "HEAD":
            operation = operations.get("GET")
        return Found(operation, values, tuple(operations))


def openapi_api(document: Mapping[str, Any], uri: str, documents: Documents) -> Api:
    """An OpenAPI document. Raises DocumentFaulty."""
    paths = document.get("paths")
    if not isinstance(paths, Mapping):
        raise DocumentFaulty("the document has no paths", "/paths")
    routes = []
    for path, written in paths.items():
        if not str(path).startswith("/"):
            continue  # extensions
        pointer = step("/paths", str(path))
        item, base, moved = documents.resolved(written, uri)
        if not isinstance(item, Mapping):
            raise DocumentFaulty("a path is no object", pointer)
        at = _At(documents, base, moved or pointer)
        operations = {
            method.upper(): _operation(at, item, method, str(path)) for method in METHODS if method in item
        }
        routes.append(Route(_segments(str(path), pointer), operations))
    # A literal goes before a parameter, the earlier the more; one with literal text around it before others.
    routes.sort(key=lambda route: [_rank(each) for each in route.segments])
    return Api(_base(document), routes)


def body_api(uri: str, documents: Documents) -> Api:
    """A JSON Schema of bodies. Raises DocumentFaulty."""
    checker = Checker({"$ref": uri}, documents, "")
    media = Media({"*/*": checker}, required=True)
    return Api("", [], Operation("body", (), media))


class _At(NamedTuple):
    """A place in a document: its file, and the pointer to it."""

    documents: Documents
    uri: str
    pointer: str

    def inner(self, value: Mapping[str, Any], *keys: str) -> tuple[Any, _At]:
        """A value further in, references followed, and its place."""
        found: Any = value
        for key in keys:
            found = found[key]
        resolved, uri, moved = self.documents.resolved(found, self.uri)
        return resolved, _At(self.documents, uri, moved or step(self.pointer, *keys))

    def checker(self) -> Checker:
        """The schema that stands here."""
        from urllib.parse import quote

        fragment = quote(self.pointer, safe="/~!$&'()*+,;=:@")
        return Checker({"$ref": f"{self.uri}#{fragment}"}, self.documents, self.pointer)


def _operation(at: _At, item: Mapping[str, Any], method: str, path: str) -> Operation:
    operation, place = at.inner(item, method)
    if not isinstance(operation, Mapping):
        raise DocumentFaulty("an operation is no object", place.pointer)
    parameters: dict[tuple[str, str], Parameter] = {}
    for owner, owned in ((item, at), (operation, place)):
        listed = owner.get("parameters", ())
        if not isinstance(listed, list | tuple):
            raise DocumentFaulty("parameters are no list", step(owned.pointer, "parameters"))
        for number, each in enumerate(listed):
            written, uri, moved = owned.documents.resolved(each, owned.uri)
            here = _At(owned.documents, uri, moved or step(owned.pointer, "parameters", str(number)))
            parameter = _parameter(here, written)
            if parameter is not None:
                parameters[parameter.where, parameter.name] = parameter
    body = None
    if "requestBody" in operation:
        written, here = place.inner(operation, "requestBody")
        body = _media(here, written, required=bool(_mapping(written, here).get("required", False)))
    replies: dict[str, Media | None] = {}
    for status in _mapping(operation.get("responses", {}), place):
        written, here = place.inner(operation, "responses", status)
        media = _media(here, written) if "content" in _mapping(written, here) else None
        replies[status if status == "default" else status.upper()] = media
    return Operation(f"{method.upper()} {path}", tuple(parameters.values()), body, replies)


def _parameter(at: _At, written: Any) -> Parameter | None:
    found = _mapping(written, at)
    name, where = found.get("name"), found.get("in")
    if not isinstance(name, str) or where not in ("path", "query", "header", "cookie"):
        raise DocumentFaulty(
            "a parameter has no name, or is in none of path, query, header, cookie", at.pointer
        )
    if where == "header":
        name = name.lower()
        if name in ("accept", "content-type", "authorization"):  # not parameters, says OpenAPI
            return None
    schema: Any = {}
    as_json = False
    if "content" in found:
        (kind,) = _mapping(found["content"], at) or ("",)
        place = _At(at.documents, at.uri, step(at.pointer, "content", kind))
        media = _mapping(found["content"], at).get(kind, {})
        if "schema" in media:
            schema, place = place.inner(media, "schema")
        as_json = True
    else:
        place = at
        if "schema" in found:
            schema, place = at.inner(found, "schema")
    style = found.get("style", "form" if where in ("query", "cookie") else "simple")
    explode = bool(found.get("explode", style == "form"))
    read = reader_of(schema, place.documents, place.uri, str(style), explode, as_json)
    checker = place.checker() if schema != {} else Checker({}, at.documents, at.pointer)
    return Parameter(where, name, bool(found.get("required", where == "path")), read, checker)


def _media(at: _At, written: Any, *, required: bool = False) -> Media:
    content = _mapping(_mapping(written, at).get("content", {}), at)
    found: dict[str, Checker | None] = {}
    for kind, media in content.items():
        place = _At(at.documents, at.uri, step(at.pointer, "content", kind))
        checker = None
        if "schema" in _mapping(media, place):
            _, here = place.inner(media, "schema")
            checker = here.checker()
        found[kind.partition(";")[0].strip().lower()] = checker
    return Media(found, required)


def _mapping(value: Any, at: _At) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DocumentFaulty("an object was expected", at.pointer)
    return value


def _base(document: Mapping[str, Any]) -> str:
    """The path of the first server."""
    servers = document.get("servers") or [{}]
    url = servers[0].get("url", "") if isinstance(servers, list) and isinstance(servers[0], Mapping) else ""
    return "" if "{" in url else urlsplit(str(url)).path.rstrip("/")


def _segments(path: str, pointer: str) -> tuple[Segment, ...]:
    return tuple(_segment(text, pointer) for text in path.split("/")[1:])


def _segment(text: str, pointer: str) -> Segment:
    before, brace, rest = text.partition("{")
    name, end, behind = rest.partition("}")
    if not brace:
        return text
    if not end or not name or "{" in behind:
        raise DocumentFaulty("a segment of a path has one parameter at most", pointer)
    return name, before, behind


def _rank(segment: Segment) -> int:
    return -1000 if isinstance(segment, str) else -len(segment[1]) - len(segment[2])


def _captured(wanted: tuple[Segment, ...], segments: list[str]) -> dict[str, str] | None:
    values: dict[str, str] = {}
    for one, text in zip(wanted, segments, strict=True):
        if isinstance(one, str):
            if one != text:
                return None
            continue
        name, before, behind = one
        if len(text) <= len(before) + len(behind) or not (text.startswith(before) and text.endswith(behind)):
            return None
        values[name] = text[len(before) : len(text) - len(behind)]
    return values
