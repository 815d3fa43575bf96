"""Requests as a document says that they are: OpenAPI 3, or a JSON Schema of bodies.

Owns what is looked at of a request and a reply, and what is said of what differs. The document is read and
compiled in a thread, before its table is live and when its files change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import orjson
from gwc.schema.normalise.cookie import cookie_values
from gwc.schema.openapi import Api, DocumentFaulty, Media, Operation, Problem, load
from gwc.schema.openapi.values import MISSING
from gwc.schema.policies.api_schema import ApiSchemaRecord
from gwc.schema.table import RouteSettings

from ..actions.headers import Field
from ..filter import Answer, Filter, FilterContext, FilterFaulty, Outcome, Phase, Refuse
from ..filtering import Cut
from ..reply import Reply
from .build import Making

_WITH_BODIES: Final = frozenset(("POST", "PUT", "PATCH"))
_FORM: Final = "application/x-www-form-urlencoded"
_COUNTED: Final = "gwc_schema_mismatches_total"
_MOST: Final = 20
_LOOK_S: Final = 2.0
"""How often the files of a document are looked at."""


def make(settings: RouteSettings, making: Making) -> Filter | None:
    """The filter of a route that has `api-schema`."""
    record = settings.api_schema
    return None if record is None else ApiSchema(record, making)


class _Document:
    """A compiled document, which outlives tables and follows its files. Mutable: what it was compiled to.

    Whoever changes a file gets the new document within some seconds, or an error in the log and the old one.
    """

    def __init__(self, path: Path, making: Making) -> None:
        self._path = path
        self._root = making.root
        self._loop = making.loop
        self._observer = making.observer
        self._stamp: object = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.api: Api | None = None

    async def compile(self) -> None:
        """Read it, unless it was read and is as it was. Raises DocumentFaulty."""
        if self.api is None:
            await self._compile()
            self._later()

    def close(self) -> None:
        """See Kept."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    async def _compile(self) -> None:
        self.api = await asyncio.to_thread(load, self._path, self._root)
        self._stamp = await asyncio.to_thread(_stamp, self.api.files)

    def _later(self) -> None:
        if not self._closed:
            self._timer = self._loop.call_later(_LOOK_S, self._look)

    def _look(self) -> None:
        self._task = self._loop.create_task(self._look_again())

    async def _look_again(self) -> None:
        assert self.api is not None
        try:
            stamp = await asyncio.to_thread(_stamp, self.api.files)
            if stamp != self._stamp:
                self._stamp = stamp
                await self._compile()
                self._observer.error("info", "schema-read", file=str(self._path))
        except DocumentFaulty as fault:
            self._observer.error("error", "schema-unchanged", file=str(self._path), reason=str(fault))
        self._later()


@dataclass(slots=True)
class _Asked:
    """What is known of a request between its head and its body."""

    operation: Operation
    problems: list[Problem]


