"""What is said about mistakes in KDL: one function a code.

Owns codes GWC101 to GWC149, their headlines and their help. Knows nothing of how a mistake is found.
"""

from __future__ import annotations

from typing import Literal

from gwc.schema.diagnostic import Diagnostic, Label, error, warning
from gwc.schema.span import Span

from .characters import KEYWORDS, name_of_disallowed
from .tokens import MAX_DEPTH

Version = Literal[1, 2]

_SHOWN = 40
_RAW_V2 = '`#"..."#`'


def quoted(text: str) -> str:
    """The person's text in backticks: one line, not longer than a line can bear."""
    line = text.split("\n", 1)[0].replace("\r", " ")
    if len(line) > _SHOWN or line != text:
        line = line[: _SHOWN - 1] + "…"
    return f"`{line}`"


def in_quotes(text: str) -> str:
    """The text as a KDL string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def as_string(text: str) -> str:
    """What to write for the text, in backticks."""
    return quoted(in_quotes(text))


def raw_v2(hashes: str, text: str) -> str:
    """The raw string of KDL 2 for that text, in backticks; `hashes` are those of KDL 1."""
    hashes = hashes or "#"
    while '"' + hashes in text:
        hashes += "#"
    return quoted(f'{hashes}"{text}"{hashes}')


def unclosed_string(span: Span, *, closing: str) -> Diagnostic:
    """`span` is the opening quotes."""
    return error(
        "GWC101",
        span,
        "this string is never closed",
        label="opened here",
        help=f"close it with `{closing}`" + (" on the same line" if '"""' not in closing else ""),
    )


def unclosed_comment(span: Span, nested: Span | None) -> Diagnostic:
    """`span` is the `/*` without an end; `nested` the last `/*` inside it."""
    secondary = () if nested is None else (Label(nested, "comments nest: this one wants an end too"),)
    return error(
        "GWC102",
        span,
        "this comment is never closed",
        label="opened here",
        secondary=secondary,
        help="close it with `*/`",
    )


def unknown_escape(span: Span, escape: str, version: Version) -> Diagnostic:
    """`escape` is the backslash and what follows it."""
    if escape == "\\u":
        help = "a code point is written `\\u{1F600}`, with one to six hexadecimal digits"
    elif escape == "\\/" and version == 2:
        help = "write `/`: it needs no escape"
    elif version == 1:
        help = 'the escapes are `\\n \\r \\t \\\\ \\/ \\" \\b \\f \\u{...}`; write a backslash as `\\\\`'
    else:
        help = (
            'the escapes are `\\n \\r \\t \\\\ \\" \\b \\f \\s \\u{...}`; '
            f"write a backslash as `\\\\`, or the string as {_RAW_V2}"
        )
    return error("GWC103", span, f"{quoted(escape)} is no escape", help=help)


def no_code_point(span: Span, escape: str) -> Diagnostic:
    """`\\u{...}` with a number that no character has."""
    return error(
        "GWC104",
        span,
        f"{quoted(escape)} is no character",
        help="code points end at 10FFFF, and D800 to DFFF are no characters",
    )


def bare_keyword(span: Span, word: str, *, name: bool) -> Diagnostic:
    """`true` where `#true` or `"true"` is wanted; `name`: where only text can stand."""
    if name:
        return error("GWC105", span, f"`{word}` cannot be a name without quotes", help=f'write `"{word}"`')
    return error(
        "GWC105", span, f"`{word}` is not a value", help=f'write `#{word}`, or `"{word}"` for the text'
    )


def unknown_keyword(span: Span, word: str) -> Diagnostic:
    """`#treu`."""
    from ...diagnostics.nearest import nearest  # only now: a file without mistakes needs no index

    near = {"yes": "#true", "on": "#true", "no": "#false", "off": "#false", "none": "#null", "nil": "#null"}
    meant = near.get(word.lstrip("#").lower()) or nearest(word, KEYWORDS)
    help = "the keywords are `#true`, `#false`, `#null`, `#inf`, `#-inf` and `#nan`"
    if meant:
        help = f"did you mean `{meant}`?"
    return error("GWC106", span, f"{quoted(word)} is not a keyword", help=help)


def hash_comment(span: Span) -> Diagnostic:
    """A `#` on its own, most likely begun as a comment."""
    return error(
        "GWC106",
        span,
        "`#` stands before no keyword",
        help="a comment begins with `//`; a keyword is `#true`",
    )


