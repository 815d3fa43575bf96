"""One field of a multipart form, read strictly.

Owns as much of RFC 7578 as it takes to find a field. Two readers of a form easily disagree about a crooked
one, so whatever is not plainly well-formed, up to the closing delimiter, is not readable at all.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_PARTS = 1024
"""Forms with more parts are not read."""
_PART_HEAD_BYTES = 8 * 1024

# Repeats are possessive: what cannot be read is known at once, however long it is.
_TOKEN = "[0-9A-Za-z!#$%&'*+.^_`|~-]++"
_TYPE = re.compile(
    rf'multipart/form-data((?:[ \t]*+;[ \t]*+{_TOKEN}=(?:{_TOKEN}|"[^"\\]*+"))*+)', re.IGNORECASE
)
_TYPE_PARAMETER = re.compile(rf';[ \t]*+({_TOKEN})=(?:({_TOKEN})|"([^"\\]*+)")')
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")

_FIELD = re.compile(rb"([0-9A-Za-z!#$%&'*+.^_`|~-]++):[ \t]*+([^\x00\r\n]*+)")
_VALUE = rf'(?:{_TOKEN}|"[^"\\]*+(?:\\.[^"\\]*+)*+")'
_DISPOSITION = re.compile(
    rf"form-data((?:[ \t]*+;[ \t]*+{_TOKEN}[ \t]*+=[ \t]*+{_VALUE})++)[ \t]*+;?[ \t]*+",
    re.IGNORECASE | re.DOTALL,
)
_PARAMETER = re.compile(rf";[ \t]*+({_TOKEN})[ \t]*+=[ \t]*+({_VALUE})", re.DOTALL)


class FormField(NamedTuple):
    """What a form says of one field: `value` is None where it has none of that name."""

    readable: bool
    value: str | None = None


_UNREADABLE = FormField(False)


def form_boundary(content_type: str) -> str | None:
    """The boundary that a Content-Type of `multipart/form-data` names, None for any other value."""
    found = _TYPE.fullmatch(content_type)
    if found is None:
        return None
    named = [
        token or quoted
        for name, token, quoted in _TYPE_PARAMETER.findall(found[1])
        if name.lower() == "boundary"
    ]
    return named[0] if len(named) == 1 and _BOUNDARY.fullmatch(named[0]) else None


def form_field(body: bytes, boundary: str, name: str) -> FormField:
    """The value of the one part of that name, as bytes in latin-1 text.

    Not readable: a form that is not well-formed to its closing delimiter, has more than 1024 parts, or has
    the field twice, as a file, or in a transfer encoding.
    """
    first = b"--" + boundary.encode("latin-1")
    delimiter = b"\r\n" + first
    if not body.startswith(first):
        return _UNREADABLE
    place = len(first)
    value: str | None = None
    for _ in range(_PARTS):
        if body.startswith(b"--", place):
            return FormField(True, value)
        line_end = body.find(b"\r\n", place, place + 80)
        if line_end == -1 or body[place:line_end].strip(b" \t"):
            return _UNREADABLE
        end = body.find(delimiter, line_end)
        head_end = body.find(b"\r\n\r\n", line_end + 2, line_end + _PART_HEAD_BYTES)
        if head_end == -1 or not head_end + 4 <= end:
            return _UNREADABLE
        named = _part_name(body[line_end + 2 : head_end], name)
        if named is None or (named and value is not None):
            return _UNREADABLE
        if named:
            value = body[head_end + 4 : end].decode("latin-1")
        place = end + len(delimiter)
    return _UNREADABLE


def _part_name(head: bytes, name: str) -> bool | None:
    """Whether the part with this head is the plain field of that name; None where that cannot be told."""
    disposition: str | None = None
    encoded = False
    for line in head.split(b"\r\n"):
        field = _FIELD.fullmatch(line)
        if field is None:
            return None
        field_name = field[1].lower()
        if field_name == b"content-disposition":
            if disposition is not None:
                return None
            disposition = field[2].decode("latin-1")
        elif field_name == b"content-transfer-encoding":
            encoded = field[2].strip(b" \t").lower() not in (b"7bit", b"8bit", b"binary")
    found = None if disposition is None else _DISPOSITION.fullmatch(disposition)
    if found is None:
        return None
    parameters: dict[str, str] = {}
    for key, value in _PARAMETER.findall(found[1]):
        key = key.lower()
        if key in parameters:
            return None
        parameters[key] = value
    given = parameters.get("name")
    if given is None or "\\" in given or "name*" in parameters:
        return None
    if given.strip('"') != name:
        return False
    return None if encoded or "filename" in parameters or "filename*" in parameters else True
