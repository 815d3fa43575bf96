"""Filters see requests and replies in their order, at once or later, and change what they say they change."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from gwc.compiler.pipeline import compile_text
from gwc.runtime.control.serving import Serving
from gwc.runtime.filter import Answer, BodyChange, Filter, FilterContext, Outcome, Phase, Refuse, ReplyOutcome
from gwc.runtime.filtering import Cut
from gwc.runtime.filters import build
from gwc.runtime.observe.observing import Silent
from gwc.runtime.reply import Reply

CONFIG = """
listeners {{ listener "l" {{ address "{address}" }} }}
upstreams {{ upstream "u" {{ target "127.0.0.1:{port}" }} }}
routes {{
    route "own" {{ matches {{ path "/own" }}; respond status=200 {{ body "own" }} }}
    route "u" {{ limits {{ request-body "1KiB" }}; upstream "u" }}
}}
"""

TOLD: list[str] = []
OPEN: set[asyncio.StreamWriter] = set()


class Probe(Filter):
    """Tells what it is asked; what it says is given by a test."""

    name = "probe"

    def __init__(self, label: str, phase: Phase = Phase.TRANSFORM) -> None:
        self.label = label
        self.phase = phase

    def tell(self, what: str) -> None:
        """Write it down."""
        TOLD.append(f"{self.label} {what}")


class Upper:
    """A change that a test can see: capitals, and a mark at the end; `late` answers later."""

    def __init__(self, *, late: bool) -> None:
        self.late = late

    def feed(self, data: bytes) -> bytes | Awaitable[bytes]:
        """See BodyChange."""
        return self._later(data.upper()) if self.late else data.upper()

    def flush(self) -> bytes:
        """See BodyChange."""
        return b""

    def end(self) -> bytes | Awaitable[bytes]:
        """See BodyChange."""
        return self._later(b"!") if self.late else b"!"

    async def _later(self, data: bytes) -> bytes:
        await asyncio.sleep(0.001)
        return data


async def _upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says what it was asked, in two chunks."""
    OPEN.add(writer)
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            body = b""
            if b"transfer-encoding: chunked" in head:
                while size := int((await reader.readline()).strip(), 16):
                    body += await reader.readexactly(size)
                    await reader.readline()
                await reader.readline()
            elif b"content-length: " in head:
                body = await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
            marked = b"yes" if b"\r\nx-marked: it\r\n" in head else b"no"
            said = b"got " + body + b" marked " + marked
            writer.write(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nget \r\n"
                + b"%x\r\n%b\r\n0\r\n\r\n" % (len(said), said)
            )
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()
    OPEN.discard(writer)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it, not for ever."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not come")


def served(
    filters: list[Filter], talk: Callable[[str], Awaitable[Any]], monkeypatch: pytest.MonkeyPatch
) -> Any:
    """What `talk` brings from a gateway whose routes all have these filters."""
    factories = tuple((lambda settings, making, each=each: each) for each in filters)
    monkeypatch.setattr(build, "FACTORIES", factories)
    TOLD.clear()

    async def run() -> Any:
        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(_upstream, "127.0.0.1", 0)
        sock = socket.create_server(("127.0.0.1", 0))
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        config = CONFIG.format(address=address, port=server.sockets[0].getsockname()[1])
        table = compile_text(config, "kdl").table
        assert table is not None
        serving = Serving(loop, Silent())
        serving.commit(await serving.prepare(table, 1))
        serving.listen(address, sock)
        async with asyncio.timeout(10):
            found = await talk(address)
            await until(lambda: not serving.in_flight)
            await serving.drain(1)
            for target in serving.upstreams.targets():
                for connection in tuple(target.idle):
                    connection.close()
            await until(lambda: not OPEN)
        serving.timers.close()
        server.close()
        return found

    return asyncio.run(run())


