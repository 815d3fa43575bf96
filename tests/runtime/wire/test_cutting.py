"""A client's bytes get the same verdict however they were cut on their way."""

from __future__ import annotations

import asyncio
import re
from types import SimpleNamespace
from typing import Any

import pytest
from gwc.compiler.pipeline import compile_text
from gwc.runtime.control.door import Door
from gwc.runtime.control.serving import Serving
from gwc.runtime.observe.observing import Silent
from gwc.runtime.wire.http1.server import ServerConnection
from hypothesis import given
from hypothesis import strategies as st

CONFIG = """
listeners { listener "l" { address "127.0.0.1:1" } }
routes {
    route "echo" { matches { path-prefix "/echo" }; builtin "echo" }
    route "fixed" { respond status=200 { body "fixed\\n" } }
}
"""

_STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        """See asyncio.Transport."""
        self.written += bytes(data)

    def writelines(self, list_of_data: Any) -> None:
        """See asyncio.Transport."""
        self.written += b"".join(list_of_data)

    def is_closing(self) -> bool:
        """See asyncio.Transport."""
        return self.closed

    def close(self) -> None:
        """See asyncio.Transport."""
        self.closed = True

    def abort(self) -> None:
        """See asyncio.Transport."""
        self.closed = True

    def can_write_eof(self) -> bool:
        """See asyncio.Transport."""
        return True

    def get_write_buffer_size(self) -> int:
        """See asyncio.WriteTransport."""
        return 0

    def write_eof(self) -> None:
        """See asyncio.Transport."""
        self.closed = True

    def pause_reading(self) -> None:
        """See asyncio.Transport."""

    def resume_reading(self) -> None:
        """See asyncio.Transport."""


def verdicts(pieces: list[bytes]) -> tuple[list[int], bool]:
    """The statuses of the replies to these pieces, and whether the connection was closed."""

    async def run() -> tuple[list[int], bool]:
        loop = asyncio.get_running_loop()
        result = compile_text(CONFIG, "kdl")
        assert result.table is not None
        serving = Serving(loop, Silent())
        serving.commit(await serving.prepare(result.table, 1))
        door = Door(serving.doors, "127.0.0.1:1", SimpleNamespace())  # type: ignore[arg-type]  # nothing is accepted
        assert serving.snapshot is not None
        door.configure(serving.snapshot.records["127.0.0.1:1"], None)
        transport = Transport()
        connection = ServerConnection(door, None, "unix")
        door.connections.add(connection)
        connection.connection_made(transport)
        for piece in pieces:
            if transport.closed:
                break
            connection.data_received(piece)
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        serving.timers.close()
        return [int(status) for status in _STATUS.findall(transport.written)], transport.closed

    return asyncio.run(run())


REQUESTS = (
    b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\r\n\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
    b"GET /a HTTP/1.1\nHost: a\n\n",
    b"GET /a HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost : a\r\n\r\n",
    b"GET  /a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a HTTP/2.0\r\nHost: a\r\n\r\n",
    b"GET /a HTTP/1.0\r\n\r\n",
    b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x: " + b"y" * 17000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x: y\r\n" * 101 + b"\r\n",
    b"HEAD /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n0\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\nabc",
)


@pytest.mark.parametrize("request_", REQUESTS, ids=range(len(REQUESTS)))
def test_every_cut(request_: bytes) -> None:
    """Cut once, at every place of the first and last bytes, and byte by byte, the verdict stays."""
    whole = verdicts([request_])
    assert whole[0], "something is answered"
    step = 1 if len(request_) < 200 else 997
    for at in range(1, len(request_), step):
        assert verdicts([request_[:at], request_[at:]]) == whole, at
    if len(request_) < 400:
        assert verdicts([request_[at : at + 1] for at in range(len(request_))]) == whole


@given(
    st.sampled_from(tuple(each for each in REQUESTS if len(each) < 400)),
    st.integers(0, 400),
    st.sampled_from(
        (b"\r", b"\n", b"\0", b" ", b"\t", b":", b"\xa0", b"+", b",", b"0", b"", b"chunked", b"\r\n")
    ),
    st.lists(st.integers(0, 400), max_size=6),
)
def test_mutated_requests(request_: bytes, place: int, other: bytes, cuts: list[int]) -> None:
    """A mutated request gets one verdict too, and garbage never more replies than there were requests."""
    place %= len(request_)
    mutated = request_[:place] + other + request_[place + 1 :]
    ends = [*sorted({cut % len(mutated) for cut in cuts} - {0}), len(mutated)]
    pieces = [mutated[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    whole = verdicts([mutated])
    assert verdicts(pieces) == whole
    assert len(whole[0]) <= 2
