"""Places that the gateway reads from and writes to: files, logs, services; addresses of its own.

Owns their spelling. `${env:NAME}` and `${file:path}` may stand for any part; such text is judged as far as it
is known, and again when the gateway has filled it in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

from .address import Address, parse_address
from .bound import OFF
from .host import parse_host
from .refusal import ValueRefusal, quoted, whole
from .url import Url, parse_url

LOGS: Final = ("stdout", "stderr", OFF)
"""The words that stand for no file."""

Parsed = TypeVar("Parsed")

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def parse_file(text: str) -> str | ValueRefusal:
    """The path of a file to read, as written."""
    return _path(text) if text else whole(text, "the path of a file is empty", "write the path of a file")


def parse_absolute_path(text: str) -> str | ValueRefusal:
    """A path that is the same wherever the gateway is started, as written."""
    if not text.startswith(("/", "${")):
        advice = f"write it from the root on, as in `/var/lib/{text.lstrip('./')[:60] or 'gwc'}`"
        return whole(text, f"the path {quoted(text)} does not begin with `/`", advice)
    return _path(text)


def parse_log_path(text: str) -> str | ValueRefusal:
    """Where a log goes: one of `LOGS`, or an absolute path."""
    if text in LOGS or text.startswith(("/", "${")):
        return _path(text)
    return whole(
        text,
        f"{quoted(text)} is no place for a log",
        "write `stdout`, `stderr`, `off`, or the path of a file, which begins with `/`",
    )


def parse_service_url(text: str) -> Url | str | ValueRefusal:
    """The URL of a service; as written where it holds references."""
    return _referring(text, parse_url)


def parse_token_secret(text: str) -> str | ValueRefusal:
    """A secret, as written; any text is one."""
    return _referring(text, str)


def parse_server_name(text: str) -> str | ValueRefusal:
    """The name of a server in its one form; as written where it holds references."""
    return _referring(text, parse_host)


def parse_own_address(text: str) -> Address | ValueRefusal | None:
    """An address to listen on, None for `off`."""
    return None if text == OFF else parse_address(text)


def _path(text: str) -> str | ValueRefusal:
    control = _CONTROL.search(text)
    if control is not None:
        problem = f"a path cannot hold the control character {quoted(control[0])}"
        return ValueRefusal(control.start(), 1, problem, "take it out")
    return _referring(text, str)


def _referring(text: str, parse: Callable[[str], Parsed | ValueRefusal]) -> Parsed | str | ValueRefusal:
    """What `parse` makes of the text; the text itself where it holds references."""
    if "${" not in text:
        return parse(text)
    # Imported here: most texts have no references.
    from ..template.value import parse_value

    template = parse_value(text, variables=False)
    if isinstance(template, ValueRefusal):
        return template
    return text if template.constant is None else parse(template.constant)
