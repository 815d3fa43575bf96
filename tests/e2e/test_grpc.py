"""gRPC through the gateway, with its own library on both sides: every kind of call, and what ends one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
import pytest

from .harness import Gateway, gateway, until
from .raw import ask, get

CONFIG = """
listeners {{
    listener "public" {{
        address "%public%"
        timeouts {{ body "400ms" }}
    }}
}}
upstreams {{
    upstream "grpc" {{ target "127.0.0.1:{port}"; protocol "http2"; {more} }}
    upstream "nobody" {{ target "127.0.0.1:1"; protocol "http2" }}
}}
routes {{
    route "calls" {{
        matches {{ path-prefix "/test.Echo" }}
        {route}
        upstream "grpc"
    }}
    route "down" {{ matches {{ path-prefix "/test.Down" }}; upstream "nobody" }}
    route "small" {{
        matches {{ path-prefix "/test.Small" }}
        limits {{ request-body "10B" }}
        upstream "grpc"
    }}
}}
"""

Call = Callable[..., object]


@dataclass
class Service:
    """What a server of gRPC does, and what it has seen."""

    metadata: list[dict[str, str]] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)
    deadline: float | None = None
    started: int = 0

    def unary(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        """The request, backwards; metadata both ways."""
        self.metadata.append({str(each[0]): str(each[1]) for each in context.invocation_metadata()})
        self.deadline = context.time_remaining()
        context.send_initial_metadata((("x-first", "1"),))
        context.set_trailing_metadata((("x-last", "2"), ("x-last-bin", b"\0\xff")))
        return request[::-1]

    def failing(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        """A status of its own."""
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"nicht möglich: {request.decode()}")
        raise AssertionError

    def server_stream(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """So many messages as the request says."""
        for number in range(int(request)):
            yield b"%d" % number

    def client_stream(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        """All messages in one."""
        return b"".join(requests)

    def bidi(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        """Each message in capitals, as it comes."""
        for request in requests:
            yield request.upper()

    def waits(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """One message, then nothing until the caller gives up."""
        self.started += 1
        context.add_callback(self.cancelled.set)
        yield b"first"
        self.cancelled.wait(20)


@contextmanager
def serving(service: Service) -> Iterator[int]:
    """A server of it; gives the port."""
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(service.unary),
        "Failing": grpc.unary_unary_rpc_method_handler(service.failing),
        "ServerStream": grpc.unary_stream_rpc_method_handler(service.server_stream),
        "ClientStream": grpc.stream_unary_rpc_method_handler(service.client_stream),
        "Bidi": grpc.stream_stream_rpc_method_handler(service.bidi),
        "Waits": grpc.unary_stream_rpc_method_handler(service.waits),
    }
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait(5)


@pytest.fixture(scope="module")
def service() -> Service:
    """What the server does."""
    return Service()


@pytest.fixture(scope="module")
def served(service: Service) -> Iterator[Gateway]:
    """A gateway before it; the times are short, and no call may be cut by the one for a whole request."""
    times = 'timeouts { request "1s"; first-byte "700ms"; idle "3s" }'
    with serving(service) as port, gateway(CONFIG.format(port=port, more="", route=times)) as running:
        yield running


@pytest.fixture
def channel(served: Gateway) -> Iterator[grpc.Channel]:
    """A connection to the gateway."""
    with channel_to(served) as found:
        yield found


@contextmanager
def channel_to(served: Gateway) -> Iterator[grpc.Channel]:
    """A connection of its own, without tries by the library."""
    options = (("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1))
    host, port = served.address()
    with grpc.insecure_channel(f"{host}:{port}", options) as found:
        yield found


def test_a_unary_call(served: Gateway, service: Service, channel: grpc.Channel) -> None:
    """Messages, metadata and trailers pass both ways, binary ones too; the status is in the access log."""
    reply, call = channel.unary_unary("/test.Echo/Unary").with_call(
        b"abc", metadata=(("x-its", "own"), ("x-its-bin", b"\1\xfe")), timeout=30
    )
    assert reply == b"cba"
    assert ("x-first", "1") in call.initial_metadata()
    assert {("x-last", "2"), ("x-last-bin", b"\0\xff")} <= set(call.trailing_metadata())
    assert service.metadata[-1]["x-its"] == "own"
    assert service.deadline is not None
    assert 20 < service.deadline <= 30, "the caller's deadline goes on"
    line = served.access_line("/test.Echo/Unary")
    assert (line["status"], line["grpc_status"], line["protocol"], line["reason"]) == (200, 0, "HTTP/2", "")


def test_a_call_that_fails(served: Gateway, channel: grpc.Channel) -> None:
    """The server's status and words, whatever letters they have, are the caller's."""
    with pytest.raises(grpc.RpcError) as failed:
        channel.unary_unary("/test.Echo/Failing")(b"x", timeout=10)
    assert failed.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert failed.value.details() == "nicht möglich: x"
    assert served.access_line("/test.Echo/Failing")["grpc_status"] == 9


def test_streams(channel: grpc.Channel) -> None:
    """From the server, from the client, and messages longer than any window."""
    found = list(channel.unary_stream("/test.Echo/ServerStream")(b"300", timeout=20))
    assert found == [b"%d" % number for number in range(300)]
    parts = [b"part %d " % number for number in range(300)]
    assert channel.stream_unary("/test.Echo/ClientStream")(iter(parts), timeout=20) == b"".join(parts)
    long = b"x" * 3_000_000
    assert channel.unary_unary("/test.Echo/Unary")(long, timeout=20) == long


def test_both_directions_at_once(served: Gateway, channel: grpc.Channel) -> None:
    """Question and answer by turns, for longer than a request may take, with pauses that no body may have."""
    go_on = threading.Event()

    def questions() -> Iterator[bytes]:
        for number in range(8):
            go_on.wait(10)
            go_on.clear()
            yield b"question %d" % number

    answers = channel.stream_stream("/test.Echo/Bidi")(questions(), timeout=60)
    began = time.monotonic()
    for number in range(8):
        go_on.set()
        assert next(answers) == b"QUESTION %d" % number
        time.sleep(0.9 if number == 3 else 0.2)
    assert time.monotonic() - began > 1.9
    assert list(answers) == []
    assert answers.code() == grpc.StatusCode.OK
    assert served.access_line("/test.Echo/Bidi")["grpc_status"] == 0


def test_a_caller_that_cancels(served: Gateway, service: Service, channel: grpc.Channel) -> None:
    """The server is told at once."""
    service.cancelled.clear()
    call = channel.unary_stream("/test.Echo/Waits")(b"", timeout=30)
    assert next(call) == b"first"
    call.cancel()
    assert service.cancelled.wait(5)
    line = served.access_line("/test.Echo/Waits")
    assert line["reason"] == "client-gone"


def test_a_deadline(service: Service, channel: grpc.Channel) -> None:
    """The caller's own ends the call on both sides."""
    service.cancelled.clear()
    call = channel.unary_stream("/test.Echo/Waits")(b"", timeout=0.6)
    with pytest.raises(grpc.RpcError) as failed:
        list(call)
    assert failed.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert service.cancelled.wait(5)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/test.Nowhere/Call", grpc.StatusCode.UNIMPLEMENTED),
        ("/test.Down/Call", grpc.StatusCode.UNAVAILABLE),
        ("/test.Small/Call", grpc.StatusCode.RESOURCE_EXHAUSTED),
        ("/test.Echo/None", grpc.StatusCode.UNIMPLEMENTED),
    ],
)
def test_refusals_in_the_words_of_grpc(
    served: Gateway, channel: grpc.Channel, path: str, code: grpc.StatusCode
) -> None:
    """No route, no target, too long a message; and what the server itself does not know."""
    with pytest.raises(grpc.RpcError) as failed:
        channel.unary_unary(path)(b"x" * 100, timeout=10)
    assert failed.value.code() == code, failed.value.details()
    line = served.access_line(path)
    assert (line["status"], line["grpc_status"]) == (200, code.value[0])


