"""Formats: the text types that are more than their length.

Owns the one table from the schema's `format` to the rule that checks it, and the code under which a refusal
is told. The rules live in `gwc.schema`, where the runtime finds them too; each gives the value or a refusal
with its place in the text.

Whether a path pattern can ever equal a normalised path depends on listeners and is asked when names are
bound; here a path begins with `/` and holds no controls.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from gwc.schema.diagnostic import Diagnostic, error
from gwc.schema.glob import parse_glob
from gwc.schema.normalise.host import normalise_configured_host
from gwc.schema.span import Span
from gwc.schema.template.path import parse_template
from gwc.schema.template.value import parse_value
from gwc.schema.values.address import parse_address, parse_target
from gwc.schema.values.bound import parse_limit, parse_part_size, parse_period, parse_timeout
from gwc.schema.values.cidr import parse_cidr
from gwc.schema.values.cookie_name import parse_cookie_name
from gwc.schema.values.country import parse_country
from gwc.schema.values.field_value import parse_field_value, parse_plain_value
from gwc.schema.values.header_name import parse_header_name
from gwc.schema.values.host import parse_host
from gwc.schema.values.key_hash import parse_key_hash
from gwc.schema.values.media_type import parse_content_type, parse_media_type
from gwc.schema.values.method import parse_method
from gwc.schema.values.name import parse_name
from gwc.schema.values.origin import parse_origin
from gwc.schema.values.place import (
    parse_absolute_path,
    parse_file,
    parse_log_path,
    parse_own_address,
    parse_server_name,
    parse_service_url,
    parse_token_secret,
)
from gwc.schema.values.refusal import ValueRefusal
from gwc.schema.values.share import parse_share
from gwc.schema.values.statuses import parse_statuses

from ..parse.document import Node, Value
from .run import Run
from .words import plain

Check = Callable[[str], bool]
"""Whether a text is of the format."""

Explain = Callable[["Place", str], Diagnostic]
"""Why a text, which the check refused, is not of the format."""


_PATH = re.compile(r"/[^\x00-\x1f\x7f]*")
_REPLACEMENT = re.compile(r"(?:/[^\x00-\x1f\x7f]*)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Place:
    """A text value that was refused: its key, and the way from offsets in the text to spans."""

    __slots__ = ("_node", "_run", "_value", "key")

    def __init__(self, run: Run, key: str, node: Node, value: Value) -> None:
        self._run = run
        self._node = node
        self._value = value
        self.key = key

    def span(self, offset: int = 0, length: int = 0) -> Span:
        """The span of a part of the text, of the whole value where length is 0."""
        return self._run.inside(self._node, self._value, offset, length)


def checker_of(name: str | None) -> Check | None:
    """The quick question for a format, None where every text will do."""
    return None if name is None else FORMATS[name][0]


def explain_format(run: Run, key: str, name: str, node: Node, value: Value, text: str) -> None:
    """Report why `text`, which its format's check refused, is not of the format."""
    run.report(FORMATS[name][1](Place(run, key, node, value), text))


def _refusal_of(parse: Callable[[str], object], text: str) -> ValueRefusal:
    refusal = parse(text)
    assert isinstance(refusal, ValueRefusal)
    return refusal


def _told(code: str, parse: Callable[[str], object]) -> Explain:
    """The words of the refusal, at its place, under this code."""

    def explain(place: Place, text: str) -> Diagnostic:
        refusal = _refusal_of(parse, text)
        at = place.span(refusal.offset, refusal.length)
        return error(code, at, refusal.message, help=refusal.help)

    return explain


def _parsed(code: str, parse: Callable[[str], object]) -> tuple[Check, Explain]:
    """A format whose rule says all there is to say."""
    return lambda text: type(parse(text)) is not ValueRefusal, _told(code, parse)


def _host(place: Place, text: str) -> Diagnostic:
    refused = normalise_configured_host(text)
    assert not isinstance(refused, str)
    shown = f"the host `{plain(text)}`" if text else f"the host of `{place.key}`"
    advice = refused.help
    if refused.instead is not None and refused.instead not in advice:
        advice = f"write `{refused.instead}`; {advice}"
    return error("GWC225", place.span(), f"{shown} {refused.problem}", help=advice)


def _parse_secret(text: str) -> object:
    return parse_value(text, variables=False)