def bad_number(span: Span, text: str) -> Diagnostic:
    """Begins like a number and is none."""
    unsigned = text.lstrip("+-")
    if unsigned.startswith(".") and unsigned[1:].isdecimal():
        sign = text[: len(text) - len(unsigned)]
        help = f"write a digit before the point: `{sign}0{unsigned}`"
    elif unsigned[:2].lower() in ("0x", "0o", "0b"):
        help = "hexadecimal is `0x1f`, octal `0o17`, binary `0b101`; `_` may stand after a digit"
    else:
        help = f"text that begins with a digit stands in quotes: {as_string(text)}"
    return error("GWC107", span, f"{quoted(text)} is not a number", help=help)


def huge_number(span: Span) -> Diagnostic:
    """More digits, or a larger exponent, than can be worked with."""
    return error("GWC108", span, "this number is too long", help="a number has at most 1000 digits")


def disallowed(span: Span, character: str, times: int) -> Diagnostic:
    """A code point that may not stand in a file; told once for all its places."""
    more = f", the first of {times}" if times > 1 else ""
    if character == "\0" and times > 8:
        help = "this looks like UTF-16: save the file as UTF-8"
    elif character == "\ufeff":
        help = "remove it"
    else:
        help = f"remove it; in a string it can be written `\\u{{{ord(character):x}}}`"
    return error(
        "GWC109",
        span,
        f"{name_of_disallowed(character)} (U+{ord(character):04X}) may not stand here",
        label=f"here{more}",
        help=help,
    )


def missing_space(span: Span, text: str) -> Diagnostic:
    """`text` begins where the value before it ends."""
    if text.startswith(","):
        help = 'values are separated by spaces, without commas: `method "GET" "POST"`'
    elif text.startswith(":"):
        help = "a name is followed by a space and its value, without a colon"
    else:
        help = "put a space between the two"
    return error("GWC110", span, f"a space is missing before {quoted(text)}", help=help)


def must_be_quoted(span: Span, text: str) -> Diagnostic:
    """A word with a character that bare words cannot have."""
    return error(
        "GWC111",
        span,
        f"{quoted(text)} has to stand in quotes",
        help=f"write {as_string(text)}",
    )


def idle_backslash(span: Span) -> Diagnostic:
    """A line continuation that is not at the end of its line."""
    return error(
        "GWC112",
        span,
        "a line can only be continued from its end",
        help="nothing but a comment may follow the `\\` on its line; in a string write `\\\\`",
    )


def misplaced_continuation(span: Span) -> Diagnostic:
    """KDL 1: a `\\` between nodes."""
    return error(
        "GWC112", span, "there is no line to continue here", help="remove the `\\`: no node has begun"
    )


def text_after_opening_quotes(span: Span) -> Diagnostic:
    """`\"\"\"text`."""
    return error(
        "GWC113",
        span,
        "the text of a multi-line string begins on the next line",
        help='break the line after `"""`, or write `"` for a string of one line',
    )


def text_before_closing_quotes(span: Span) -> Diagnostic:
    """`text\"\"\"`."""
    return error(
        "GWC114",
        span,
        'the closing `"""` has to stand on a line of its own',
        help='break the line before `"""`; the space before it is then taken from every line',
    )


def wrong_indent(span: Span, closing: Span) -> Diagnostic:
    """A line of a multi-line string that does not begin as its closing line does."""
    return error(
        "GWC115",
        span,
        "this line is not indented like the closing quotes",
        secondary=(Label(closing, "every line has to begin with this space, tab for tab"),),
        help="indent the line at least as far, with the same tabs and spaces",
    )


def raw_string_v1(span: Span, hashes: str, text: str) -> Diagnostic:
    """`r"..."` in a file of KDL 2."""
    return error(
        "GWC116",
        span,
        "a raw string has no `r` before it",
        help=f"write {raw_v2(hashes, text)}",
    )


def unclosed_brace(span: Span) -> Diagnostic:
    """`span` is the `{`."""
    return error("GWC117", span, "this `{` is never closed", help="close the block with `}`")


def stray_brace(span: Span, suspect: Span | None) -> Diagnostic:
    """`suspect`: an earlier `}` that is not indented like the block it closes."""
    secondary = () if suspect is None else (Label(suspect, "this one closes a block of another indentation"),)
    return error(
        "GWC118", span, "this `}` closes nothing", secondary=secondary, help="remove it, or add the `{`"
    )


def property_without_value(span: Span, key: str) -> Diagnostic:
    """`key=` and then nothing."""
    return error(
        "GWC119",
        span,
        f"the property {quoted(key)} has no value",
        help=f"write a value after `=`: {quoted(key + '=value')}",
    )


def equals_without_key(span: Span, before: str) -> Diagnostic:
    """A `=` that follows no string; `before`: the value that stands there instead, if any."""
    help = f'only text can be a key: `"{before}"=...`' if before else "write `key=value`"
    return error("GWC120", span, "there is no key before this `=`", help=help)


