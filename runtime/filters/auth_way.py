"""What a way of proving who one is says, and where credentials stand in a request.

Owns the verdicts, the finding of a credential, and the taking of it out of what the upstream gets and of what
is told in logs. Which ways there are is `authentication.py`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from gwc.schema.normalise.cookie import cookie_value
from gwc.schema.normalise.query import query_value, query_values
from gwc.schema.request import RequestHead

from ..actions.headers import Field
from ..filter import Answer, FilterContext, FilterFaulty, Identity

MOST_FILE_BYTES: Final = 16 * 1024 * 1024
_MASK: Final = "***"


class Place(NamedTuple):
    """Where a credential stands: a header field, a query parameter or a cookie. `scheme`: lower-case words of
    which one stands before it in the field, () where it is the whole value.
    """

    kind: Literal["header", "query", "cookie"]
    name: str
    schemes: tuple[str, ...] = ()


class Held(NamedTuple):
    """The way holds. `hide`: where the credential stood that the upstream is not to see."""

    identity: Identity
    fields: tuple[Field, ...] = ()
    hide: Place | None = None


class Rejected(NamedTuple):
    """There was a credential, and it does not hold. `reason` is a word of `observe.reasons`; `detail` says
    why, without anything of the credential.
    """

    reason: str
    detail: str
    identity: Identity | None = None


Verdict: TypeAlias = Held | Rejected | Answer | None
"""None: the request has no credential of this kind."""


class Way(Protocol):
    """One way. `challenge` is what `WWW-Authenticate` says of it, "" for nothing."""

    challenge: str

    def ask(self, context: FilterContext) -> Verdict | Awaitable[Verdict]:
        """Whether the request proves who it is from."""

    async def prepare(self) -> None:
        """What takes time before the first request."""


def credential(head: RequestHead, place: Place) -> str | None:
    """What stands there; None where nothing does, or something of another scheme."""
    if place.kind == "query":
        return query_value(head, place.name) if head.query else None
    if place.kind == "cookie":
        return cookie_value(head, place.name)
    value = head.headers.get(place.name)
    if value is None or not place.schemes:
        return value
    scheme, space, rest = value.partition(" ")
    return rest.lstrip(" ") if space and scheme.lower() in place.schemes else None


def keep_out_of_logs(context: FilterContext, place: Place) -> None:
    """Mask a credential in a query, whatever its parameter is called."""
    query = context.record.query
    if place.kind == "query" and query:
        pieces = query.split("&")
        context.record.query = "&".join(
            f"{each.partition('=')[0]}={_MASK}" if _is_named(each, place.name) else each for each in pieces
        )


def hide(context: FilterContext, place: Place) -> None:
    """Take a credential out of the request that goes to the upstream."""
    head = context.head
    if place.kind == "header":
        context.removed.add(place.name)
    elif place.kind == "query":
        pieces = [each for each in (head.query or "").split("&") if not _is_named(each, place.name)]
        context.head = replace(head, query="&".join(pieces) or None)
    else:
        field = head.headers.get("cookie", "")
        pieces = [each.strip(" \t") for each in field.split(";")]
        left = [each for each in pieces if each.partition("=")[0] != place.name]
        context.removed.add("cookie")
        if left:
            context.set_fields.append(("cookie", "; ".join(left)))


def _is_named(piece: str, name: str) -> bool:
    return name in query_values(piece)


def digest_of(text: str) -> bytes:
    """The SHA-256 of a credential; text of a head is one byte a character."""
    return hashlib.sha256(text.encode("latin-1", "replace")).digest()


def as_field(text: str) -> str | None:
    """Text as the value of a field: its UTF-8, one byte a character; None where a field cannot hold it."""
    value = text.encode("utf-8", "replace").decode("latin-1")
    if len(value) > 4096 or any(each < " " or each == "\x7f" for each in value):
        return None
    return value.strip(" ")


def read_file(root: Path, path: str, what: str) -> bytes:
    """The content of a regular file. Raises FilterFaulty."""
    place = root / path
    try:
        if not place.is_file():
            why = "is not a regular file" if place.exists() else "does not exist"
            raise FilterFaulty(f"{what}: file `{path}` {why}")
        with place.open("rb") as file:
            content = file.read(MOST_FILE_BYTES + 1)
    except OSError as fault:
        raise FilterFaulty(f"{what}: file `{path}` cannot be read: {fault.strerror}") from fault
    if len(content) > MOST_FILE_BYTES:
        raise FilterFaulty(f"{what}: file `{path}` is longer than {MOST_FILE_BYTES} bytes")
    return content
