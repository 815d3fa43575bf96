"""Events -> nodes, in one loop.

Owns the order of things: which scalar is a key, which a value, which collection is open. The shape of
the nodes is in `nodes`, the words for what is well-formed YAML and no configuration are in `refuse`.
Knows nothing of recovery: at a syntax error it hands back the collections that stood open, so that
somebody else can find where to go on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from yaml.error import YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from ..document import Node
from . import refuse
from .events import open_events
from .findings import Findings
from .nodes import (
    FLOW,
    Frame,
    Heads,
    collection_entry,
    collection_item,
    end_of,
    end_of_block_scalar,
    place_of_nothing,
    scalar_entry,
    scalar_item,
)
from .scalars import resolve

MAX_DEPTH = 64
"""How many mappings and sequences may stand inside one another."""


class TooDeep(Exception):
    """Raised where a collection would be the 65th inside another; `at` is its start."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


@dataclass(frozen=True, slots=True)
class Stop:
    """Why the reading stopped, the collections open then (outermost first), the place of the last scalar."""

    cause: YAMLError | TooDeep
    frames: list[Frame]
    scalar: tuple[int, int]


def build(
    text: str, base: int, end: int, root: Frame, depth: int, heads: Heads, findings: Findings
) -> Stop | None:
    """Read `text[base:end]`, which starts at a line's start, into `root`, which may hold entries already.

    `depth` is the number of collections around `root`. None: all was read. Places are offsets in `text`.
    """
    stack: list[Frame] = []
    frame = root
    key: str | None = None
    start = stop = base
    plain_keys = heads.keys
    entry_heads = heads.entries
    try:
        next_event: Callable[[], Any] = open_events(text[base:end]).get_event
        if not _open_root(next_event, text, base, root, depth, findings):
            return None
        # A plain scalar's style is '' with libyaml and None with the pure parser.
        # PERF: what the loop asks for every event lives in locals; 10 000 routes are 540 000 events.
        is_mapping, nodes = root.is_mapping, root.nodes
        while True:
            event = next_event()
            kind = type(event)
            if kind is ScalarEvent:
                start = event.start_mark.index + base
                stop = event.end_mark.index + base
                style = event.style
                if event.tag is not None or event.anchor is not None:
                    start = refuse.properties(text, start, stop, findings)
                if style == "|" or style == ">":
                    stop = end_of_block_scalar(text, start, stop)
                if not is_mapping:
                    nodes.append(scalar_item(text, frame, event, start, stop, heads, findings))
                    frame.floor = stop
                elif key is None:
                    key = frame.key = event.value
                    frame.key_start, frame.key_end = start, stop
                    if not style and key not in plain_keys and not _is_name(text, frame, heads, findings):
                        frame.dropped.add(start)
                    elif key in frame.seen:
                        refuse.duplicate(text, frame.seen[key], start, stop, findings)
                        frame.dropped.add(start)
                    else:
                        frame.seen[key] = start
                else:
                    if start == stop:
                        start = stop = place_of_nothing(text, frame.key_end, start)
                    head = entry_heads.get(text[frame.key_start : stop])
                    if head is None:
                        head = scalar_entry(text, frame, event, start, stop, heads, findings)
                    nodes.append(Node(head, None, None, frame.key_start, stop))
                    key = None
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                start = event.start_mark.index + base
                if event.tag is not None or event.anchor is not None:
                    start = refuse.properties(text, start, event.end_mark.index + base, findings)
                if depth + len(stack) + 1 >= MAX_DEPTH:
                    raise TooDeep(start)
                if key is None:
                    frame.key = None
                stack.append(frame)
                is_mapping = kind is MappingStartEvent
                frame = Frame(is_mapping, FLOW if event.flow_style else event.start_mark.column, start, start)
                nodes, key = frame.nodes, None
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                if not stack:
                    _close_stream(next_event, text, base, findings)
                    return None
                stop = end_of(frame, event.end_mark.index + base, text)
                closed, frame = frame, stack.pop()
                is_mapping, nodes = frame.is_mapping, frame.nodes
                if not is_mapping:
                    nodes.append(collection_item(text, frame, closed, stop))
                    frame.floor = stop
                elif frame.key is None:
                    refuse.collection_as_key(closed.start, stop, closed.is_mapping, findings)
                    key = _stand_in_key(frame, closed.start, stop)
                else:
                    nodes.append(collection_entry(text, frame, closed, stop, heads))
                    key = None
            elif kind is AliasEvent:
                start = event.start_mark.index + base
                stop = event.end_mark.index + base
                refuse.alias(text, start, stop, findings)
                if not is_mapping:
                    frame.floor = stop
                elif key is None:
                    key = _stand_in_key(frame, start, stop)
                else:
                    key = None
    except (YAMLError, TooDeep) as cause:
        if key is None:
            frame.key = None
        return Stop(cause, [*stack, frame], (start, stop))