def node_like_property(span: Span, name: str) -> Diagnostic:
    """`name = value` where a node is wanted."""
    return error(
        "GWC121",
        span,
        f"the node {quoted(name)} takes its value without `=`",
        help=f"write {quoted(name + ' value')}; `key=value` stands after a node's name",
    )


def nameless(span: Span, found: str) -> Diagnostic:
    """A statement that begins with a value."""
    return error(
        "GWC122",
        span,
        f"a node begins with its name, not with {quoted(found)}",
        help=f"write the name first; for a name like this use quotes: {as_string(found)}",
    )


def nameless_block(span: Span) -> Diagnostic:
    """A `{` without a node."""
    return error(
        "GWC123",
        span,
        "this block belongs to no node",
        help="write the node's name before the `{`, on its line",
    )


def after_block(span: Span, found: str) -> Diagnostic:
    """`node { } more`."""
    if found == "{":
        return error(
            "GWC124",
            span,
            "a node has only one block",
            help="put both blocks' nodes into one, or begin a new node",
        )
    return error(
        "GWC124",
        span,
        f"nothing may follow a block on its line, but {quoted(found)} does",
        help="end the node with a line break or `;`; values stand before the `{`",
    )


def unclosed_parenthesis(span: Span) -> Diagnostic:
    """`span` is the `(`."""
    return error(
        "GWC125",
        span,
        "this `(` is never closed",
        help="a type annotation is one word in parentheses: `(name)`",
    )


def bad_annotation(span: Span, found: str) -> Diagnostic:
    """`(12)`."""
    return error(
        "GWC125",
        span,
        f"a type is named by a word, not by {quoted(found)}",
        help=f"for a name like this use quotes: {quoted('(' + in_quotes(found) + ')')}",
    )


def empty_annotation(span: Span) -> Diagnostic:
    """`()`."""
    return error(
        "GWC125", span, "this type annotation has no name", help="a type annotation is one word: `(name)`"
    )


def annotation_of_nothing(span: Span) -> Diagnostic:
    """`(type)` and no value or name after it."""
    return error("GWC125", span, "this type annotation stands before nothing", help="write a value after it")


def space_in_annotation(span: Span) -> Diagnostic:
    """KDL 1: `( type )`, `(type) value`."""
    return error(
        "GWC125",
        span,
        "there is no space in or after a type annotation in KDL 1",
        help="remove the space: `(name)value`",
    )


def annotated_key(span: Span, key: str) -> Diagnostic:
    """`(type)key=value`; `span` is the annotation."""
    return error(
        "GWC126",
        span,
        "a key has no type annotation",
        help=f"put it before the value: {quoted(key + '=(type)value')}",
    )


def idle_slashdash(span: Span) -> Diagnostic:
    """A `/-` with nothing after it that it could comment out."""
    return error(
        "GWC127",
        span,
        "this `/-` comments out nothing",
        help="it stands before a whole node, argument, `key=value` or block; a comment begins with `//`",
    )


def too_deep(span: Span) -> Diagnostic:
    """`span` is the first `{` too many."""
    return error("GWC128", span, f"blocks are nested more than {MAX_DEPTH} deep", help="flatten the file")


def stray_parenthesis(span: Span) -> Diagnostic:
    """`)`."""
    return error("GWC129", span, "this `)` closes nothing", help="remove it; text with `)` stands in quotes")


def idle_semicolon(span: Span) -> Diagnostic:
    """A `;` that ends no node."""
    return error("GWC130", span, "this `;` ends nothing", help="remove it")


def read_as_v1(span: Span, what: str, instead: str, *, marked: bool) -> Diagnostic:
    """The whole file is KDL 1; `what` is the first thing that KDL 2 writes in another way.

    `marked`: the file says so itself.
    """
    marker = "; change the first line to `/- kdl-version 2` as well" if marked else ""
    return warning(
        "GWC131",
        span,
        "this file is written in KDL 1",
        label=what,
        help=f"{instead}{marker}",
    )


def bare_value_v1(span: Span, word: str) -> Diagnostic:
    """A bare word as a value in KDL 1."""
    return error(
        "GWC132",
        span,
        f"{quoted(word)} is not a value in KDL 1",
        help=f"write {as_string(word)}; bare words are values in KDL 2",
    )


def string_over_lines(span: Span) -> Diagnostic:
    """A quoted string that is closed on a later line."""
    return error(
        "GWC133",
        span,
        "a string in quotes ends on its line",
        label="opened here, closed on a later line",
        help='write `"""`, the text on lines of its own, and `"""` again',
    )


def bracket(span: Span, character: str) -> Diagnostic:
    """`[` or `]`."""
    return error(
        "GWC134",
        span,
        f"`{character}` has no meaning here",
        help='a list is several values: `method "GET" "POST"`; text with brackets stands in quotes',
    )