def asked(path: str = "/", body: bytes = b"") -> Callable[[str], Awaitable[tuple[int, str, bytes]]]:
    """One request: status, head and body of the reply."""

    async def talk(address: str) -> tuple[int, str, bytes]:
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        fields = f"host: a\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(f"POST {path} HTTP/1.1\r\n{fields}".encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        rest = await reader.read()
        writer.close()
        if "transfer-encoding: chunked" in head:
            pieces = rest.split(b"\r\n")
            rest = b"".join(pieces[1::2])
        return int(head.split(" ")[1]), head, rest

    return talk


class Order(Probe):
    """Goes on, at once or later, and says when it was asked."""

    def __init__(self, label: str, phase: Phase = Phase.TRANSFORM, *, late: bool = False) -> None:
        super().__init__(label, phase)
        self.late = late

    def on_request(self, context: FilterContext) -> Outcome:
        """See Filter."""
        self.tell("request")
        context.set_fields.append(("x-marked", "it"))
        return self._later() if self.late else None

    async def _later(self) -> None:
        await asyncio.sleep(0.001)

    def on_reply(self, context: FilterContext, reply: Reply) -> ReplyOutcome:
        """See Filter."""
        self.tell("own" if context.own else "reply")
        context.reply_fields.append((f"x-{self.label}", "was here"))
        return None

    def on_end(self, context: FilterContext) -> None:
        """See Filter."""
        self.tell("end")


