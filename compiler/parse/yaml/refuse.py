"""The words for what is well-formed YAML and no configuration.

Each function adds one finding at the smallest place. Knows nothing of how the place was found.
"""

from __future__ import annotations

import re
from decimal import Decimal

from gwc.schema.diagnostic import Diagnostic, Label, error, warning

from ..document import Scalar
from .findings import Findings
from .lines import content_end, line_end

_PROPERTY = re.compile(r"[&!][^\s,\[\]{}]*")
_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\r\n]*)*")
_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'""", re.DOTALL)
_PLAIN_KEY = re.compile(r"(?:[^:\r\n]|:(?![ \t\r\n]))*")
_NAME_AND_COLON = re.compile(r"[\"']?[A-Za-z_][\w.-]*[\"']?:(?![ \t\r\n]|//|\Z)")
_LONGEST_QUOTE = 40


def shown(text: str, start: int, end: int) -> str:
    """A piece of the file between backticks, on one line and cut to a readable length."""
    piece = text[start : min(end, start + 10 * _LONGEST_QUOTE)]
    piece = " ".join(piece.split())
    if len(piece) > _LONGEST_QUOTE:
        piece = piece[: _LONGEST_QUOTE - 1] + "…"
    return f"`{piece}`"


def duplicate(text: str, first: int, start: int, stop: int, findings: Findings) -> None:
    """A key that stands in its mapping already, at `first`."""
    if findings.enough():
        return
    findings.add(
        error(
            "GWC161",
            findings.span(start, stop),
            f"the key {shown(text, start, stop)} stands twice in one mapping",
            label="a second time",
            secondary=[Label(findings.span(first, _key_end(text, first)), "the first time")],
            help="keep one of the two; several values of one key are a list under it",
        )
    )


def properties(text: str, start: int, stop: int, findings: Findings) -> int:
    """The anchor and the tag before a value; the answer is where the value itself starts."""
    while start < stop and (found := _PROPERTY.match(text, start)):
        span = findings.span(start, found.end())
        if findings.enough():
            pass
        elif text[start] == "!":
            findings.add(
                error(
                    "GWC162",
                    span,
                    f"the YAML tag `{found[0]}` is not read",
                    help="remove it; quotes make any value a text, also one that begins with `!`",
                )
            )
        else:
            findings.add(
                error(
                    "GWC163",
                    span,
                    f"the YAML anchor `{found[0]}` is not read",
                    help="remove it and write the value where it is needed; a text that begins with `&` "
                    "stands in quotes",
                )
            )
        blank = _BLANK.match(text, found.end())
        start = blank.end() if blank else found.end()
    return min(start, stop)


def alias(text: str, start: int, stop: int, findings: Findings) -> None:
    """`*name` where a value stands."""
    if findings.enough():
        return
    name = text[start:stop]
    findings.add(
        error(
            "GWC163",
            findings.span(start, stop),
            f"the YAML alias `{name}` is not read",
            help=f'write the value out; if the text `{name}` is meant, put it in quotes: "{name}"',
        )
    )


def merge_key(start: int, findings: Findings) -> None:
    """`<<:` in a mapping."""
    if findings.enough():
        return
    findings.add(
        error(
            "GWC164",
            findings.span(start, start + 2),
            "the YAML merge key `<<` is not read",
            help="write the keys out; routes share settings in a `group` or in `defaults`",
        )
    )


def second_document(text: str, start: int, findings: Findings) -> Diagnostic:
    """The finding for a second document in the file, which begins at `start`."""
    stop = start + 3 if text.startswith("---", start) else min(start + 1, len(text))
    return error(
        "GWC165",
        findings.span(start, stop),
        "a second YAML document begins here",
        label="nothing from here on is read",
        help="a file is one document: move this one to a file of its own and `include` it",
    )


def scalar_as_root(text: str, start: int, stop: int, plain: bool, findings: Findings) -> None:
    """A file, or what is left of it, that is one scalar."""
    if plain and (colon := tight_colon(text, start, stop)):
        findings.add(space_after_colon(text, start, colon, findings))
        return
    findings.add(
        error(
            "GWC166",
            findings.span(start, min(stop, line_end(text, start))),
            f"found the text {shown(text, start, stop)} where `key: value` entries were expected",
            help="a configuration is a mapping; write `key: value` lines, such as `routes:`",
        )
    )


def sequence_as_root(start: int, findings: Findings) -> None:
    """A file that is a list."""
    findings.add(
        error(
            "GWC166",
            findings.span(start, start + 1),
            "found a list where `key: value` entries were expected",
            help="a configuration is a mapping; put the list under a key, such as `routes:`",
        )
    )