def close_inner(frames: list[Frame], text: str, heads: Heads) -> None:
    """Close every collection but the first, as far as it was read, into the one around it."""
    while len(frames) > 1:
        closed = frames.pop()
        frame = frames[-1]
        stop = closed.nodes[-1].end if closed.nodes else min(closed.start + 1, len(text))
        if not frame.is_mapping:
            frame.nodes.append(collection_item(text, frame, closed, stop))
            frame.floor = stop
        elif frame.key is not None:
            frame.nodes.append(collection_entry(text, frame, closed, stop, heads))
        frame.key = None


def _open_root(
    next_event: Callable[[], Any], text: str, base: int, root: Frame, depth: int, findings: Findings
) -> bool:
    """Take the events up to the root's start; False if it is no collection to read on in."""
    next_event()  # the start of the stream
    if not isinstance(next_event(), DocumentStartEvent):
        return False
    event: Any = next_event()
    start, stop = event.start_mark.index + base, event.end_mark.index + base
    if isinstance(event, AliasEvent):
        refuse.alias(text, start, stop, findings)
        return False
    if event.tag is not None or event.anchor is not None:
        start = refuse.properties(text, start, stop, findings)
    if isinstance(event, ScalarEvent):
        _close_stream(next_event, text, base, findings)
        if event.value or event.style:
            if root.seen or depth:
                findings.add(refuse.entry_without_colon(text, start, stop, findings))
            else:
                refuse.scalar_as_root(text, start, stop, not event.style, findings)
        return False
    if isinstance(event, MappingStartEvent) is not root.is_mapping:
        refuse.sequence_as_root(start, findings)
        return False
    if root.column is None:
        root.column = FLOW if event.flow_style else event.start_mark.column
    root.floor = start
    return True


def _close_stream(next_event: Callable[[], Any], text: str, base: int, findings: Findings) -> None:
    """Take the events after the root; a second document is refused and not read."""
    while True:
        event = next_event()
        if event is None or isinstance(event, StreamEndEvent):
            return
        start = event.start_mark.index + base
        if isinstance(event, DocumentStartEvent):
            findings.add(refuse.second_document(text, start, findings))
            return


def _is_name(text: str, frame: Frame, heads: Heads, findings: Findings) -> bool:
    """Whether the plain scalar that the frame has as its key can be one; says so where not."""
    key = frame.key
    assert key is not None
    if key == "<<":
        refuse.merge_key(frame.key_start, findings)
        return False
    value = resolve(key)
    if isinstance(value, str):
        heads.keys.add(key)
        return True
    refuse.key_that_is_no_text(text, frame.key_start, frame.key_end, value, findings)
    return False


def _stand_in_key(frame: Frame, start: int, stop: int) -> str:
    """A key in the place of one that was refused; its entry is dropped."""
    frame.dropped.add(start)
    frame.key, frame.key_start, frame.key_end = "", start, stop
    return ""
