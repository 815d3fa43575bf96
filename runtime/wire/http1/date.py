"""The Date field of replies (RFC 9110 section 6.6.1), made once a second."""

from __future__ import annotations

from email.utils import formatdate


class DateClock:
    """The Date field of this second. Mutable: the second and its text."""

    def __init__(self) -> None:
        self._second = -1
        self._line = b""

    def line(self, now: float) -> bytes:
        """`date: …` with its line end. `now` is the loop's time, whose seconds stand for the clock's."""
        second = int(now)
        if second != self._second:
            self._second = second
            self._line = f"date: {formatdate(usegmt=True)}\r\n".encode("ascii")
        return self._line


CLOCK = DateClock()
"""The one of this process."""
