"""A reply's head, free of any version of HTTP.

Owns the form between whoever makes a reply (an upstream's connection, an action, a refusal) and whoever sends
it. Framing is the sender's business: no field here says how the body is cut.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

STAYS_HERE: Final = frozenset(
    (
        b"x-correlation-id",
        b"x-gwc-reason",
        b"x-accel-buffering",
        b"x-accel-charset",
        b"x-accel-expires",
        b"x-accel-limit-rate",
        b"x-accel-redirect",
    )
)
"""Fields of a target's reply that no client gets: what the gateway says itself, and a target's orders to the
proxy before it, which the next one would obey.
"""


class Reply:
    """Status, fields and length of one reply; changed only before it is sent.

    `lines` are fields as `name: value`, without those of a connection. `length` is the body's in bytes, None
    where only its end will tell. `dated`: a Date is among the lines. `is_event_stream`: there is no end to
    wait for. PERF: lines instead of pairs, because a
    reply that nobody changes is passed on as it came.
    """

    __slots__ = ("dated", "is_event_stream", "length", "lines", "reason", "status")

    def __init__(
        self, status: int, reason: bytes, lines: list[bytes], length: int | None, dated: bool = False
    ) -> None:
        self.status = status
        self.reason = reason
        self.lines = lines
        self.length = length
        self.dated = dated
        self.is_event_stream = False

    def fields(self) -> list[tuple[str, str]]:
        """Lower-case names and trimmed values, in order."""
        found = []
        for line in self.lines:
            name, _, value = line.decode("latin-1").partition(":")
            found.append((name.lower(), value.strip(" \t")))
        return found

    def replace_fields(self, fields: Iterable[tuple[str, str]]) -> None:
        """Other fields in place of those there are."""
        self.lines = [f"{name}: {value}".encode("latin-1", "replace") for name, value in fields]
        self.dated = any(line.startswith(b"date:") for line in self.lines)
