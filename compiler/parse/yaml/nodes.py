"""What a node made from YAML looks like: the places of its name, of its values and of itself.

An entry of a mapping starts at its key and ends with its value. An item of a sequence is named `-`; in
block style it starts at its dash, in flow style at its value (and its name's place is the value, or the
bracket that opens it). A block collection ends where its last entry ends: PyYAML would say, at the next
token, after blank lines and comments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ..document import Head, Node, Scalar, Value
from . import refuse
from .findings import Findings
from .scalars import resolve

FLOW = -1
"""The column of a collection in brackets."""

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\r\n]*)*")
_DASH = Head("-", None, 0, 1, (), ())


@dataclass(slots=True)
class Frame:
    """A collection that is not closed yet.

    `column` is a block collection's indentation, `FLOW` for brackets, None for a root whose first entry
    has not been seen. `key` and its place are those of the entry that is being read. The next dash
    stands behind `floor`. `dropped` are the starts of entries that were refused.
    """

    is_mapping: bool
    column: int | None
    start: int
    floor: int
    nodes: list[Node] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    dropped: set[int] = field(default_factory=set)
    key: str | None = None
    key_start: int = 0
    key_end: int = 0
    lacks_colon: bool = False

    def entries(self) -> tuple[Node, ...]:
        """What was read so far, without the entries that were refused."""
        if self.dropped:
            return tuple([node for node in self.nodes if node.start not in self.dropped])
        return tuple(self.nodes)


@dataclass(slots=True)
class Heads:
    """Heads by their source text: routes repeat themselves, and equal lines share one object.

    Caches: `entries` by the text of `key: scalar` and `- scalar`, `names` by that of a key before a
    collection, `flow_items` by that of a scalar in brackets (where a key without a value looks the same),
    `keys` the plain scalars that are known to be texts.
    """

    entries: dict[str, Head] = field(default_factory=dict)
    names: dict[str, Head] = field(default_factory=dict)
    flow_items: dict[str, Head] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)


def scalar_entry(
    text: str, frame: Frame, event: Any, start: int, stop: int, heads: Heads, findings: Findings
) -> Head:
    """The head of `key: scalar`, the scalar at `start` to `stop`."""
    value, lasting = _value(text, event, start, stop, findings)
    key_start, key_end = frame.key_start, frame.key_end
    if stop == key_end and not event.style and not frame.lacks_colon:
        frame.lacks_colon = True  # `{a b, c}` is told once
        refuse.key_without_colon(text, key_start, key_end, findings)
    place = Value(value, None, start - key_start, stop - key_start)
    head = Head(frame.key or "", None, 0, key_end - key_start, (place,), ())
    if lasting:
        heads.entries[text[key_start:stop]] = head
    return head


def scalar_item(
    text: str, frame: Frame, event: Any, start: int, stop: int, heads: Heads, findings: Findings
) -> Node:
    """`- scalar`, or a scalar between the commas of a flow sequence."""
    in_flow = frame.column == FLOW
    known = heads.flow_items if in_flow else heads.entries
    first = start if in_flow else _dash(text, frame.floor, start)
    head = known.get(text[first:stop])
    if head is None:
        value, lasting = _value(text, event, start, stop, findings)
        name_end = 1 if first < start else stop - start
        head = Head("-", None, 0, name_end, (Value(value, None, start - first, stop - first),), ())
        if lasting:
            known[text[first:stop]] = head
    return Node(head, None, None, first, stop)


def collection_entry(text: str, frame: Frame, closed: Frame, stop: int, heads: Heads) -> Node:
    """`key:` with a mapping or a sequence."""
    written = text[frame.key_start : frame.key_end]
    head = heads.names.get(written)
    if head is None:
        head = heads.names[written] = Head(frame.key or "", None, 0, len(written), (), ())
    if closed.is_mapping:
        return Node(head, closed.entries(), None, frame.key_start, stop)
    return Node(head, None, closed.entries(), frame.key_start, stop)


def collection_item(text: str, frame: Frame, closed: Frame, stop: int) -> Node:
    """`-` with a mapping or a sequence, or one of them between the commas of a flow sequence."""
    first = closed.start if frame.column == FLOW else _dash(text, frame.floor, closed.start)
    if closed.is_mapping:
        return Node(_DASH, closed.entries(), None, first, stop)
    return Node(_DASH, None, closed.entries(), first, stop)


def end_of(closed: Frame, mark: int, text: str) -> int:
    """Where a collection ends whose end event stands at `mark`."""
    if closed.column == FLOW and text[mark - 1] == ("}" if closed.is_mapping else "]"):
        return mark
    # A block collection, or the one pair of `[key: value]`, which has no bracket of its own.
    return closed.nodes[-1].end if closed.nodes else min(closed.start + 1, len(text))


def end_of_block_scalar(text: str, start: int, mark: int) -> int:
    """Where the text of a `|` or `>` scalar ends; its mark stands after the blank lines that follow."""
    return start + len(text[start:mark].rstrip(" \t\r\n"))


def place_of_nothing(text: str, key_end: int, mark: int) -> int:
    """Where the value of `key:` stands that is not written: after the colon, or after a key without one."""
    found = _BLANK.match(text, key_end, mark)
    colon = found.end() if found else key_end
    return colon + 1 if colon < mark and text[colon] == ":" else key_end


def _dash(text: str, floor: int, start: int) -> int:
    """The place of the dash before the value at `start`."""
    if text[start - 2 : start] == "- ":
        return start - 2
    if text[start - 1 : start] == "-":
        return start - 1  # an empty item
    found = _BLANK.match(text, floor)
    assert found is not None
    dash = found.end()
    return dash if dash < start and text[dash] == "-" else start


def _value(text: str, event: Any, start: int, stop: int, findings: Findings) -> tuple[Scalar, bool]:
    """The value of a scalar, and whether the same source text always has it."""
    written: str = event.value
    if not event.style:
        several_lines = "\n" in text[start:stop] or "\r" in text[start:stop]
        if several_lines:
            refuse.text_over_lines(text, start, stop, findings)
        return resolve(written), start != stop and not several_lines
    # The indentation of a block scalar is relative to where it stands.
    return written, event.style not in "|>"
