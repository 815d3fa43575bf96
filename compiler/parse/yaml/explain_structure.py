"""Syntax errors between values: colons, brackets, commas, indentation, list items."""

from __future__ import annotations

import re

from gwc.schema.diagnostic import Diagnostic, Label, error

from .explain_characters import directive_at, quote_without_end
from .findings import Findings
from .lines import (
    content_end,
    first_character,
    indentation,
    line_above,
    line_end,
    line_start,
)
from .mistake import Explained, Mistake, Rule
from .refuse import entry_without_colon, nothing_before_colon, second_document, shown

_QUOTED_KEY = re.compile(r""""[^"\r\n]*"|'[^'\r\n]*'""")
_KEY_COLON = re.compile(r":(?=[ \t\r\n]|\Z)")
_FLOW_WORD = re.compile(r""""[^"\r\n]*"|'[^'\r\n]*'|[^,\[\]{}\r\n]+|.""")
_COLON = re.compile(r":(?=[ \t])")
_IN_BRACKETS = re.compile(
    r""""(?:[^"\\\r\n]|\\.)*"?|'[^'\r\n]*'?|(?<=[ \t])#[^\r\n]*|[\[\]{}]|\r\n?|\n|[^"'#\[\]{}\r\n]+|."""
)
_CLOSES = {"[": "]", "{": "}"}
_OPENS = {"]": "[", "}": "{"}
_LONGEST_KEY = 1024
_LONGEST_SEARCH = 20_000


def brackets(mistake: Mistake, findings: Findings) -> Explained | None:
    """A list or mapping in brackets: never closed, closed by the wrong one, or with a comma amiss."""
    text, at, opener, here = mistake.text, mistake.at, mistake.since, mistake.character()
    if "',' or '" not in mistake.words:
        return None
    bracket = text[opener]
    end = _closing(text, opener)
    if not here or (end is None and line_start(text, at) != line_start(text, opener)):
        return Explained(
            error(
                "GWC153",
                findings.span(opener, opener + 1),
                f"this `{bracket}` is never closed",
                label=f"a `{_CLOSES[bracket]}` is missing",
                help=f"write `{_CLOSES[bracket]}` after the last entry",
            ),
            opener,
        )
    if here in _OPENS:
        return Explained(
            error(
                "GWC154",
                findings.span(at, at + 1),
                f"`{here}` does not close `{bracket}`",
                label=f"`{_CLOSES[bracket]}` was expected",
                secondary=[Label(findings.span(opener, opener + 1), "opened here")],
                help=f"write `{_CLOSES[bracket]}`; put a text with brackets in it in quotes",
            ),
            max(at, end or at),
        )
    if here in ("{", "[") and text[at - 1] not in " \t\r\n,[{":
        return Explained(
            error(
                "GWC159",
                findings.span(at, at + 1),
                f"a text with `{here}` in it needs quotes inside brackets",
                label="has a meaning of its own in YAML",
                help="put the text in quotes",
            ),
            max(at, end or at),
        )
    if here == ":":
        return Explained(_second_colon(mistake, findings), max(at, end or at))
    word = _FLOW_WORD.match(text, at)
    stop = at + len(word[0].rstrip()) if word else at + 1
    return Explained(
        error(
            "GWC172",
            findings.span(at, stop),
            f"a comma is missing before {shown(text, at, stop)}",
            secondary=[Label(findings.span(opener, opener + 1), "inside these brackets")],
            help="separate the entries with commas, or put the whole text in quotes",
        ),
        max(at, end or at),
    )


def stray_in_brackets(mistake: Mistake, findings: Findings) -> Explained | None:
    """A comma with nothing before it, a colon that YAML takes for the end of a key."""
    at, here = mistake.at, mistake.character()
    if "unexpected ':'" in mistake.words:
        return Explained(_second_colon(mistake, findings), at)
    if "node content" in mistake.words and mistake.in_flow and here == ",":
        return Explained(
            error(
                "GWC172",
                findings.span(at, at + 1),
                "nothing stands before this comma",
                help="remove the comma, or write the entry that is missing",
            ),
            at,
        )
    return None


