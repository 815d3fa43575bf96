"""Bounds of settings: a duration or a size of at least something, or the word `off`.

Owns what a timeout or a limit may be. Only the word turns one off: nothing, as a number, would be taken for
"no limit" by some and for "nothing passes" by others, and is refused. Durations are whole milliseconds here,
sizes whole bytes; off is 0.
"""

from __future__ import annotations

from typing import Final

from .duration import parse_duration
from .refusal import ValueRefusal, quoted, whole
from .size import format_size, parse_size

OFF: Final = "off"
"""The word that turns a timeout or a limit off."""

_MEANING_OFF: Final = frozenset(
    ("off", "none", "never", "no", "infinite", "infinity", "unlimited", "disabled", "false", "-1")
)
"""What people, and other gateways, write for it."""

_MILLISECOND: Final = 1_000_000

LEAST_PART: Final = 256
MOST_PART: Final = 16 * 1024 * 1024
"""Bounds of the limits of a request's head: what is below serves nobody, what is above protects nobody."""


def parse_period(text: str) -> int | ValueRefusal:
    """A duration in milliseconds, at least 1, that cannot be turned off."""
    return _milliseconds(text, "write at least `1ms`")


def parse_timeout(text: str) -> int | ValueRefusal:
    """A duration in milliseconds, at least 1; 0 for `off`."""
    if text == OFF:
        return 0
    if text.lower() in _MEANING_OFF:
        return whole(text, f"{quoted(text)} is not a duration", "write `off` for no limit")
    return _milliseconds(text, "write `off` for no limit, or at least `1ms`")


def parse_limit(text: str) -> int | ValueRefusal:
    """A size in bytes, at least 1; 0 for `off`."""
    if text == OFF:
        return 0
    size = parse_size(text)
    if isinstance(size, ValueRefusal):
        if text.lower() in _MEANING_OFF:
            return whole(text, f"{quoted(text)} is not a size", "write `off` for no limit")
        return size
    if size == 0:
        return whole(
            text, f"{quoted(text)} lets nothing through", "write `off` for no limit, or at least `1B`"
        )
    return size


def parse_part_size(text: str) -> int | ValueRefusal:
    """How long a part of a request's head may be, in bytes."""
    size = parse_size(text)
    if isinstance(size, ValueRefusal) or LEAST_PART <= size <= MOST_PART:
        return size
    bounds = f"write a size from `{format_size(LEAST_PART)}` to `{format_size(MOST_PART)}`"
    if size == 0:
        return whole(text, f"{quoted(text)} lets nothing through", f"{bounds}; this limit has no `off`")
    return whole(text, f"{quoted(text)} is too {'small' if size < LEAST_PART else 'large'}", bounds)


def _milliseconds(text: str, least: str) -> int | ValueRefusal:
    nanoseconds = parse_duration(text)
    if isinstance(nanoseconds, ValueRefusal):
        return nanoseconds
    if nanoseconds == 0:
        return whole(text, f"{quoted(text)} is no time at all", least)
    if nanoseconds % _MILLISECOND:
        return whole(text, f"{quoted(text)} is finer than a millisecond", "write whole milliseconds")
    return nanoseconds // _MILLISECOND
