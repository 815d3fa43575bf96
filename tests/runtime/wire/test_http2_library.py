"""The library's connection: frames that come are not spelled out."""

from __future__ import annotations

import pytest
from gwc.runtime.wire.http2.library import Library
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived
from hyperframe.frame import Frame


def test_heads_and_data_come_without_a_text_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a frame holds is not written out for a log, and its events are the usual ones."""
    client = H2Connection(H2Configuration(client_side=True))
    server = Library(H2Configuration(client_side=False))
    client.initiate_connection()
    server.initiate_connection()
    server.receive_data(client.data_to_send())
    fields = [(":method", "POST"), (":scheme", "http"), (":authority", "h"), (":path", "/")]
    client.send_headers(1, fields)
    client.send_data(1, b"x" * 16_000, end_stream=True)

    def spelled(_frame: Frame) -> str:
        raise AssertionError("a frame is spelled out")

    monkeypatch.setattr(Frame, "__repr__", spelled)
    events = server.receive_data(client.data_to_send())
    assert [type(each) for each in events[:2]] == [RequestReceived, DataReceived]
    assert isinstance(events[1], DataReceived)
    assert events[1].data == b"x" * 16_000
