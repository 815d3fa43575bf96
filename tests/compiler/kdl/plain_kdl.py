"""The oracle of the differential test: KDL 2 by plain.lark, lark's own lexer and a few lines for values.

Shares no code with the product but the shape of the tree that the printer prints.
"""

from __future__ import annotations

import functools
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from gwc.compiler.parse.document import Head, Node, Property, Scalar, Value
from lark import Lark, Transformer
from lark.exceptions import LarkError

SPACE = "\\t \\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000"
NEWLINES = "\\n\\r\\u0085\\u000b\\u000c\\u2028\\u2029"
NEWLINE = f"(?:\\r\\n|[{NEWLINES}])"
DISALLOWED = (
    "\\u0000-\\u0008\\u000e-\\u001f\\u007f\\ud800-\\udfff\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\ufeff"
)
WORD = rf"[^{SPACE}{NEWLINES}{DISALLOWED}\\\/(){{}};\[\]\"#=]"
APART = rf"(?![^{SPACE}{NEWLINES}\\\/){{}};=\[\]])"
NESTING = 6
"""So deep block comments are understood here."""

KEYWORDS: dict[str, Scalar] = {
    "#true": True,
    "#false": False,
    "#null": None,
    "#inf": float("inf"),
    "#-inf": float("-inf"),
    "#nan": float("nan"),
}
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "b": "\b", "f": "\f", "s": " "}


class NotKdlError(Exception):
    """Raised where the grammar takes what the specification's prose does not."""


def comment(levels: int) -> str:
    """A block comment with so many more inside one another."""
    inner = f"|{comment(levels - 1)}" if levels else ""
    return rf"\/\*(?:[^*\/]|\*(?!\/)|\/(?!\*){inner})*\*\/"


@functools.cache
def grammar() -> Lark:
    """The parser. Its positions count from 0; lark's line numbers, which know `\\n` only, are not used."""
    text = (Path(__file__).parent / "plain.lark").read_text(encoding="utf-8")
    continued = rf"\\(?:[{SPACE}]|{comment(NESTING - 1)})*(?:\/\/[^{NEWLINES}]*)?(?:{NEWLINE}|\Z)"
    names = {
        "word": WORD,
        "apart": APART,
        "space": SPACE,
        "newlines": NEWLINES,
        "newline": NEWLINE,
        "comment": comment(NESTING - 1),
        "continued": continued,
    }
    for name, pattern in names.items():
        text = text.replace(f"<{name}>", pattern)
    return Lark(text, parser="lalr", lexer="contextual", transformer=Build(), maybe_placeholders=True)


def unescape(body: str) -> str:
    """The value of a string's inside."""
    out: list[str] = []
    rest = body
    while (at := rest.find("\\")) >= 0:
        out.append(rest[:at])
        follows = rest[at + 1]
        if follows in ESCAPES:
            out.append(ESCAPES[follows])
            rest = rest[at + 2 :]
        elif follows == "u":
            end = rest.index("}", at)
            number = int(rest[at + 3 : end], 16)
            if number > 0x10FFFF or 0xD800 <= number < 0xE000:
                raise NotKdlError
            out.append(chr(number))
            rest = rest[end + 1 :]
        else:
            space = re.match(f"[{SPACE}{NEWLINES}]+", rest[at + 1 :])
            assert space is not None
            rest = rest[at + 1 + space.end() :]
    return "".join(out) + rest


def dedent(body: str, *, raw: bool) -> str:
    """The value of a multi-line string's inside."""
    if not raw:
        body = re.sub(
            rf"\\(?:([{SPACE}{NEWLINES}]+)|(.))",
            lambda match: "" if match[1] else match[0],
            body,
        )
    _, *lines, last = re.split(NEWLINE, body)
    if re.search(f"[^{SPACE}]", last):
        raise NotKdlError
    out: list[str] = []
    for line in lines:
        if not re.search(f"[^{SPACE}]", line):
            out.append("")
        elif line.startswith(last):
            out.append(line.removeprefix(last))
        else:
            raise NotKdlError
    text = "\n".join(out)
    return text if raw else unescape(text)


def number(text: str) -> Scalar:
    """The value of a number."""
    plain = text.replace("_", "")
    unsigned = plain.lstrip("+-")
    sign = -1 if plain.startswith("-") else 1
    if unsigned[:2] in ("0x", "0o", "0b"):
        return sign * int(unsigned, 0)
    return Decimal(plain) if re.search("[.eE]", unsigned) else int(plain)


class Build(Transformer[Any, Any]):
    """lark's reductions to nodes; every place is 0."""

    def start(self, parts: list[Any]) -> Any:
        return parts[0]

    def nodes(self, parts: list[Any]) -> list[Node]:
        return [part for part in parts if isinstance(part, Node)]

    def string(self, parts: list[Any]) -> str:
        token = parts[0]
        text = str(token)
        if token.type == "WORD":
            if text in ("true", "false", "null", "inf", "-inf", "nan"):
                raise NotKdlError
            return text
        if token.type == "QUOTED":
            return unescape(text[1:-1])
        if token.type == "MULTI":
            return dedent(text[3:-3], raw=False)
        hashes = len(text) - len(text.lstrip("#"))
        if token.type == "RAW":
            return text[hashes + 1 : -hashes - 1]
        return dedent(text[hashes + 3 : -hashes - 3], raw=True)

    def type(self, parts: list[Any]) -> Any:
        return parts[0]

    def value(self, parts: list[Any]) -> Value:
        tag, written = parts
        kind = getattr(written, "type", None)
        value = number(written) if kind == "NUMBER" else KEYWORDS[written] if kind == "KEYWORD" else written
        return Value(value, tag, 0, 0)

    def argument(self, parts: list[Any]) -> Any:
        return parts[0]

    def property(self, parts: list[Any]) -> Property:
        return Property(parts[0], 0, 0, parts[1])

    def entry(self, parts: list[Any]) -> Any:
        return parts[0] if len(parts) == 1 else None

    def children(self, parts: list[Any]) -> Any:
        return tuple(parts[0])

    def dropped(self, parts: list[Any]) -> None:
        return None

    def node(self, parts: list[Any]) -> Node | None:
        if getattr(parts[0], "type", None) == "SLASHDASH":
            return None
        tag, name, *rest = parts
        args = tuple(part for part in rest if isinstance(part, Value))
        props = tuple(part for part in rest if isinstance(part, Property))
        blocks = [part for part in rest if type(part) is tuple]
        return Node(Head(name, tag, 0, 0, args, props), blocks[0] if blocks else None, None, 0, 0)


def parse_plain(text: str) -> list[Node] | None:
    """The nodes, with all places 0; None if this is not KDL 2."""
    text = text.removeprefix("\ufeff")
    if re.search(f"[{DISALLOWED}]", text):
        return None
    try:
        nodes: Any = grammar().parse(text)
    except (LarkError, NotKdlError) as reason:
        original = getattr(reason, "orig_exc", reason)
        if isinstance(original, LarkError | NotKdlError):
            return None
        raise
    return list(nodes)
