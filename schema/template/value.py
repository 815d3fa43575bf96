"""Values with variables: `x-${req.host}`, `${env:TOKEN}`.

Owns the spelling of `${…}` and the list of variables. What a variable is worth is known to whoever has the
request; secrets behind `${env:…}` and `${file:…}` are never looked up here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ..values.refusal import ValueRefusal, quoted
from ..values.token import CHARACTERS


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text, from `start` to `end` of what was written; `text` is what it stands for."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the request, `${name}`: `req.host`, `req.header.x-id`, `path.id` …

    `text` is how it was written. A header's name is in lower case.
    """

    name: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class EnvironmentReference:
    """`${env:NAME}`: an environment variable, looked up when the gateway loads the table."""

    name: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class FileReference:
    """`${file:path}`: the content of a file, read when the gateway loads the table."""

    path: str
    text: str
    start: int
    end: int


Part = Text | Variable | EnvironmentReference | FileReference


@dataclass(frozen=True, slots=True)
class ValueTemplate:
    """A value taken apart: its parts cover it from its beginning to its end."""

    parts: tuple[Part, ...]

    @property
    def constant(self) -> str | None:
        """The text it stands for where that is always the same, else None."""
        if all(isinstance(part, Text) for part in self.parts):
            return "".join(part.text for part in self.parts)
        return None


VARIABLES: Final = (
    "req.method",
    "req.scheme",
    "req.host",
    "req.path",
    "req.query",
    "req.header.NAME",
    "client-ip",
    "listener",
    "route",
    "trace-id",
    "request-id",
    "path.NAME",
    "identity.name",
    "identity.kind",
    "identity.claim.NAME",
)
"""The variables that there are; NAME is the name of a header field or of a capture."""

_PLAIN_VARIABLES: Final = frozenset(name for name in VARIABLES if not name.endswith(".NAME"))
_CAPTURE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_CLAIM: Final = re.compile(r"[^\x00-\x20\x7f{}]{1,256}")
_TOKEN: Final = re.compile(f"[{CHARACTERS}]{{1,256}}")
_ENVIRONMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

_NEAR_VARIABLES: Final = {
    "host": "req.host", "http_host": "req.host", "request.host": "req.host", "req.authority": "req.host",
    "method": "req.method", "request.method": "req.method", "request_method": "req.method",
    "scheme": "req.scheme", "request.scheme": "req.scheme", "req.protocol": "req.scheme",
    "path": "req.path", "uri": "req.path", "request.path": "req.path", "req.uri": "req.path",
    "query": "req.query", "args": "req.query", "request.query": "req.query", "req.args": "req.query",
    "client_ip": "client-ip", "clientip": "client-ip", "remote_addr": "client-ip", "client.ip": "client-ip",
    "req.client-ip": "client-ip", "ip": "client-ip", "route.name": "route", "listener.name": "listener",
    "trace_id": "trace-id", "traceid": "trace-id", "request_id": "request-id", "x-request-id": "request-id",
    "correlation-id": "request-id", "req.id": "request-id",
    "remote_user": "identity.name", "user": "identity.name", "identity": "identity.name",
    "http.auth.user.id": "identity.name",
}  # fmt: skip


def parse_value(text: str, *, variables: bool = True) -> ValueTemplate | ValueRefusal:
    """A value with `${…}` in it. `$${` is a plain `${`; a `$` elsewhere stands for itself.

    Without `variables` only `${env:NAME}` and `${file:path}` may stand: the value is needed before any
    request is.
    """
    parts: list[Part] = []
    plain, begin, at = "", 0, 0
    while True:
        dollar = text.find("${", at)
        if dollar < 0:
            break
        if dollar > at and text[dollar - 1] == "$":
            plain += text[at : dollar - 1] + "${"
            at = dollar + 2
            continue
        end = text.find("}", dollar)
        if end < 0 or "${" in text[dollar + 2 : end]:
            return ValueRefusal(
                dollar, 2, "this `${` is never closed", "close it with `}`, or write `$${` for a plain `${`"
            )
        found = _read_reference(text[dollar : end + 1], dollar, variables)
        if isinstance(found, ValueRefusal):
            return found
        plain += text[at:dollar]
        if plain:
            parts.append(Text(plain, begin, dollar))
        parts.append(found)
        plain, begin, at = "", end + 1, end + 1
    plain += text[at:]
    if plain:
        parts.append(Text(plain, begin, len(text)))
    return ValueTemplate(tuple(parts))