def _path(place: Place, text: str) -> Diagnostic:
    control = _CONTROL.search(text)
    if not text:
        at, problem, advice = place.span(), "is empty", "write `/` for the root"
    elif control is not None:
        at = place.span(control.start(), 1)
        problem = f"has the control character `{plain(control[0])}` in it"
        advice = "take it out: no request's path can have one"
    else:
        at = place.span(0, 1)
        problem, advice = "does not begin with `/`", f"write `/{plain(text)}`"
    shown = f"the path `{plain(text)}`" if text else f"the path of `{place.key}`"
    return error("GWC227", at, f"{shown} {problem}", help=advice)


def _path_template(place: Place, text: str) -> Diagnostic:
    return (_path if _CONTROL.search(text) else _told("GWC228", parse_template))(place, text)


def _path_value(place: Place, text: str) -> Diagnostic:
    return (_path if _PATH.fullmatch(text) is None else _told("GWC231", parse_value))(place, text)


def _regex(place: Place, text: str) -> Diagnostic:
    from gwc.schema.regex.program import Choice, choose

    pattern = _as_bytes_text(text)
    refusal = choose(pattern)
    assert not isinstance(refusal, Choice)
    refusal = refusal.in_characters(pattern)
    at = place.span(refusal.offset, refusal.length)
    return error("GWC229", at, refusal.message, label=refusal.construct, help=refusal.help)


def _is_regex(text: str) -> bool:
    # Imported here: most configurations have no regular expressions.
    from gwc.schema.regex.program import Choice, choose

    return isinstance(choose(_as_bytes_text(text)), Choice)


def _as_bytes_text(text: str) -> str:
    """Text in UTF-8, each byte spelt as one latin-1 character, as the dialect has it."""
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("latin-1")


def _never(place: Place, text: str) -> Diagnostic:
    raise AssertionError(f"nothing refuses {text!r} as {place.key}")


FORMATS: Final[Mapping[str, tuple[Check, Explain]]] = {
    "name": _parsed("GWC223", parse_name),
    "address": _parsed("GWC224", parse_address),
    "target-address": _parsed("GWC224", parse_target),
    "own-address": _parsed("GWC224", parse_own_address),
    "host-name": (lambda text: isinstance(normalise_configured_host(text), str), _host),
    "plain-host": _parsed("GWC225", parse_host),
    "server-name": _parsed("GWC225", parse_server_name),
    "cidr": _parsed("GWC226", parse_cidr),
    "path": (lambda text: _PATH.fullmatch(text) is not None, _path),
    "replacement": (lambda text: _REPLACEMENT.fullmatch(text) is not None, _path),
    "path-template": (
        lambda text: type(parse_template(text)) is not ValueRefusal and _PATH.fullmatch(text) is not None,
        _path_template,
    ),
    "path-value": (
        lambda text: _PATH.fullmatch(text) is not None and type(parse_value(text)) is not ValueRefusal,
        _path_value,
    ),
    "regex": (_is_regex, _regex),
    "method": _parsed("GWC230", parse_method),
    "field-name": _parsed("GWC230", parse_header_name),
    "cookie-name": _parsed("GWC230", parse_cookie_name),
    "field-value": _parsed("GWC231", parse_field_value),
    "plain-value": _parsed("GWC231", parse_plain_value),
    "origin": _parsed("GWC375", parse_origin),
    "share": _parsed("GWC232", parse_share),
    "statuses": _parsed("GWC354", parse_statuses),
    "secret": _parsed("GWC231", _parse_secret),
    "glob": _parsed("GWC233", parse_glob),
    "duration": _parsed("GWC235", parse_period),
    "timeout": _parsed("GWC235", parse_timeout),
    "size-limit": _parsed("GWC236", parse_limit),
    "part-size": _parsed("GWC236", parse_part_size),
    "token-secret": _parsed("GWC231", parse_token_secret),
    "country": _parsed("GWC371", parse_country),
    "key-hash": _parsed("GWC369", parse_key_hash),
    "url": _parsed("GWC237", parse_service_url),
    "file": _parsed("GWC238", parse_file),
    "media-type": _parsed("GWC380", parse_media_type),
    "content-type": _parsed("GWC380", parse_content_type),
    "absolute-path": _parsed("GWC238", parse_absolute_path),
    "log-path": _parsed("GWC238", parse_log_path),
    # Judged when files are included, which is before anything is validated.
    "include-pattern": (lambda _text: True, _never),
}
"""Every `format` of the schema: the quick question, and the words for a no."""
