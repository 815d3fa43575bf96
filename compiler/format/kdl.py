"""`gwc fmt`: KDL in its one layout, comments kept.

Owns the layout: four spaces a level, one space between entries, a statement a line, at most one blank line
and none at the ends of a block. Literals stay as they are spelled; a multi-line string moves as a whole.
Knows nothing of configurations: any KDL can be laid out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from gwc.schema.diagnostic import Severity

from ..parse.document import Node, Value
from ..parse.kdl import read
from ..parse.kdl.characters import NEWLINE, ONE_NEWLINE, SPACE
from ..parse.kdl.messages import Version
from ..parse.kdl.tokens import Token
from .items import Blank, Block, Comment, Part, Statement, read_items, tokens_of
from .trivia import Trivia

_INDENT = "    "
_NEWLINE = re.compile(ONE_NEWLINE)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def format_kdl(text: str) -> str:
    """The text in canonical layout. It must be free of errors.

    Formatting again changes nothing. Tree and comments are those of the text: `check_format` holds that.
    """
    lines: list[str] = []
    _print_items(read_items(text, read(text, "").version), "", lines)
    return "".join(lines)


def comments(text: str) -> tuple[str, ...]:
    """Every comment of a text that is free of errors, in order, with line breaks as `\\n`.

    Space at the end of a `//` comment is left out.
    """
    version = read(text, "").version
    return tuple(_comments(text, tokens_of(text, version), version))


def check_format(before: str, after: str) -> str | None:
    """Why `after` may not take the place of `before`, a text free of errors; None if it may.

    It may if it says the same: the same tree and comments, and the same text commented out. It may be read
    as KDL 2 where `before`, for its space alone, was KDL 1.
    """
    if before == after:
        return None
    was, now = read(before, ""), read(after, "")
    if any(finding.severity is Severity.ERROR for finding in now.diagnostics):
        return "the result would not be KDL"
    if [_data(node) for node in was.document.nodes] != [_data(node) for node in now.document.nodes]:
        return "the result would not mean the same"
    old, new = tokens_of(before, was.version), tokens_of(after, now.version)
    if _said(old) != _said(new):
        return "the result would not have the same text commented out"
    if Counter(_comments(before, old, was.version)) != Counter(_comments(after, new, now.version)):
        return "the result would not have the same comments"
    return None


def _comments(text: str, tokens: list[Token], version: Version) -> Iterator[str]:
    """The comments in the gaps between the tokens, and in those tokens that are gaps."""
    trivia = Trivia(version)
    pos = 1 if text.startswith("\ufeff") else 0
    for token in tokens:
        stretches = [(pos, token.start)]
        if token.kind == "TERM":
            stretches.append((token.start, token.end))
        elif token.kind == "KEY":
            stretches.append((token.value[1], token.end))
        for start, end in stretches:
            for piece in trivia.pieces(text, start, end):
                if piece.kind in ("line", "block"):
                    yield piece.text
        pos = token.end


def _data(node: Node) -> tuple[Any, ...]:
    """A node without its places."""
    head = node.head
    props = [(prop.key, _plain(prop.value)) for prop in head.props]
    children = None if node.children is None else [_data(child) for child in node.children]
    return (head.name, head.tag, [_plain(value) for value in head.args], props, children)


def _plain(value: Value) -> tuple[str | None, str]:
    """A value without its place; as text, since no number is equal to itself and 1 to `#true`."""
    return (value.tag, repr(value.value))


def _said(tokens: list[Token]) -> list[tuple[str, str]]:
    """The tokens without their places, every statement with an end."""
    said: list[tuple[str, str]] = []
    for token in tokens:
        if token.kind in ("RBRACE", "$END") and said and said[-1][0] not in ("TERM", "LBRACE"):
            said.append(("TERM", "None"))
        said.append((token.kind, repr(token.value[0] if token.kind == "KEY" else token.value)))
    return said


def _print_items(block: Block, indent: str, lines: list[str]) -> None:
    for item in block.items:
        match item:
            case Blank():
                lines.append("\n")
            case Comment(text):
                lines.append(f"{indent}{text}\n")
            case Statement():
                lines.append(indent)
                _print_statement(item, indent, lines)
                lines.append("\n")


def _print_statement(statement: Statement, indent: str, out: list[str]) -> None:
    out += [f"{text} " for text in statement.before]
    touching = True  # what was written last wants no space behind it
    for number, part in enumerate(statement.parts):
        if isinstance(part, Block):
            out.append("{" if touching else " {")
            _print_block(part, indent, out)
            touching = False
        elif part.kind == "continued":
            if part.text or not touching:
                out.append(f" \\ {part.text}".rstrip() + f"\n{indent}{_INDENT}")
                touching = True
        else:
            out.append("" if touching or part.kind == ")" else " ")
            out.append(_spelling(part, indent))
            touching = part.kind in ("(", ")", "key", "/-", "line")
            if part.kind == "/-" and _is_version(statement.parts[number + 1]):
                out.append(" ")
    out += [f" {text}" for text in statement.behind]


def _print_block(block: Block, indent: str, out: list[str]) -> None:
    """After the `{`, up to and with the `}`."""
    out += [f" {text}" for text in block.opening]
    if block.items or any(text.startswith("//") for text in block.opening):
        out.append("\n")
        _print_items(block, indent + _INDENT, out)
        out.append(indent)
    elif block.opening:
        out.append(" ")
    out.append("}")


def _spelling(part: Part, indent: str) -> str:
    if part.kind == "key":
        return part.text + "="
    if part.kind == "line":
        return f"{part.text}\n{indent}{_INDENT}"
    if part.kind == "multi-line":
        return _reindent(part.text, indent + _INDENT)
    return part.text


def _reindent(spelling: str, indent: str) -> str:
    """A multi-line string whose lines begin with `indent` instead of what they all begin with now.

    A string in which space is escaped stays as it is: there, where a line begins is not what it seems.
    """
    raw = spelling.startswith("#")
    if not raw and any(escape[1] in SPACE + NEWLINE for escape in _ESCAPE.finditer(spelling)):
        return spelling
    first, *lines, last = _NEWLINE.split(spelling)
    prefix = last[: last.index('"')]
    moved = [indent + line[len(prefix) :] if line.strip(SPACE) else "" for line in lines]
    return "\n".join([first, *moved, indent + last[len(prefix) :]])


def _is_version(part: Part | Block) -> bool:
    """Whether this is the marker `/- kdl-version 2`, which everybody writes with a space."""
    return isinstance(part, Part) and part.text == "kdl-version"