def colon(mistake: Mistake, findings: Findings) -> Explained | None:
    """`: ` where no key can end."""
    text, at = mistake.text, mistake.at
    if "values are not allowed" not in mistake.words:
        return None
    first = first_character(text, at)
    if at - first > _LONGEST_KEY and not _COLON.search(text, first, at):
        return Explained(
            error(
                "GWC157",
                findings.span(first, at),
                f"the key {shown(text, first, at)} has {at - first} characters; YAML takes at most 1024",
                help="write a shorter key; a long text is a value and stands behind a `: `",
            ),
            at,
        )
    if _COLON.search(text, first, at) or text.startswith("- ", first):
        return Explained(_second_colon(mistake, findings), at)
    above = line_above(text, at)
    if above is None:
        return None
    if indentation(text, at) > indentation(text, above) and _COLON.search(text, above, line_end(text, above)):
        return Explained(
            error(
                "GWC155",
                findings.span(first, at),
                f"{shown(text, first, at)} is indented deeper than the entry above it, which has a value",
                secondary=[Label(findings.span(above, content_end(text, above)), "this has a value already")],
                help=f"indent it by {indentation(text, above)} to stand beside the line above, or end that "
                "line with its `:`",
            ),
            at,
        )
    return None if _COLON.search(text, above, line_end(text, above)) else _key_alone(text, above, findings)


def key_alone(mistake: Mistake, findings: Findings) -> Explained | None:
    """A line where a key was expected, and no colon follows."""
    text, since = mistake.text, mistake.since
    if "could not find expected ':'" not in mistake.words:
        return None
    quote = text[since]
    if quote in "\"'" and text.find(quote, since + 1, line_end(text, since)) < 0:
        return quote_without_end(text, since, findings)
    return _key_alone(text, since, findings)


def item_beside_key(mistake: Mistake, findings: Findings) -> Explained | None:
    """`key: - item`."""
    if "entries are not allowed" not in mistake.words:
        return None
    at = mistake.at
    return Explained(
        error(
            "GWC175",
            findings.span(at, at + 1),
            "a list item stands on the line of its key",
            help="write the `- ` items on lines of their own under the key, or the list in brackets; a text "
            "that begins with `- ` stands in quotes",
        ),
        at,
    )


def after_value(mistake: Mistake, findings: Findings) -> Explained | None:
    """Something behind a value that is complete: behind its closing quote or bracket."""
    text, at, here = mistake.text, mistake.at, mistake.character()
    if not _block_went_wrong(mistake.words):
        return None
    if here in _OPENS:
        return Explained(_closes_nothing(here, at, findings), at)
    first = first_character(text, at)
    before = at - 1
    while before > first and text[before] in " \t":
        before -= 1
    if before < first or text[before] not in "\"']}":
        return None
    start, stop = mistake.scalar
    if stop == before + 1 and text[start] in "\"'" and line_start(text, start) != line_start(text, before):
        return quote_without_end(text, start, findings)
    what = "quote" if text[before] in "\"'" else "bracket"
    hint = "; write '' for a quote inside single quotes" if text[before] == "'" else ""
    rest = max(content_end(text, at), at + 1)
    return Explained(
        error(
            "GWC173",
            findings.span(at, rest),
            f"{shown(text, at, rest)} follows a value that is closed",
            secondary=[Label(findings.span(before, before + 1), f"the {what} that closes it")],
            help=f"put the whole text in quotes{hint}",
        ),
        at,
    )