def key_that_is_no_text(text: str, start: int, stop: int, value: Scalar, findings: Findings) -> None:
    """A key that the core schema reads as null, a boolean or a number."""
    if findings.enough():
        return
    if start == stop:
        findings.add(nothing_before_colon(text, start, findings))
        return
    kind = "a number" if isinstance(value, int | float | Decimal) else "null"
    if isinstance(value, bool):
        kind = "a boolean"
    written = text[start:stop]
    findings.add(
        error(
            "GWC168",
            findings.span(start, stop),
            f"the key {shown(text, start, stop)} is {kind}, not a text",
            help=f'put it in quotes: "{written}"' if len(written) < _LONGEST_QUOTE else "put it in quotes",
        )
    )


def nothing_before_colon(text: str, start: int, findings: Findings) -> Diagnostic:
    """The finding for `: value`."""
    return error(
        "GWC168",
        findings.span(start, min(start + 1, len(text))),
        "no key stands before the `:`",
        help="write `key: value`; a value that begins with `:` stands in quotes",
    )


def collection_as_key(start: int, stop: int, is_mapping: bool, findings: Findings) -> None:
    """`{a: b}: c`, `[a]: b`."""
    if findings.enough():
        return
    findings.add(
        error(
            "GWC168",
            findings.span(start, max(stop, start + 1)),
            f"a {'mapping' if is_mapping else 'list'} cannot be a key",
            help="a key is a text; put it in quotes if the brackets belong to it",
        )
    )


def key_without_colon(text: str, start: int, stop: int, findings: Findings) -> None:
    """`{key}`, `{key:value}`: a key in braces that no `: ` follows."""
    if findings.enough():
        return
    colon = tight_colon(text, start, stop)
    if colon:
        findings.add(space_after_colon(text, start, colon, findings))
        return
    name = shown(text, start, stop)
    findings.add(
        error(
            "GWC157",
            findings.span(start, stop),
            f"no `:` follows the key {name}",
            help="write `key: value`; a text with braces in it, such as a path template, needs quotes",
        )
    )


def entry_without_colon(text: str, start: int, stop: int, findings: Findings) -> Diagnostic:
    """The finding for a line that should be an entry of a mapping and has no `: `."""
    stop = max(min(stop, content_end(text, start)), min(start + 1, len(text)))
    if colon := tight_colon(text, start, stop):
        return space_after_colon(text, start, colon, findings)
    what = shown(text, start, stop)
    if text[start] == "-" and text[start + 1 : start + 2] not in ("", "-"):
        help = f"write {what.replace('`-', '`- ', 1)}, with a space, for a list item, `key: value` for a key"
    else:
        help = (
            f"write {what[:-1]}: value`; a list item begins with `- `, a text over several lines needs quotes"
        )
    return error("GWC157", findings.span(start, stop), f"no `:` follows {what}", help=help)


def space_after_colon(text: str, start: int, colon: int, findings: Findings) -> Diagnostic:
    """The finding for `key:value`, where YAML sees one text."""
    key = shown(text, start, colon + 1)
    return error(
        "GWC158",
        findings.span(colon, colon + 1),
        f"no space follows the `:` of {key}",
        label="without a space this is a part of the text",
        help=f"write {key[:-1]} value`, with a space",
    )


def text_over_lines(text: str, start: int, stop: int, findings: Findings) -> None:
    """A plain scalar that goes on over several lines: most often a key or a dash that is not seen as one."""
    if findings.enough():
        return
    first_end = line_end(text, start)
    blank = _BLANK.match(text, first_end)
    follows = blank.end() if blank else first_end
    findings.add(
        warning(
            "GWC174",
            findings.span(follows, max(follows, min(stop, line_end(text, follows)))),
            f"this line continues the text {shown(text, start, first_end)}",
            label="read as a part of that text",
            secondary=[Label(findings.span(start, first_end), "the text begins here")],
            help="mend the indentation (or the `:`) if an entry of its own was meant; put a text of several "
            "lines in quotes, or write it under `>`",
        )
    )


def tight_colon(text: str, start: int, stop: int) -> int:
    """The colon of `name:value` in a plain text, 0 if there is none; `http://x` and `a b:c` are not meant."""
    found = _NAME_AND_COLON.match(text, start, stop)
    return found.end() - 1 if found else 0


def _key_end(text: str, start: int) -> int:
    found = _QUOTED.match(text, start) or _PLAIN_KEY.match(text, start)
    return max(start + 1, start + len(found[0].rstrip())) if found else start + 1
