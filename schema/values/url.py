"""URLs of services: `https://keys.example.com/jwks.json`.

Owns their spelling: absolute, http or https, no user information (a secret does not belong into a URL) and no
fragment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from .host import is_ipv6, parse_host
from .port import parse_port
from .refusal import ValueRefusal, quoted, whole

_URL: Final = re.compile(r"(?i:(https?))://([^/?#@]*)([/?][^#]*)?")
_AUTHORITY: Final = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(.*))?", re.DOTALL)
_STRANGER: Final = re.compile(r"[^!-~]|[\"<>\\^`{|}]")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOW: Final = "write an absolute URL such as `https://api.example.com/v1`"

LONGEST: Final = 8192

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Url:
    """A URL taken apart. `host` is in its one form, IPv6 in brackets; `path` begins with `/`.

    `port` is the scheme's where none was written. `query` is without `?`, None where there was no `?`.
    """

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str
    query: str | None = None

    def __str__(self) -> str:
        """The URL in its one form: a port that goes without saying is left out."""
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        query = "" if self.query is None else f"?{self.query}"
        return f"{self.scheme}://{self.host}{port}{self.path}{query}"


def parse_url(text: str) -> Url | ValueRefusal:
    """The URL that `text` writes."""
    if len(text) > LONGEST:
        return ValueRefusal(
            LONGEST, len(text) - LONGEST, f"a URL is {len(text)} characters long", f"{LONGEST} are allowed"
        )
    found = _URL.fullmatch(text)
    if found is None:
        return _refuse(text)
    stranger = _STRANGER.search(text, found.start(3)) if found[3] else None
    if stranger is not None:
        return _refuse_character(stranger)
    escape = _BAD_ESCAPE.search(text, found.start(3)) if found[3] else None
    if escape is not None:
        return ValueRefusal(
            escape.start(),
            1,
            "a `%` begins no escape",
            "write `%25` for the character, or two hexadecimal digits",
        )
    if is_ipv6(found[2]):
        return ValueRefusal(
            found.start(2),
            len(found[2]),
            f"{quoted(found[2])} is an IPv6 address without brackets",
            f"write `[{found[2]}]`",
        )
    authority = _AUTHORITY.fullmatch(found[2])
    if authority is None or not authority[1]:
        return ValueRefusal(found.start(2), len(found[2]), f"{quoted(text)} has no host", _HOW)
    host = parse_host(authority[1], found.start(2))
    if isinstance(host, ValueRefusal):
        return host
    scheme: Literal["http", "https"] = "https" if len(found[1]) == 5 else "http"
    port: int | ValueRefusal = _PORTS[scheme]
    if authority[2] is not None:
        port = parse_port(authority[2], found.start(2) + authority.start(2))
    if isinstance(port, ValueRefusal):
        return port
    path, mark, query = (found[3] or "/").partition("?")
    return Url(scheme, host, port, path or "/", query if mark else None)


def _refuse_character(stranger: re.Match[str]) -> ValueRefusal:
    char = stranger[0]
    named = {" ": "a space", "\t": "a tab"}.get(char, quoted(char))
    escaped = "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
    return ValueRefusal(stranger.start(), 1, f"a URL cannot hold {named}", f"write `{escaped}`")


def _refuse(text: str) -> ValueRefusal:
    """What is wrong with text that is no URL, and what was likely meant."""
    shown = quoted(text)
    if not text:
        return whole(text, "a URL is empty", _HOW)
    authority = re.match(r"(?i:https?)://([^/?#]*)", text)
    if authority is not None:
        if "@" in authority[1]:
            return ValueRefusal(
                authority.start(1),
                authority[1].rindex("@") + 1,
                "user information stands in a URL",
                "take it out; a URL is shown in logs and reports, so it holds no secret",
            )
        mark = text.find("#")
        return ValueRefusal(
            mark, len(text) - mark, "a URL has a fragment", "take it out: servers never see one"
        )
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):/?/?", text)
    if scheme is not None and scheme[0].endswith("//"):
        advice = {"ws": "write `http://`", "wss": "write `https://`"}.get(scheme[1].lower(), _HOW)
        return ValueRefusal(
            0, len(scheme[1]), f"the scheme {quoted(scheme[1])} is neither `http` nor `https`", advice
        )
    if scheme is not None and scheme[1].lower() in _PORTS:
        return whole(text, f"{shown} has not two slashes behind its scheme", _HOW)
    bare = text.lstrip("/")
    if text[0] not in "/?#" or text.startswith("//"):
        meant = f"https://{bare}"
        if not isinstance(parse_url(meant), ValueRefusal):
            return whole(text, f"{shown} has no scheme", f"write {quoted(meant)}, or with `http://`")
    return whole(text, f"{shown} is not an absolute URL", _HOW)
