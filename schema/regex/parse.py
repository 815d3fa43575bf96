"""From the text of a pattern to its tree.

Owns the grammar of the dialect: what `re` and google-re2 read alike and take in linear time, and nothing
else. Everything else is refused by its name. Works on latin-1 text, one character a byte; a character beyond
ASCII is the sequence of its UTF-8 bytes, and a repeat behind it repeats all of them.

A pattern always matches the whole value, so `^` at its beginning and `$` at its end say nothing and vanish.
Must not know: engines, and how a tree is written for one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from .ast import ALL_BYTES, EMPTY, SINGLE, Capture, Either, Node, OneOf, Pattern, Repeat, sequence
from .classes import fold_case, read_class
from .counts import begins_count, read_count, stray_bracket
from .escapes import read_escape, refuse_raw
from .groups import refused_group
from .limits import MAX_COUNT, MAX_GROUP_NAME, MAX_LENGTH, MAX_NESTING, MAX_POSITIONS
from .refusal import Refused, RegexRefusal, refuse, shown

_GROUP_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_ANY = OneOf(ALL_BYTES & ~(1 << 0x0A))
_REPEATS: Final = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_WHOLE = "a pattern always matches the whole value"


class _Part(NamedTuple):
    """A piece of the tree with what repeats have to know of it.

    `size`: single-byte items with counts written out. `product`: the largest product of counts in it.
    """

    node: Node
    empty: bool
    size: int
    product: int


@dataclass(slots=True)
class _Open:
    """A group that is being read; the whole pattern is the outermost one. `start` is where its `(` stands."""

    start: int
    name: str | None = None
    branches: list[_Part] = field(default_factory=list)
    items: list[_Part] = field(default_factory=list)


_NOTHING: Final = _Part(EMPTY, True, 0, 1)
_LITERAL: Final = tuple(_Part(node, False, 1, 1) for node in SINGLE)
_FOLDED: Final = tuple(_Part(OneOf(fold_case(1 << byte)), False, 1, 1) for byte in range(256))
_SPECIAL: Final = frozenset("\\^$.|?*+()[]{}")


def parse(pattern: str, *, ignore_case: bool = False) -> Pattern | RegexRefusal:
    """The tree of `pattern`, or the first thing in it that the dialect has not.

    `pattern` is latin-1 text: configured text in UTF-8, one character a byte. `ignore_case` is as if it began
    with `(?i)`: ASCII letters match in both cases. Takes time linear in the pattern's length.
    """
    if len(pattern) > MAX_LENGTH:
        return RegexRefusal(
            MAX_LENGTH,
            len(pattern) - MAX_LENGTH,
            "length",
            f"the pattern is {len(pattern)} bytes long; {MAX_LENGTH} are allowed",
            "write several patterns, of which any may match",
        )
    try:
        return _Parser(pattern, ignore_case).parse()
    except Refused as refused:
        return refused.refusal


class _Parser:
    """One pass over a pattern. `open` are the groups around the place that is being read."""

    __slots__ = ("at", "begin", "groups", "ignore_case", "literal", "open", "text")

    def __init__(self, text: str, ignore_case: bool) -> None:
        self.text = text
        self.begin = 4 if text.startswith("(?i)") else 0
        self.ignore_case = ignore_case or self.begin > 0
        self.literal = _FOLDED if self.ignore_case else _LITERAL
        self.at = self.begin
        self.groups: list[str] = []
        self.open = [_Open(0)]

    def parse(self) -> Pattern:
        text = self.text
        size = len(text)
        while self.at < size:
            char = text[self.at]
            if char not in _SPECIAL:
                self.open[-1].items.append(self._plain(char))
            elif char == "(":
                self._open_group()
                continue
            elif char == "|":
                self._end_branch()
                self.at += 1
                continue
            elif char == ")":
                self._close_group()
            elif char in "*+?":
                raise self._nothing_to_repeat(1)
            elif char in "^$":
                self._anchor(char)
                continue
            elif char == "[":
                members, self.at = read_class(text, self.at, self.ignore_case)
                self.open[-1].items.append(_Part(OneOf(members), False, 1, 1))
            elif char == ".":
                self.at += 1
                self.open[-1].items.append(_Part(_ANY, False, 1, 1))
            elif char == "\\":
                members, byte, self.at = read_escape(text, self.at, in_class=False)
                part = self.literal[byte] if byte is not None else _Part(OneOf(members), False, 1, 1)
                self.open[-1].items.append(part)
            else:
                raise self._stray(char)
            if self.at < size and text[self.at] in "*+?{":
                self._repeat()
        if len(self.open) > 1:
            start = self.open[-1].start
            raise refuse(start, 1, "group", "this `(` is never closed", "close it with `)`, or write `\\(`")
        whole = self._end_group()
        if whole.size > MAX_POSITIONS:
            raise _too_large(0, size, whole.size)
        return Pattern(whole.node, tuple(self.groups))

    def _plain(self, char: str) -> _Part:
        """A character that stands for itself."""
        if char < "\x80":
            if char < " " or char == "\x7f":
                raise refuse_raw(self.text, self.at)
            self.at += 1
            return self.literal[ord(char)]
        length = _utf8_length(self.text, self.at)
        parts: list[Node] = [SINGLE[ord(byte)] for byte in self.text[self.at : self.at + length]]
        self.at += length
        return _Part(sequence(parts), False, length, 1)

    def _anchor(self, char: str) -> None:
        """`^` and `$` where they say nothing new; anywhere else they could never hold, or always would."""
        last = len(self.text) - 1
        if self.at != self.begin if char == "^" else self.at != last or len(self.open) > 1:
            where = "beginning" if char == "^" else "end"
            raise refuse(
                self.at,
                1,
                "anchor",
                f"`{char}` stands elsewhere than at the {where} of the pattern",
                f"take it out: {_WHOLE}; write `\\{char}` for the character",
            )
        self.at += 1

    def _open_group(self) -> None:
        text, start = self.text, self.at
        name = None
        if not text.startswith("(?", start):
            self.at += 1
        elif text.startswith("(?:", start):
            self.at += 3
        elif text.startswith("(?P<", start):
            name = self._group_name()
        else:
            raise refused_group(text, start)
        if len(self.open) > MAX_NESTING:
            raise refuse(
                start,
                1,
                "nesting",
                f"groups stand in each other more than {MAX_NESTING} deep",
                "take away the groups that hold one thing only",
            )
        self.open.append(_Open(start, name))

    def _group_name(self) -> str:
        start = self.at + 4
        found = _GROUP_NAME.match(self.text, start)
        end = found.end() if found else start
        if found is None or not self.text.startswith(">", end):
            closing = self.text.find(">", start)
            length = (closing if closing > 0 else end) - start
            raise refuse(
                self.at,
                4 + length,
                "group name",
                f"`{shown(self.text[start : start + length])}` is not the name of a group",
                "a name is letters, digits and `_`, and begins with no digit: `(?P<name>…)`",
            )
        name = found[0]
        if len(name) > MAX_GROUP_NAME:
            raise refuse(
                start,
                len(name),
                "group name",
                f"the name of a group is {len(name)} characters long; {MAX_GROUP_NAME} are allowed",
            )
        if name in self.groups:
            raise refuse(
                start, len(name), "group name", f"two groups have the name `{name}`", "give each its own name"
            )
        self.groups.append(name)
        self.at = end + 1
        return name

    def _end_branch(self) -> None:
        group = self.open[-1]
        group.branches.append(_join(group.items))
        group.items = []

    def _end_group(self) -> _Part:
        """What the innermost open group holds."""
        self._end_branch()
        branches = self.open[-1].branches
        if len(branches) == 1:
            return branches[0]
        return _Part(
            Either(tuple(branch.node for branch in branches)),
            any(branch.empty for branch in branches),
            sum(branch.size for branch in branches),
            max(branch.product for branch in branches),
        )

    def _close_group(self) -> None:
        if len(self.open) == 1:
            raise refuse(self.at, 1, "group", "this `)` closes nothing", "write `\\)` for the character")
        body = self._end_group()
        name = self.open.pop().name
        if name is not None:
            body = body._replace(node=Capture(name, body.node))
        self.open[-1].items.append(body)
        self.at += 1

    def _repeat(self) -> None:
        """Apply the repeat at the current place to the item before it."""
        text, start = self.text, self.at
        if text[start] == "{":
            low, high, self.at = read_count(text, start)
        else:
            low, high = _REPEATS[text[start]]
            self.at += 1
        lazy = text.startswith("?", self.at)
        if lazy:
            self.at += 1
        length = self.at - start
        follow = text[self.at : self.at + 1]
        if follow == "+":
            raise refuse(
                start,
                length + 1,
                "possessive repeat",
                f"`{text[start : self.at + 1]}` is a possessive repeat",
                f"write `{text[start : self.at]}`: a pattern takes linear time without it",
            )
        if follow in ("*", "?") or (follow == "{" and begins_count(text, self.at)):
            raise refuse(
                start,
                length + 1,
                "repeat of a repeat",
                f"`{text[start : self.at + 1]}` repeats a repeat",
                "write one of them",
            )
        items = self.open[-1].items
        items[-1] = _repeated(items[-1], low, high, lazy, start, length)

    def _stray(self, char: str) -> Exception:
        """A bracket or brace that has nothing to close and nothing to count."""
        if char == "{" and not self.open[-1].items:
            length = begins_count(self.text, self.at)
            if length:
                return self._nothing_to_repeat(length)
        return stray_bracket(self.text, self.at)

    def _nothing_to_repeat(self, length: int) -> Exception:
        char = self.text[self.at : self.at + length]
        advice = f"write `\\{char[0]}` for the character"
        if char == "*" and not self.open[-1].items:
            advice = f"write `.*` for any text, or `\\{char}` for the character"
        return refuse(self.at, length, "repeat", f"`{char}` has nothing to repeat", advice)


def _join(items: list[_Part]) -> _Part:
    """Items one after the other."""
    if len(items) == 1:
        return items[0]
    if not items:
        return _NOTHING
    return _Part(
        sequence([item.node for item in items]),
        all(item.empty for item in items),
        sum(item.size for item in items),
        max(item.product for item in items),
    )


def _repeated(body: _Part, low: int, high: int | None, lazy: bool, start: int, length: int) -> _Part:
    """`body` under the repeat that stands at `start`."""
    if body.empty:
        raise refuse(
            start,
            length,
            "repeat of the empty",
            "this repeats what can be empty",
            "make what is repeated take at least one character: `(?:a*)*` is `a*`, `(?:a|b*)+` is `(?:a|b)*`",
        )
    most = high if high is not None else max(low, 1)
    product = body.product * most
    if product > MAX_COUNT:
        raise refuse(
            start,
            length,
            "count",
            f"counts in each other make {product} repeats; {MAX_COUNT} are allowed",
            "write `*` or `+` where any number will do",
        )
    size = body.size * most
    if size > MAX_POSITIONS:
        raise _too_large(start, length, size)
    return _Part(Repeat(body.node, low, high, lazy), low == 0, size, product)


def _too_large(start: int, length: int, size: int) -> Exception:
    return refuse(
        start,
        length,
        "size",
        f"with its counts written out the pattern has {size} characters; {MAX_POSITIONS} are allowed",
        "write `*` or `+` where any number will do, or several patterns",
    )


def _utf8_length(text: str, at: int) -> int:
    """How many bytes the character at `at` has; a byte that begins none counts alone."""
    lead = text[at]
    length = (
        2
        if "\xc2" <= lead <= "\xdf"
        else 3
        if "\xe0" <= lead <= "\xef"
        else 4
        if "\xf0" <= lead <= "\xf4"
        else 1
    )
    tail = text[at + 1 : at + length]
    return length if len(tail) == length - 1 and all("\x80" <= byte <= "\xbf" for byte in tail) else 1