def test_others_get_refusals_of_http(served: Gateway) -> None:
    """Whoever does not speak gRPC."""
    assert ask(served.address(), get("/test.Nowhere/Call")).status == 404
    assert served.access_lines_for(lambda line: line["status"] == 404, 1)[0]["grpc_status"] is None


def test_reloads_cut_no_call(service: Service) -> None:
    """Ten calls in both directions through ten reloads, by four workers: none is cut, each goes on."""
    with (
        serving(service) as port,
        gateway(CONFIG.format(port=port, more="", route=""), workers=4) as served,
    ):
        config = served.folder / "config" / "gwc.kdl"
        text = config.read_text()
        queues: list[list[bytes]] = [[] for _ in range(10)]
        turns = [threading.Condition() for _ in range(10)]
        over = threading.Event()

        def questions(number: int) -> Iterator[bytes]:
            while not over.is_set():
                with turns[number]:
                    turns[number].wait_for(lambda: bool(queues[number]) or over.is_set(), 20)
                    if queues[number]:
                        yield queues[number].pop()

        def ask_all(word: bytes) -> None:
            for number, call in enumerate(calls):
                with turns[number]:
                    queues[number].append(word)
                    turns[number].notify()
                assert next(call) == word.upper()

        channels = [channel_to(served) for _ in range(10)]
        opened = [each.__enter__() for each in channels]
        calls = [
            each.stream_stream("/test.Echo/Bidi")(questions(number), timeout=100)
            for number, each in enumerate(opened)
        ]
        ask_all(b"before")
        for generation in range(2, 12):
            config.write_text(text.replace('"calls"', f'"calls-{generation}"'))
            until(
                lambda wanted=generation: any(  # type: ignore[misc]  # the default binds the turn
                    line.get("event") == "reload-committed" and line.get("generation") == wanted
                    for line in served.error_lines()
                ),
                f"generation {generation}",
                15,
            )
            ask_all(b"word %d" % generation)
            assert opened[0].unary_unary("/test.Echo/Unary")(b"ab", timeout=10) == b"ba"
        over.set()
        for turn in turns:
            with turn:
                turn.notify()
        assert [list(call) for call in calls] == [[]] * 10
        assert {call.code() for call in calls} == {grpc.StatusCode.OK}
        for each in channels:
            each.__exit__(None, None, None)
        told = served.access_lines_for("/test.Echo/Bidi", 10)
        assert {(line["grpc_status"], line["reason"], line["generation"]) for line in told} == {(0, "", 1)}