class ApiSchema(Filter):
    """The document of one route."""

    name = "api-schema"
    phase = Phase.BODY

    def __init__(self, record: ApiSchemaRecord, making: Making) -> None:
        self._record = record
        self._observer = making.observer
        self._refuses = record.mismatch == "refuse"
        path = making.root / making.fill(record.file)
        self._document: _Document = making.keep.at(("api-schema", str(path)), lambda: _Document(path, making))

    async def prepare(self) -> None:
        """See Filter. PERF: a document that a table before had is there already."""
        try:
            await self._document.compile()
        except DocumentFaulty as fault:
            raise FilterFaulty(f"api-schema `{self._record.file}`: {fault}") from fault

    # --- requests --------------------------------------------------------------------------------------

    def on_request(self, context: FilterContext) -> Outcome:
        """Find the operation and look at everything but the body."""
        api = self._document.api
        assert api is not None, "the table was prepared"
        head = context.head
        found = api.find(head.method, head.path, self._record.base)
        if found is None:
            return self._unknown(context, 404, "this path", ())
        operation = found.operation
        if operation is None:
            allow = ", ".join(found.methods)
            return self._unknown(context, 405, f"{head.method} of this path", (("allow", allow),))
        problems = _parameter_problems(operation, found.values, context)
        asked = context.notes["api-schema"] = _Asked(operation, problems)
        wanted = self._body_of(context)
        status = self._record.status
        if wanted is not None and context.length:
            known, _ = wanted.find(head.headers.get("content-type", ""))
            if not known:
                kinds = ", ".join(wanted.by_type)
                problems.append(Problem("header", "content-type", "", f"is none of {kinds}"))
                status = 415 if len(problems) == 1 else status
        elif wanted is not None and wanted.required:
            problems.append(Problem("body", "", "", "is missing"))
        if problems and (not self.body_wanted(context) or not context.length):
            return self._mismatch(context, asked, status)
        return None

    def body_wanted(self, context: FilterContext) -> int:
        """See Filter: a body with a schema."""
        media = self._body_of(context)
        if media is None or "api-schema" not in context.notes:
            return 0
        _, checker = media.find(context.head.headers.get("content-type", ""))
        return self._record.body_bytes if checker is not None else 0

    def on_long_body(self, context: FilterContext) -> Refuse | None:
        """See Filter: what is not looked at is refused, unless nothing is."""
        if self._refuses:
            return Refuse("body-length", "longer than `api-schema` reads", rule=self.name)
        self._count(context, "unread")
        return None

    def on_body(self, context: FilterContext) -> Outcome:
        """Hold the body against its schema."""
        asked = context.notes["api-schema"]
        media = self._body_of(context)
        assert media is not None
        content_type = context.head.headers.get("content-type", "")
        _, checker = media.find(content_type)
        if checker is not None:
            read = _read_body(context.body, content_type)
            if isinstance(read, Problem):
                asked.problems.append(read)
            elif read is not MISSING:
                asked.problems += checker.problems(read, "body")
        return self._mismatch(context, asked, self._record.status) if asked.problems else None

    def _body_of(self, context: FilterContext) -> Media | None:
        """The bodies that the request's operation takes."""
        asked = context.notes.get("api-schema")
        if asked is None or asked.operation.body is None:
            return None
        if asked.operation.name == "body" and context.head.method not in _WITH_BODIES:
            return None
        media: Media = asked.operation.body
        return media

    def _unknown(
        self, context: FilterContext, status: int, what: str, fields: tuple[Field, ...]
    ) -> Answer | None:
        if self._record.unknown == "pass":
            return None
        self._count(context, "unknown")
        if not self._refuses:
            self._report(context, "request", f"the document does not have {what}")
            return None
        problem = Problem("method" if status == 405 else "path", "", "", f"the document does not have {what}")
        context.record.detail = problem.message
        return _answer(context, status, [problem], fields)

    def _mismatch(self, context: FilterContext, asked: _Asked, status: int) -> Answer | None:
        """The request is not as it should be."""
        self._count(context, "request")
        problems = asked.problems[:_MOST]
        first = problems[0]
        detail = f"{asked.operation.name}: {first.where} {first.name or first.pointer}".rstrip()
        if not self._refuses:
            self._report(context, "request", detail)
            return None
        context.record.detail = detail
        return _answer(context, status, problems, ())

    # --- replies ---------------------------------------------------------------------------------------

    def on_reply(self, context: FilterContext, reply: Reply) -> _Watched | None:
        """Look at a target's reply: while it goes by, or before it goes out."""
        asked = context.notes.get("api-schema")
        if self._record.replies == "off" or context.own or asked is None:
            return None
        known, media = asked.operation.reply(reply.status)
        if not known:
            return self._differs(context, asked, f"status {reply.status} is not in the document")
        if media is None or not media.by_type or reply.length == 0 or context.head.method == "HEAD":
            return None
        fields = dict(reply.fields())
        content_type = fields.get("content-type", "")
        found, checker = media.find(content_type)
        if not found:
            return self._differs(context, asked, f"content type of {reply.status} is not in the document")
        if (
            checker is None
            or reply.is_event_stream
            or fields.get("content-encoding", "identity") != "identity"
        ):
            return None

        def judge(body: bytes | None) -> str:
            if body is None:
                self._count(context, "unread")
                return ""
            read = _read_body(body, content_type)
            if isinstance(read, Problem):
                what = f"body of {reply.status} {read.message}"
            elif read is not MISSING and (problems := checker.problems(read, "body")):
                what = f"body of {reply.status} at {problems[0].pointer or 'its top'} {problems[0].message}"
            else:
                return ""
            self._differs(context, asked, what)
            return what

        return _Watched(self._record.body_bytes, judge, holds=self._record.replies == "refuse")

    def _differs(self, context: FilterContext, asked: _Asked, what: str) -> _Watched | None:
        """Tell of a reply that differs; where it is not to go out, what keeps it."""
        self._count(context, "reply")
        self._report(context, "reply", f"{asked.operation.name}: {what}")
        return _Watched(0, lambda body: what, holds=True) if self._record.replies == "refuse" else None

    def _count(self, context: FilterContext, what: str) -> None:
        self._observer.counted(_COUNTED, (context.plan.route, what))

    def _report(self, context: FilterContext, whose: str, what: str) -> None:
        self._observer.error(
            "warning",
            "schema-mismatch",
            route=context.plan.route,
            of=whose,
            what=what,
            request_id=context.record.request_id,
        )


