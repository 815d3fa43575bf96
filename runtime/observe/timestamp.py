"""Times as text: RFC 3339 in UTC with milliseconds."""

from __future__ import annotations

import time


class Clock:
    """Writes times down, and remembers the last one: under load many requests share a millisecond.

    Not to be shared by threads.
    """

    __slots__ = ("_millisecond", "_second", "_text", "_text_of_second")

    def __init__(self) -> None:
        self._second = self._millisecond = -1
        self._text_of_second = self._text = ""

    def text(self, at: float) -> str:
        """`2026-01-31T23:59:59.007Z` for a Unix time."""
        millisecond = int(at * 1000)
        if millisecond != self._millisecond:
            second, rest = divmod(millisecond, 1000)
            if second != self._second:
                self._text_of_second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
                self._second = second
            self._text = f"{self._text_of_second}.{rest:03d}Z"
            self._millisecond = millisecond
        return self._text
