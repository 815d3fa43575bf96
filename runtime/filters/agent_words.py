"""What the gateway and an agent say to each other: events as JSON, and the answers to them.

Owns both forms (docs/agents.md has them for people) and what an agent is never told or may never change. Text
of a head is one byte a character, as everywhere. An answer that has anything else than what is said here is
refused as a whole: a misspelt word must not let a request pass.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import orjson

from ..actions.headers import Field, HeaderChanges, apply_changes
from ..filter import FilterContext
from ..reply import Reply

VERSION: Final = 1

Event: TypeAlias = Literal["request-headers", "request-body", "response-headers", "response-body"]
Action: TypeAlias = Literal["continue", "block", "redirect", "more"]

SECRET_FIELDS: Final = frozenset(
    ("authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key")
)
"""Not told, unless `sees` names them."""

_NOT_THEIRS: Final = frozenset(
    (
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-correlation-id",
    )
)
"""Fields that frame a message, speak of one connection, or tie logs together: the gateway's own."""

_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
_LONGEST_REASON: Final = 256
_MOST_FIELDS: Final = 100
_LONGEST_VALUE: Final = 8192
_TOKEN: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
_KEYS: Final = frozenset(
    ("action", "status", "location", "headers", "body", "request", "response", "reason", "done")
)
_OF_ACTIONS: Final[Mapping[str, frozenset[str]]] = {
    "continue": frozenset(("body", "request", "response", "done")),
    "more": frozenset(),
    "block": frozenset(("status", "headers", "body")),
    "redirect": frozenset(("status", "headers", "location")),
}
"""What goes with an action, beside itself and `reason`."""


class BadAnswer(ValueError):
    """Raised where an answer cannot be understood; `args[0]` says why, without anything of its values."""


class Unanswered(Exception):
    """Raised where a connection brings no answer; `args[0]` says why."""


class Verdict(NamedTuple):
    """What an agent says to one event.

    `fields` are those of a reply of its own, whose body is `body`; else `body` stands for what was told,
    None: it stays. `request` and `response`: what becomes of their fields. `done`: it wants no more of this
    request.
    """

    action: Action = "continue"
    status: int = 0
    fields: tuple[Field, ...] = ()
    body: bytes | None = None
    request: HeaderChanges | None = None
    response: HeaderChanges | None = None
    reason: str = ""
    done: bool = False


CONTINUE: Final = Verdict()

# --- what is told -------------------------------------------------------------------------------------------


def told_request(context: FilterContext, sees: frozenset[str]) -> dict[str, Any]:
    """The request as it goes on to the target so far."""
    head, record = context.head, context.record
    fields: Iterable[Field] = (each for each in head.fields if each[0] not in context.removed)
    if context.set_fields:
        fields = apply_changes(fields, HeaderChanges(set=tuple(context.set_fields)))
    for changes in context.changes:
        fields = apply_changes(fields, changes)
    who = context.identity
    return {
        "method": head.method,
        "scheme": head.scheme,
        "host": head.host,
        "path": head.path,
        "query": head.query,
        "protocol": record.protocol,
        "client_ip": record.client_ip,
        "listener": head.listener,
        "route": record.route,
        "request_id": record.request_id,
        "identity": None if who is None else {"kind": who.kind, "name": who.name, "claims": dict(who.claims)},
        "headers": _told_fields(fields, sees),
    }


def told_response(reply: Reply, sees: frozenset[str]) -> dict[str, Any]:
    """A target's reply, as it goes on to the client so far."""
    return {"status": reply.status, "headers": _told_fields(reply.fields(), sees)}


def _told_fields(fields: Iterable[Field], sees: frozenset[str]) -> list[Field]:
    return [each for each in fields if each[0] not in SECRET_FIELDS or each[0] in sees]


def event_of(
    event: Event,
    identity: str,
    *,
    end: bool,
    request: dict[str, Any] | None = None,
    response: dict[str, Any] | None = None,
    sequence: int | None = None,
    body: bytes | None = None,
) -> bytes:
    """One event. `identity` is the same for all events of a request; `sequence` counts those of a body."""
    said: dict[str, Any] = {"version": VERSION, "event": event, "id": identity, "end": end}
    if sequence is not None:
        said["sequence"] = sequence
    if request is not None:
        said["request"] = request
    if response is not None:
        said["response"] = response
    if body is not None:
        said["body"] = b64encode(body).decode("ascii")
    return orjson.dumps(said)


# --- what is answered ---------------------------------------------------------------------------------------