class _Watched:
    """A body that is looked at when it is whole, and goes by meanwhile or, where it `holds`, waits for that.

    `judge` says what is wrong with it, "" where nothing is; it gets None for a body too long to be kept, of
    which nothing is known.
    """

    __slots__ = ("_judge", "_kept", "_most", "holds_head")

    def __init__(self, most: int, judge: Callable[[bytes | None], str], *, holds: bool) -> None:
        self._most = most
        self._judge = judge
        self._kept: bytearray | None = bytearray()
        self.holds_head = holds

    def feed(self, data: bytes) -> bytes:
        """See BodyChange."""
        kept = self._kept
        if kept is None:
            return data
        kept += data
        if len(kept) <= self._most:
            return b"" if self.holds_head else data
        self._kept = None
        self._cut(None)
        return bytes(kept) if self.holds_head else data

    def flush(self) -> bytes:
        """See BodyChange."""
        return b""

    def end(self) -> bytes:
        """See BodyChange."""
        if self._kept is None:
            return b""
        body = bytes(self._kept)
        self._cut(body)
        return body if self.holds_head else b""

    def _cut(self, body: bytes | None) -> None:
        wrong = self._judge(body)
        if wrong and self.holds_head:
            raise Cut("reply-schema", wrong)


def _parameter_problems(operation: Operation, path: dict[str, str], context: FilterContext) -> list[Problem]:
    """What is wrong with path, query, header and cookies."""
    if not operation.parameters:
        return []
    head = context.head
    values: dict[str, dict[str, list[str]]] = {
        "path": {name: [unquote(text)] for name, text in path.items()},
        "query": {},
        "header": {name: [_text(text)] for name, text in head.headers.items()},
        "cookie": {
            name: [_text(text)] for name, text in cookie_values(head.headers.get("cookie", "")).items()
        },
    }
    for name, text in parse_qsl(head.query or "", keep_blank_values=True):
        values["query"].setdefault(name, []).append(text)
    problems: list[Problem] = []
    for each in operation.parameters:
        value = each.read(values[each.where], each.name)
        if value is MISSING:
            if each.required:
                problems.append(Problem(each.where, each.name, "", "is missing"))
        else:
            problems += each.checker.problems(value, each.where, each.name)
    return problems


def _text(value: str) -> str:
    """A field's bytes as text."""
    return value if value.isascii() else value.encode("latin-1", "replace").decode("utf-8", "replace")


def _read_body(body: bytes, content_type: str) -> Any:
    """A body as data; MISSING where no schema speaks of its kind, a Problem where it is broken."""
    kind = content_type.partition(";")[0].strip(" \t").lower()
    if kind == _FORM:
        try:
            return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True))
        except (UnicodeDecodeError, ValueError):
            return Problem("body", "", "", "is no form")
    if kind not in ("", "application/json", "text/json") and not kind.endswith("+json"):
        return MISSING
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        return Problem("body", "", "", f"is not JSON, line {fault.lineno}, column {fault.colno}")


def _answer(
    context: FilterContext, status: int, problems: list[Problem], fields: tuple[Field, ...]
) -> Answer:
    """The refusal, with the places."""
    said = {
        "status": status,
        "error": "the request is not as the API says",
        "request_id": context.record.request_id,
        "problems": [each.data() for each in problems],
    }
    told: tuple[Field, ...] = (("content-type", "application/json"), ("cache-control", "no-store"), *fields)
    if context.plan.settings.reasons:
        told = (*told, ("x-gwc-reason", "schema-mismatch"))
    return Answer(status, told, orjson.dumps(said) + b"\n", "schema-mismatch")


def _stamp(files: Iterable[Path]) -> object:
    """What says whether files have changed; one that is gone has."""
    found: list[object] = []
    for each in files:
        try:
            status = each.stat()
        except OSError:
            found.append(None)
        else:
            found.append((status.st_ino, status.st_mtime_ns, status.st_size))
    return found