@pytest.mark.parametrize("late", [False, True])
def test_order(late: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests go by phase and list, replies the other way, ends come once; fields reach both sides."""
    filters: list[Filter] = [Order("b", late=late), Order("c"), Order("a", Phase.ADDRESS, late=late)]
    status, head, body = served(filters, asked(body=b"x"), monkeypatch)
    assert (status, body) == (200, b"get got x marked yes")
    assert "x-a: was here" in head
    assert "x-c: was here" in head
    order = ["a request", "b request", "c request", "c reply", "b reply", "a reply"]
    order += ["a end", "b end", "c end"]
    assert order == TOLD


def test_own_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fixed reply, and the refusal of a later filter, pass the filters too."""
    assert served([Order("a")], asked("/own"), monkeypatch)[2] == b"own"
    assert TOLD == ["a request", "a own", "a end"]


class Says(Probe):
    """Says what it was made with."""

    def __init__(self, said: Refuse | Answer, *, late: bool) -> None:
        super().__init__("says")
        self.said = said
        self.late = late

    def on_request(self, context: FilterContext) -> Outcome:
        """See Filter."""
        return self._later() if self.late else self.said

    async def _later(self) -> Refuse | Answer:
        await asyncio.sleep(0.001)
        return self.said


@pytest.mark.parametrize("late", [False, True])
def test_refusal_and_answer(late: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal has its status, fields and words; an answer is sent as it is; no upstream is asked."""
    refusal = Refuse("filter-failed", status=429, fields=(("retry-after", "7"),), message='no "more"')
    status, head, body = served([Order("a"), Says(refusal, late=late)], asked(body=b"x"), monkeypatch)
    assert status == 429
    assert "retry-after: 7" in head
    assert b'"error":"no \\"more\\""' in body
    assert TOLD == ["a request", "a own", "a end"]
    answer = Answer(204, (("x-it", "is"),))
    status, head, body = served([Says(answer, late=late)], asked(body=b"x"), monkeypatch)
    assert (status, body) == (204, b"")
    assert "x-it: is" in head


class Reads(Probe):
    """Reads bodies of up to ten bytes."""

    def __init__(self, *, late: bool) -> None:
        super().__init__("reads")
        self.late = late

    def body_wanted(self, context: FilterContext) -> int:
        """See Filter."""
        return 10

    def on_body(self, context: FilterContext) -> Outcome:
        """See Filter."""
        self.tell(context.body.decode())
        context.body += b" and more than that"
        return self._later() if self.late else None

    async def _later(self) -> None:
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("late", [False, True])
def test_bodies_are_read_whole(late: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter gets the whole body and may replace it; one that is longer than it reads is 413."""
    status, _, body = served([Reads(late=late)], asked(body=b"0123456789"), monkeypatch)
    assert (status, body) == (200, b"get got 0123456789 and more than that marked no")
    assert TOLD == ["reads 0123456789"]
    assert served([Reads(late=late)], asked(body=b"01234567890"), monkeypatch)[0] == 413


class Skips(Reads):
    """Lets long bodies pass."""

    def on_long_body(self, context: FilterContext) -> None:
        """See Filter."""
        self.tell("long")


def test_long_bodies_stream_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter may let a body pass that it does not read, whole."""
    body = b"x" * 1000
    assert served([Skips(late=False)], asked(body=body), monkeypatch)[2] == b"get got " + body + b" marked no"
    assert TOLD == ["reads long"]


def test_limits_come_before_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """The route's own limit stands, after the filters of addresses."""
    filters: list[Filter] = [Order("a", Phase.ADDRESS), Order("b")]
    assert served(filters, asked(body=b"x" * 2000), monkeypatch)[0] == 413
    assert TOLD == ["a request", "b own", "a own", "a end", "b end"]


class Changes(Probe):
    """Changes bodies both ways."""

    def __init__(self, *, late: bool) -> None:
        super().__init__("changes")
        self.late = late

    def on_request(self, context: FilterContext) -> None:
        """See Filter."""
        context.request_change = Upper(late=self.late)

    def on_reply(self, context: FilterContext, reply: Reply) -> ReplyOutcome:
        """See Filter."""
        reply.length = None
        change = Upper(late=self.late and not context.own)
        return self._later(change) if self.late and not context.own else change

    async def _later(self, change: BodyChange) -> BodyChange:
        await asyncio.sleep(0.001)
        return change


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("reading", [False, True])
def test_bodies_are_changed(late: bool, reading: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both bodies pass piece by piece, in order, also where each piece is waited for."""
    filters: list[Filter] = [Changes(late=late)]
    if reading:
        filters.append(Skips(late=late))
    status, _, body = served(filters, asked(body=b"abcdefghijklmnop"), monkeypatch)
    assert (status, body) == (200, b"GET GOT ABCDEFGHIJKLMNOP! MARKED NO!")
    assert served(filters, asked("/own"), monkeypatch)[2] == b"OWN!"


class Cuts(Upper):
    """Ends the body."""

    def feed(self, data: bytes) -> bytes:
        """See BodyChange."""
        raise Cut("body-length")


class CutsRequests(Probe):
    """Changes requests by ending them."""

    def on_request(self, context: FilterContext) -> None:
        """See Filter."""
        context.request_change = Cuts(late=False)


class Broken(Probe):
    """Has a bug."""

    def on_request(self, context: FilterContext) -> Outcome:
        """See Filter."""
        return self._later()

    async def _later(self) -> None:
        raise LookupError("bug")


def test_cut_bodies_and_bugs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change may end a request with a reason; a bug in a filter is a 500, and the gateway goes on."""
    assert served([CutsRequests("cuts")], asked(body=b"x"), monkeypatch)[0] == 413
    assert served([Broken("broken")], asked(body=b"x"), monkeypatch)[0] == 500


class Waits(Order):
    """Waits for ever."""

    async def _later(self) -> None:
        self.tell("waits")
        try:
            await asyncio.Event().wait()
        finally:
            self.tell("cancelled")


def test_client_that_goes_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that is waited for is cancelled when nobody waits for the reply, and told of the end once."""

    async def talk(address: str) -> None:
        host, _, port = address.rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        await until(lambda: "a waits" in TOLD)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )  # a reset, no half-close
        writer.transport.abort()
        await until(lambda: "a cancelled" in TOLD)

    served([Waits("a", late=True)], talk, monkeypatch)
    assert TOLD == ["a request", "a waits", "a end", "a cancelled"]
