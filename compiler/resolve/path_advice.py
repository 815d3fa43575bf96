"""What to write instead of a path that no request can have.

Owns words only: that the path is impossible has been found out. Each reason of the normaliser has its advice,
and what people bring from other gateways (`{id}` in an exact path, a query behind a `?`) is known by name.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from gwc.schema.listener import PathOptions
from gwc.schema.normalise.path import normalise_path
from gwc.schema.predicate import PathPattern
from gwc.schema.request import Reason

_PARAMETER = re.compile(r"\{[^{}]*\}")
_MARK = re.compile(r"~([0-9]+)~")

_REFUSED: dict[Reason, str] = {
    "path-escape": "`%` begins an escape of two hexadecimal digits; write `%25` for the character itself",
    "path-control": "requests with control characters in their path are refused",
    "path-backslash": "requests with a backslash in their path are refused; write `/`",
    "path-encoded-slash": "requests with `%2F` in their path are refused but by a listener with "
    '`path-normalisation "keep-encoded-slash"`',
    "path-overlong": "requests with an overlong UTF-8 form in their path are refused; write the short one",
    "path-dot-parameter": "requests with `.;` or `..;` at the beginning of a segment are refused",
    "path-above-root": "the `..` has nothing to remove; write the path without it",
}


def path_advice(pattern: PathPattern, options: tuple[PathOptions, ...]) -> str:
    """The help for an impossible pattern. `options` are those of the listeners that it is meant for."""
    text = pattern.text
    if pattern.kind == "template":
        return _for_template(text, options)
    if "?" in text:
        path = _nearest(text.partition("?")[0], options) or "/"
        return f"`?` begins the query: write `{path}`, and `query` for what follows; `%3F` is the character"
    if "#" in text:
        return "what follows a `#` is never sent: leave it out; `%23` is the character"
    if _PARAMETER.search(text):
        return f'write `path-template "{text}"` for any segment in its place; `%7B` and `%7D` are the braces'
    near = _nearest(text.rstrip("/") if pattern.kind == "prefix" else text, options)
    if near is None:
        return _refused(text, options)
    return f"write `{near}`, the normal form"


def _for_template(text: str, options: tuple[PathOptions, ...]) -> str:
    """The template with its other segments in their normal form."""
    parameters: list[str] = []

    def marked(found: re.Match[str]) -> str:
        parameters.append(found[0])
        return f"~{len(parameters) - 1}~"

    plain = _PARAMETER.sub(marked, text)
    near = _nearest(plain, options)
    if near is None:
        return _refused(plain, options)
    if len(_MARK.findall(near)) < len(parameters):
        return "write the template without `.` and `..`"
    return f"write `{_MARK.sub(lambda found: parameters[int(found[1])], near)}`, the normal form"


def _refused(text: str, options: tuple[PathOptions, ...]) -> str:
    for each in options:
        refusal = normalise_path(text.encode("latin-1"), each)
        if not isinstance(refusal, str) and refusal.reason in _REFUSED:
            return _REFUSED[refusal.reason]
    return "write a path that a request can have after normalising; docs/semantics.md says how it is made"


def _nearest(text: str, options: tuple[PathOptions, ...]) -> str | None:
    """What a request for `text` would look like after normalising, None if it would be refused outright."""
    spelt = quote(text.encode("latin-1"), safe="/%-._~!$&'()*+,;=:@")
    for candidate in (text, spelt):
        for each in options:
            normal = normalise_path(candidate.encode("latin-1"), each)
            if isinstance(normal, str):
                return normal
    return None
