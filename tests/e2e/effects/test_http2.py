"""What is said of HTTP/2, by a running gateway with a listener for each key."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from ..harness import Gateway, gateway
from ..http2 import PREFACE, Client2, frame, head
from ..raw import Client
from ..upstream import Exchange, upstream
from .keys import shows

CONFIG = """
listeners {{
    listener "public" {{ address "%public%" }}
    listener "old" {{ address "%old%"; http2 {{ enabled #false }} }}
    listener "few" {{ address "%few%"; http2 {{ streams 2 }} }}
    listener "short" {{ address "%short%"; http2 {{ header-list "1KiB" }} }}
    listener "narrow" {{ address "%narrow%"; http2 {{ window "16KiB" }} }}
    listener "wide" {{ address "%wide%"; http2 {{ window "1MiB"; connection-window "2MiB" }} }}
    listener "calm" {{ address "%calm%"; http2 {{ resets 5 }} }}
}}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
routes {{
    route "said" {{ respond {{ body "said" }} }}
    route "held" {{ matches {{ path-prefix "/held" }}; upstream "origin" }}
}}
"""


class Holding:
    """A server that answers when it may."""

    def __init__(self) -> None:
        self.may = threading.Event()

    def __call__(self, exchange: Exchange) -> None:
        """Wait, then answer."""
        self.may.wait(20)
        exchange.read_body()
        exchange.reply(200, b"held")


@pytest.fixture(scope="module")
def holding() -> Holding:
    """How the server behind the gateway answers."""
    return Holding()


@pytest.fixture(scope="module")
def served(holding: Holding) -> Iterator[Gateway]:
    """A gateway with a listener for each key."""
    with upstream() as server:
        server.otherwise = holding
        with gateway(CONFIG.format(origin=server.address)) as running:
            yield running
            holding.may.set()


@shows("listener.http2.{,enabled}")
def test_whether_it_is_spoken(served: Gateway) -> None:
    """Where it is off, its preface is a request that nobody understands."""
    with Client2(served.address()) as client:
        assert client.get("/").body == b"said"
    with Client(served.address("old")) as old:
        old.send(PREFACE + frame(4))
        assert b"HTTP/1.1 505 " in old.end()


@shows("listener.http2.streams")
def test_most_streams(served: Gateway, holding: Holding) -> None:
    """The third is refused so that it may be sent again; by default there is room."""
    holding.may.clear()
    for name, wanted in (("few", 7), ("public", None)):
        with Client2(served.address(name)) as client:
            asked = [client.ask(head("/held")) for _ in range(3)]
            client.push()
            last = client.replies[asked[2]]
            if wanted is None:
                assert client.get("/").body == b"said"
            else:
                client.until(lambda last=last: last.over)  # type: ignore[misc]  # the default is the value
            assert last.reset == wanted
    holding.may.set()


@shows("listener.http2.header-list")
def test_longest_header_list(served: Gateway) -> None:
    """What is longer is answered 431, what is far longer ends the connection."""
    for name, wanted in (("public", 200), ("short", 431)):
        with Client2(served.address(name)) as client:
            assert client.get("/", ("x-long", "y" * 1000)).status == wanted
    with Client2(served.address("short")) as client:
        client.ask(head("/", ("x-long", "y" * 3000)))
        assert client.end() == 11


@shows("listener.http2.{window,connection-window}")
@pytest.mark.parametrize(("name", "taken"), [("public", 65536), ("narrow", 16384), ("wide", 1 << 20)])
def test_windows(served: Gateway, holding: Holding, name: str, taken: int) -> None:
    """So much of a body is taken in, and no more, while the target has not answered."""
    with Client2(served.address(name)) as client:
        client.get("/")
        assert client.settings[4] == taken
        number = client.ask(head("/", method="POST"), ended=False)
        whole = 65535 + sum(delta for stream, delta in client.window_updates if not stream)
        assert whole == (2 << 20 if name == "wide" else 1 << 20)
        assert client.http2.local_flow_control_window(number) == taken


@shows("listener.http2.resets")
def test_most_resets(served: Gateway) -> None:
    """Who takes back more requests than that is shown the door."""
    for name, wanted in (("public", None), ("calm", 11)):
        with Client2(served.address(name)) as client:
            for _ in range(6):
                number = client.ask(head("/"), ended=False)
                client.http2.reset_stream(number, 8)
            if wanted is None:
                assert client.get("/").body == b"said"
            else:
                assert client.end() == wanted


def test_old_and_new_on_one_port(served: Gateway) -> None:
    """HTTP/1.1 is spoken as ever."""
    with Client(served.address()) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.reply(b"GET").body == b"said"