def read_answer(content: bytes, event: Event, *, end: bool, late: frozenset[str] = frozenset()) -> Verdict:
    """The answer to an event; nothing at all is `continue`. `late`: heads that have gone out, `request` or
    `response`. Raises BadAnswer.
    """
    if not content:
        return CONTINUE
    try:
        said = orjson.loads(content)
    except orjson.JSONDecodeError as fault:
        raise BadAnswer("is not JSON") from fault
    if not isinstance(said, dict):
        raise BadAnswer("is no object")
    if not said:
        return CONTINUE
    action = said.get("action", "continue")
    if not isinstance(action, str) or action not in _OF_ACTIONS:
        raise BadAnswer("`action` is not continue, block, redirect or more")
    allowed = _OF_ACTIONS[action]
    for key in said:
        if key not in _KEYS:
            raise BadAnswer("has a key that there is not")
        if key not in allowed and key not in ("action", "reason"):
            raise BadAnswer(f"`{key}` does not go with `{action}`")
    in_body = event.endswith("-body")
    if action == "more" and (end or not in_body):
        raise BadAnswer("asks for more where there is none")
    if "body" in said and action == "continue" and not in_body:
        raise BadAnswer("`body` answers a head")
    if "request" in said and not event.startswith("request-"):
        raise BadAnswer("`request` comes too late")
    for key in late:
        if key in said:
            raise BadAnswer(f"`{key}` comes too late")
    done = said.get("done", False)
    if not isinstance(done, bool):
        raise BadAnswer("`done` is neither true nor false")
    fields = _fields(said.get("headers", {}), "headers")
    if action == "redirect":
        fields = (("location", _location(said.get("location"))), *fields)
    return Verdict(
        action=action,  # type: ignore[arg-type]  # a key of _OF_ACTIONS
        status=_status(said.get("status"), action),
        fields=fields,
        body=_body(said["body"]) if "body" in said else None,
        request=_changes(said["request"], "request") if "request" in said else None,
        response=_changes(said["response"], "response") if "response" in said else None,
        reason=_reason(said.get("reason", "")),
        done=done,
    )


def _status(said: Any, action: str) -> int:
    if said is None:
        return {"redirect": 302, "block": 403}.get(action, 0)
    if type(said) is int:
        if action == "redirect" and said in _REDIRECTS:
            return said
        if action == "block" and 200 <= said <= 599 and said not in (204, 205, 304):
            return said
    raise BadAnswer(f"`status` is none that `{action}` can have")


def _location(said: Any) -> str:
    if not isinstance(said, str) or not said:
        raise BadAnswer("a redirect has no `location`")
    return _value(said, "location")


def _body(said: Any) -> bytes:
    if not isinstance(said, str):
        raise BadAnswer("`body` is no text")
    try:
        return b64decode(said, validate=True)
    except ValueError as fault:
        raise BadAnswer("`body` is not base64") from fault


def _reason(said: Any) -> str:
    if not isinstance(said, str):
        raise BadAnswer("`reason` is no text")
    return "".join(each if " " <= each <= "~" else "?" for each in said[:_LONGEST_REASON])


def _changes(said: Any, where: str) -> HeaderChanges:
    if not isinstance(said, dict) or not said.keys() <= {"set", "add", "remove"}:
        raise BadAnswer(f"`{where}` has something else than `set`, `add` and `remove`")
    removed = said.get("remove", [])
    if not isinstance(removed, list):
        raise BadAnswer(f"`{where}.remove` is no list")
    return HeaderChanges(
        set=_fields(said.get("set", {}), f"{where}.set"),
        add=_fields(said.get("add", {}), f"{where}.add"),
        remove=tuple(_name(each, f"{where}.remove") for each in removed),
    )


def _fields(said: Any, where: str) -> tuple[Field, ...]:
    """Fields written as an object of names with a value, or several."""
    if not isinstance(said, dict):
        raise BadAnswer(f"`{where}` is no object")
    found: list[Field] = []
    for name, values in said.items():
        known = _name(name, where)
        found += ((known, _value(each, where)) for each in (values if isinstance(values, list) else [values]))
    if len(found) > _MOST_FIELDS:
        raise BadAnswer(f"`{where}` has more than {_MOST_FIELDS} fields")
    return tuple(found)


def _name(said: Any, where: str) -> str:
    if not isinstance(said, str) or not said or len(said) > _LONGEST_REASON:
        raise BadAnswer(f"`{where}` has something that is no field's name")
    name = said.lower()
    if not _TOKEN.issuperset(name):
        raise BadAnswer(f"`{where}` has something that is no field's name")
    if name in _NOT_THEIRS:
        raise BadAnswer(f"`{where}` speaks of `{name}`, which is the gateway's own")
    return name


def _value(said: Any, where: str) -> str:
    if not isinstance(said, str) or len(said) > _LONGEST_VALUE:
        raise BadAnswer(f"`{where}` has a value that is no text, or too long")
    if any((each < " " and each != "\t") or each == "\x7f" or each > "\xff" for each in said):
        raise BadAnswer(f"`{where}` has a value that no field can have")
    return said.strip(" \t")
