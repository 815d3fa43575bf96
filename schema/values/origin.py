"""Origins of web pages: `https://app.example.com`, `https://*.example.com`, `*`.

Owns their one form (RFC 6454): scheme and host in lower case, no port where it is the scheme's usual one.
"""

from __future__ import annotations

import re
from typing import Final

from .host import parse_host
from .refusal import ValueRefusal, quoted, whole

ANY: Final = "*"

_USUAL_PORTS: Final = {"http": 80, "https": 443}
_ORIGIN: Final = re.compile(
    r"([a-z][a-z0-9+.-]{0,31})://(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::([0-9]{1,5}))?"
)
_WRITTEN: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,31})://([^/?#@]{1,300}?)(?::([0-9]{1,5}))?")
_BEGINNING: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}://[^/?#@]{1,300}(?=[/?#])")
_HOW: Final = "write `https://app.example.com`, `https://*.example.com` or `*`"


def normal_origin(text: str) -> str | None:
    """The form in which origins are compared, of what a request says; None for `null` and what is none."""
    found = _ORIGIN.fullmatch(text.lower())
    if found is None:
        return None
    scheme, host, port = found.groups()
    if port is None or int(port) == _USUAL_PORTS.get(scheme):
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{int(port)}"


def parse_origin(text: str) -> str | ValueRefusal:
    """A configured origin in its one form. `*` may be the whole of it, or the first label of the host."""
    if text == ANY:
        return text
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return _refuse(text)
    scheme, host, port = found[1].lower(), found[2], found[3]
    wild = host.startswith("*.")
    known = parse_host(host[2:] if wild else host, found.start(2) + 2 * wild)
    if isinstance(known, ValueRefusal):
        return known
    if wild and known.startswith("["):
        return _refuse(text)
    if port is not None and int(port) > 65535:
        return ValueRefusal(
            found.start(3), len(port), f"{quoted(port)} is not a port", "write one up to 65535"
        )
    shown = "*." * wild + known
    if port is None or int(port) == _USUAL_PORTS.get(scheme):
        return f"{scheme}://{shown}"
    return f"{scheme}://{shown}:{int(port)}"


def _refuse(text: str) -> ValueRefusal:
    shown = quoted(text)
    if text == "null":
        return whole(
            text,
            "`null` is the origin of sandboxed pages and local files, which anybody can make",
            "leave it out",
        )
    beginning = _BEGINNING.match(text)
    if beginning is not None and beginning.end() < len(text) and "@" not in text:
        rest = len(text) - beginning.end()
        return ValueRefusal(
            beginning.end(), rest, f"{shown} is more than an origin", f"write `{beginning[0]}`"
        )
    if text and "://" not in text and re.fullmatch(r"[A-Za-z0-9.*_-]+(?::[0-9]+)?", text):
        return whole(text, f"{shown} has no scheme", f"write `https://{text}`")
    return whole(text, f"{shown} is not an origin", _HOW)