def _read_reference(
    written: str, start: int, variables: bool
) -> Variable | EnvironmentReference | FileReference | ValueRefusal:
    """One `${…}`."""
    inner = written[2:-1]
    end = start + len(written)
    kind, colon, rest = inner.partition(":")
    if colon and kind == "env":
        if _ENVIRONMENT.fullmatch(rest):
            return EnvironmentReference(rest, written, start, end)
        if not rest:
            return ValueRefusal(
                start, len(written), "`${env:}` names no environment variable", "write `${env:NAME}`"
            )
        default = re.match(r"([A-Za-z_][A-Za-z0-9_]{0,60}):?[-=]", rest)
        return ValueRefusal(
            start,
            len(written),
            f"{quoted(rest)} is not the name of an environment variable",
            f"write `${{env:{default[1]}}}`; there are no default values: an overlay gives one"
            if default
            else "a name is letters, digits and `_`, and begins with no digit: `${env:NAME}`",
        )
    if colon and kind == "file":
        if rest and not _CONTROL.search(rest):
            return FileReference(rest, written, start, end)
        return ValueRefusal(
            start, len(written), "`${file:}` names no file", "write `${file:/run/secrets/name}`"
        )
    name = _variable_name(inner)
    if name is None:
        return ValueRefusal(start, len(written), *_unknown(inner, variables))
    if not variables:
        return ValueRefusal(
            start,
            len(written),
            f"{quoted(written)} is known only when a request is",
            "only `${env:NAME}` and `${file:path}` may stand here",
        )
    return Variable(name, written, start, end)


def _variable_name(inner: str) -> str | None:
    """The variable that `inner` names, None where there is no such variable."""
    if inner in _PLAIN_VARIABLES:
        return inner
    if inner.startswith("req.header.") and _TOKEN.fullmatch(inner, 11):
        return inner.lower()
    if inner.startswith("identity.claim.") and _CLAIM.fullmatch(inner, 15):
        return inner
    if inner.startswith("path.") and _CAPTURE.fullmatch(inner, 5):
        return inner
    return None


def _unknown(inner: str, variables: bool) -> tuple[str, str]:
    """Headline and help for a variable that does not exist."""
    if not inner:
        return "`${}` names nothing", _listed(variables)
    message = f"there is no variable {quoted('${' + inner + '}')}"
    lower = inner.lower()
    near = _NEAR_VARIABLES.get(lower, lower if lower in _PLAIN_VARIABLES else None)
    if near is None and lower.startswith(("req.headers.", "request.header.", "http.header.", "header.")):
        near = "req.header." + lower.rpartition(".")[2]
    if near is None and _ENVIRONMENT.fullmatch(inner) and inner.isupper():
        near = f"env:{inner}"
    elif near is None and lower.startswith(("env.", "env ", "environment:")):
        near = "env:" + re.split("[.: ]", inner, maxsplit=1)[1].strip()
    elif near is None and inner.strip() != inner and _variable_name(inner.strip()):
        near = inner.strip()
    # Only what would be read is worth suggesting.
    if near is not None and (
        (variables and _variable_name(near)) or (near.startswith("env:") and _ENVIRONMENT.fullmatch(near, 4))
    ):
        return message, f"did you mean `${{{near}}}`?"
    return message, _listed(variables)


def _listed(variables: bool) -> str:
    """What there is."""
    outside = "`${env:NAME}` and `${file:path}`"
    if not variables:
        return f"there are {outside}; write `$${{` for a plain `${{`"
    names = ", ".join(f"`{name}`" for name in VARIABLES)
    return f"the variables are {names}, beside {outside}; write `$${{` for a plain `${{`"
