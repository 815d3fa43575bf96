"""Syntax errors inside one value: quotes, escapes, characters with a meaning of their own, tabs."""

from __future__ import annotations

import re

from gwc.schema.diagnostic import error

from .findings import Findings
from .lines import content_end, first_character, line_start
from .mistake import Explained, Mistake, Rule
from .refuse import shown

_IN_FLOW = re.compile(r"[^,\[\]{}\r\n]*")
_WORD = re.compile(r"[^\s,\[\]{}]+")
_ESCAPE = re.compile(r"\\(?:x[0-9A-Fa-f]{0,2}|u[0-9A-Fa-f]{0,4}|U[0-9A-Fa-f]{0,8}|[^\r\n])?")
_DIGITS = {"x": "two", "u": "four", "U": "eight"}
_TABS = re.compile(r"[ \t]*\t")
_TABBED_LINE = re.compile(r"(?:^|(?<=\r)) *\t[ \t]*[^\s]", re.MULTILINE)


def unclosed_quote(mistake: Mistake, findings: Findings) -> Explained | None:
    """A quote that nothing closes before the file or the document ends."""
    if "end of stream" not in mistake.words and "unexpected document" not in mistake.words:
        return None
    return quote_without_end(mistake.text, mistake.since, findings)


def quote_without_end(text: str, quote: int, findings: Findings) -> Explained:
    """The finding for the quote at this offset."""
    return Explained(
        error(
            "GWC152",
            findings.span(quote, quote + 1),
            "this quote is never closed",
            label=f"opens {shown(text, quote, content_end(text, quote))}",
            help=f"write {text[quote]} at the end of the text as well",
        ),
        quote,
    )


def unknown_escape(mistake: Mistake, findings: Findings) -> Explained | None:
    """A backslash in double quotes with something behind it that makes no escape."""
    if not any(word in mistake.words for word in ("escape", "hex")):
        return None
    text, at = mistake.text, mistake.at
    backslash = text.rfind("\\", mistake.since, at + 1)
    if backslash < 0:
        return None
    found = _ESCAPE.match(text, backslash)
    stop = found.end() if found else backslash + 1
    digits = _DIGITS.get(text[backslash + 1 : backslash + 2])
    if digits:
        help = f"write {digits} hexadecimal digits of a character after `{text[backslash : backslash + 2]}`"
    else:
        help = (
            "double the backslash, or put the text in single quotes, where a backslash is a character like "
            "any other"
        )
    return Explained(
        error(
            "GWC160",
            findings.span(backslash, stop),
            f"{shown(text, backslash, stop)} is no escape in double quotes",
            help=help,
        ),
        at,
    )


def name_indicator(mistake: Mistake, findings: Findings) -> Explained | None:
    """`*` and `&` before what cannot be the name of an alias or an anchor."""
    if "scanning an a" not in mistake.words:
        return None
    return _reserved(mistake, mistake.since, findings)


def tag(mistake: Mistake, findings: Findings) -> Explained | None:
    """`!` before what cannot be a tag."""
    text, at = mistake.text, mistake.since
    if "tag" not in mistake.words or text[at : at + 1] != "!":
        return None
    found = _WORD.match(text, at)
    stop = found.end() if found else at + 1
    return Explained(
        error(
            "GWC162",
            findings.span(at, stop),
            f"the YAML tag {shown(text, at, stop)} is not read",
            help="remove it; quotes make any value a text, also one that begins with `!`",
        ),
        at,
    )


def tab(mistake: Mistake, findings: Findings) -> Explained | None:
    """A tab where YAML takes only spaces."""
    text, at = mistake.text, mistake.at
    if mistake.character() != "\t":
        prefix = text[line_start(text, at) : first_character(text, at)]
        if "\t" not in prefix or mistake.in_flow:
            return None
        at = line_start(text, at) + prefix.index("\t")
    found = _TABS.match(text, at)
    assert found is not None
    others = sum(1 for _ in _TABBED_LINE.finditer(text)) - 1
    more = f"; {others} more line{'s' * (others > 1)} of this file begin{'s' * (others == 1)} with a tab"
    return Explained(
        error(
            "GWC151",
            findings.span(at, found.end()),
            "a tab stands where YAML takes only spaces",
            label="a tab",
            help="indent with spaces" + (more if others > 0 else ""),
        ),
        at,
    )


def first_of_value(mistake: Mistake, findings: Findings) -> Explained | None:
    """A character that cannot begin a text without quotes."""
    here = mistake.character()
    if "cannot start any token" in mistake.words or ("node content" in mistake.words and here not in "]}"):
        if not here or (mistake.in_flow and here in ",:"):
            return None
        return _reserved(mistake, mistake.at, findings)
    if "keys are not allowed" in mistake.words:
        return _reserved(mistake, mistake.at, findings)
    return None


def block_scalar(mistake: Mistake, findings: Findings) -> Explained | None:
    """Something behind `|` or `>` that does not belong there."""
    if "block scalar" not in mistake.words:
        return None
    text, at = mistake.text, mistake.since
    stop = max(content_end(text, at), at + 1)
    return Explained(
        error(
            "GWC171",
            findings.span(at, stop),
            f"{shown(text, at, stop)} does not begin a text of several lines",
            label=f"only `+`, `-` and a digit may follow `{text[at]}`",
            help=f"begin the text on the next line, indented; a text that starts with `{text[at]}` stands in "
            "quotes",
        ),
        at,
    )


def directive(mistake: Mistake, findings: Findings) -> Explained | None:
    """A line with `%` at its start."""
    text, at = mistake.text, mistake.since
    if text[at : at + 1] != "%" or line_start(text, at) != at:
        return None
    return directive_at(text, at, findings)


def directive_at(text: str, at: int, findings: Findings) -> Explained:
    """The finding for the directive at this offset."""
    stop = content_end(text, at)
    return Explained(
        error(
            "GWC169",
            findings.span(at, stop),
            f"the YAML directive {shown(text, at, stop)} is not read",
            help="remove the line; a key that begins with `%` stands in quotes",
        ),
        at,
    )


def _reserved(mistake: Mistake, at: int, findings: Findings) -> Explained:
    text = mistake.text
    found = _IN_FLOW.match(text, at) if mistake.in_flow else None
    stop = max(at + 1, found.end() if found else content_end(text, at))
    value = text[at:stop].rstrip()
    quote = "'" if '"' in value or "\\" in value else '"'
    fits = len(value) <= 60 and quote not in value
    return Explained(
        error(
            "GWC159",
            findings.span(at, at + 1),
            f"a text that begins with {'a backtick' if text[at] == '`' else f'`{text[at]}`'} needs quotes",
            label="has a meaning of its own in YAML",
            help=f"write {quote}{value}{quote}" if fits else "put the text in quotes",
        ),
        at,
    )


RULES: tuple[Rule, ...] = (
    unclosed_quote,
    unknown_escape,
    name_indicator,
    tag,
    tab,
    first_of_value,
    block_scalar,
    directive,
)
"""In the order in which they are asked."""
