"""The library's HTTP/2 connection, as both sides of the gateway use it.

Owns what of the library is done otherwise for speed; knows no request.
"""

from __future__ import annotations

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import Event
from hyperframe.frame import DataFrame, Frame, HeadersFrame


class _Data(DataFrame):
    """A frame that is not spelled out for a log that nobody keeps."""

    __repr__ = object.__repr__


class _Headers(HeadersFrame):
    """The same of a head."""

    __repr__ = object.__repr__


class Library(H2Connection):
    """PERF: the library makes a text of every frame that comes, log or no log, and for it another copy of all
    that is in the frame: 16 us for one of 16 KiB, 1.4 us for a small one. Of the frames that are many, the
    text is the object's usual one.
    """

    def __init__(self, config: H2Configuration) -> None:
        super().__init__(config)
        table = self._frame_dispatch_table
        table[_Data] = table[DataFrame]
        table[_Headers] = table[HeadersFrame]

    def _receive_frame(self, frame: Frame) -> list[Event]:
        """A frame that came whole."""
        kind = frame.__class__
        if kind is DataFrame:
            frame.__class__ = _Data
        elif kind is HeadersFrame:
            frame.__class__ = _Headers
        return super()._receive_frame(frame)