def misplaced_line(mistake: Mistake, findings: Findings) -> Explained | None:
    """A line whose indentation or kind does not fit the lines above it."""
    text, at, here = mistake.text, mistake.at, mistake.character()
    ended = "document start" in mistake.words
    if not (_block_went_wrong(mistake.words) or ended) or first_character(text, at) != at or not here:
        return None
    above = line_above(text, at)
    if ended and above is not None:
        if text[above] == "%":
            return directive_at(text, above, findings)
        if text.startswith("...", above):
            return Explained(second_document(text, at, findings), len(text))
    if here == ":":
        return Explained(nothing_before_colon(text, at, findings), at)
    depth = indentation(text, at)
    stop = _word_end(text, at)
    is_item = here == "-" and text[at + 1 : at + 2] in ("", " ", "\t", "\r", "\n")
    if depth in mistake.columns and not ended:
        if not is_item and "block collection" not in mistake.words:
            return None
        other = "a key" if is_item else "a list item"
        beside = findings.span(mistake.since, _word_end(text, mistake.since))
        return Explained(
            error(
                "GWC175",
                findings.span(at, at + 1 if is_item else stop),
                f"{'a list item' if is_item else 'a key'} stands among {'keys' if is_item else 'list items'}",
                secondary=[Label(beside, f"{other} of the same depth")],
                help="what stands under one key is all `- ` items or all `key: value` entries; mend the "
                "indentation",
            ),
            at,
        )
    columns = {*mistake.columns} if above is None else {*mistake.columns, indentation(text, above)}
    *others, last = [str(column) for column in sorted(columns)] or ["0"]
    fitting = f"{', '.join(others)} or {last}" if others else last
    return Explained(
        error(
            "GWC155",
            findings.span(at, stop),
            f"{shown(text, at, stop)} is indented by {depth}, and no entry above it is",
            help=f"indent it by {fitting} to stand with an entry above"
            if columns
            else "mend the indentation",
        ),
        at - 1 if ended else at,
    )


def node_missing(mistake: Mistake, findings: Findings) -> Explained | None:
    """A closing bracket where a value was expected."""
    here = mistake.character()
    if "node content" in mistake.words and here in _OPENS:
        return Explained(_closes_nothing(here, mistake.at, findings), mistake.at)
    return None


def _block_went_wrong(words: str) -> bool:
    return "expected key" in words or "<block end>" in words or "'-' indicator" in words


def _second_colon(mistake: Mistake, findings: Findings) -> Diagnostic:
    text, at = mistake.text, mistake.at
    first = _COLON.search(text, first_character(text, at), at)
    value = text[first.end() : content_end(text, at)].strip() if first else ""
    quote = "'" if '"' in value or "\\" in value else '"'
    fits = value and not mistake.in_flow and len(value) <= 60 and quote not in value
    return error(
        "GWC156",
        findings.span(at, at + 1),
        "a text with `:` in it needs quotes here",
        label="taken for the end of a key",
        help=f"write {quote}{value}{quote}" if fits else "put the text in quotes",
    )


def _key_alone(text: str, at: int, findings: Findings) -> Explained:
    return Explained(entry_without_colon(text, at, line_end(text, at), findings), at)


def _closes_nothing(here: str, at: int, findings: Findings) -> Diagnostic:
    return error(
        "GWC154",
        findings.span(at, at + 1),
        f"this `{here}` closes nothing",
        label=f"no `{_OPENS[here]}` is open",
        help=f"remove it, or write the `{_OPENS[here]}` that it closes; a text with brackets needs quotes",
    )


def _word_end(text: str, at: int) -> int:
    """The end of the key at this offset, or of all that its line holds."""
    stop = content_end(text, at)
    quoted = _QUOTED_KEY.match(text, at, stop)
    colon = _KEY_COLON.search(text, quoted.end() if quoted else at + 1, stop)
    if colon:
        stop = at + len(text[at : colon.start()].rstrip())
    return min(max(stop, at + 1), len(text))


def _closing(text: str, opener: int) -> int | None:
    """The offset of the bracket that closes the one at `opener`, going by the looks of it.

    None where a line that is indented no deeper than the opener's comes first: the entry after it.
    """
    depth = 0
    margin = indentation(text, opener)
    for count, found in enumerate(_IN_BRACKETS.finditer(text, opener)):
        token = found[0]
        if token in _CLOSES:
            depth += 1
        elif token in _OPENS:
            depth -= 1
            if not depth:
                return found.start()
        elif token[0] in "\r\n":
            first = first_character(text, found.end())
            outside = first - found.end() <= margin and text[first : first + 1] not in (
                "",
                "#",
                "\r",
                "\n",
                "]",
                "}",
            )
            if outside:
                return None
        if count > _LONGEST_SEARCH:
            return opener
    return None


RULES: tuple[Rule, ...] = (
    brackets,
    stray_in_brackets,
    colon,
    key_alone,
    item_beside_key,
    after_value,
    misplaced_line,
    node_missing,
)
"""In the order in which they are asked."""
