"""What is said of a listener, by a running gateway with many of them: the same bytes, by each another way."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..harness import Gateway, free_port, gateway, until
from ..raw import BadReply, Client, Reply, Silence, ask, get, read_reply
from ..upstream import Exchange, Upstream, upstream
from .keys import shows

CONFIG = """
listeners {{
    listener "public" {{ address "%public%" }}
    listener "scoped" {{ address "%public%"; host "scoped.test" "*.below.test"; public-port 8443 }}
    listener "two" {{ address "%first%" "%second%" }}
    listener "v6" {{ address "[::1]:{v6}" }}
    listener "unix" {{ address "unix:{unix}" }}
    listener "trusting" {{ address "%trusting%"; trusted-proxies "127.0.0.2/32" }}
    listener "slashes" {{ address "%slashes%"
        path-normalisation "keep-encoded-slash" "keep-repeated-slashes" }}
    listener "strict" {{ address "%strict%"; path-normalisation "reject-changes" }}
    listener "proxied" {{ address "%proxied%"; proxy-protocol #true }}
    listener "small" {{ address "%small%"; limits {{ target "300B"; fields 7; field "400B"; head "1KiB" }} }}
    listener "few" {{ address "%few%"; limits {{ connections 2 }} }}
    listener "each" {{ address "%each%"; limits {{ connections-per-ip 1 }} }}
    listener "hasty" {{ address "%hasty%"
        timeouts {{ head "200ms"; idle "400ms"; body "200ms"; send "300ms"; age "100ms" }} }}
    listener "dripping" {{ address "%dripping%"; timeouts {{ body-rate "10B"; age "off" }} }}
    listener "patient" {{ address "%patient%"; timeouts {{ body-rate "off"; send "off" }} }}
}}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
routes {{
    route "said" {{ respond {{ body "said"
        header "x-listener" "${{listener}}"; header "x-path" "${{req.path}}"
            header "x-client" "${{client-ip}}"
        header "x-scheme" "${{req.scheme}}" }} }}
    route "old" {{ matches {{ path "/old" }}; redirect path="/new" }}
    route "fetched" {{ matches {{ path-prefix "/fetched" }}; upstream "origin" }}
}}
"""


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path]:
    """A port of IPv6 and a path for a socket."""
    return free_port(), tmp_path_factory.mktemp("unix") / "gwc.sock"


@pytest.fixture(scope="module")
def served(origin: Upstream, places: tuple[int, Path]) -> Iterator[Gateway]:
    """A gateway with a listener for each key."""
    with gateway(CONFIG.format(origin=origin.address, v6=places[0], unix=places[1])) as running:
        yield running


def _by(reply: Reply) -> str:
    return (reply.value("x-listener") or b"").decode()


def _asked(served: Gateway, *names: str, data: bytes) -> list[int]:
    """The status of the same bytes by several listeners."""
    return [ask(served.address(name), data).status for name in names]


@shows("listeners", "listener.address")
def test_every_address_of_a_listener(served: Gateway) -> None:
    """Both addresses are the same listener's."""
    assert [_by(ask(served.address(name), get("/"))) for name in ("first", "second")] == ["two", "two"]


@shows("listener.address")
@pytest.mark.parametrize("kind", ["v6", "unix"])
def test_other_kinds_of_addresses(served: Gateway, places: tuple[int, Path], kind: str) -> None:
    """IPv6 and unix sockets are listened on; a unix peer has no address."""
    family, address = (
        (socket.AF_INET6, ("::1", places[0])) if kind == "v6" else (socket.AF_UNIX, str(places[1]))
    )
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(5)
        sock.connect(address)
        sock.sendall(get("/", "connection: close"))
        data = b""
        while more := sock.recv(65536):
            data += more
    found = read_reply(data, b"GET", True)
    assert found is not None
    assert (_by(found[0]), found[0].value("x-client")) == (kind, b"::1" if kind == "v6" else b"")


@shows("listener.host")
def test_a_scope_of_hosts(served: Gateway) -> None:
    """On one address the listener that names the host takes the request, the one without names the others."""
    hosts = ("scoped.test", "a.below.test", "below.test", "a.test")
    found = [_by(ask(served.address(), get("/", host=host))) for host in hosts]
    assert found == ["scoped", "scoped", "public", "public"]


@shows("listener.public-port")
def test_redirects_name_the_public_port(served: Gateway) -> None:
    """By default it is the address's own."""
    for host, port in (("scoped.test", 8443), ("a.test", served.ports["public"])):
        reply = ask(served.address(), get("/old", host=host))
        assert reply.value("location") == f"http://{host}:{port}/new".encode()


def _from(served: Gateway, listener: str, source: str, data: bytes) -> Reply:
    """Ask from another address of loopback."""
    with socket.create_connection(served.address(listener), 5, (source, 0)) as sock:
        sock.sendall(data)
        got = b""
        while (found := read_reply(got, b"GET", False)) is None:
            more = sock.recv(65536)
            assert more, got
            got += more
    return found[0]


@shows("listener.trusted-proxies")
def test_only_trusted_peers_are_believed(served: Gateway) -> None:
    """What a trusted peer says of client and scheme counts; of another peer's it does not."""
    data = get("/", "x-forwarded-for: 192.0.2.7", "x-forwarded-proto: https")
    for source, wanted in (("127.0.0.2", (b"192.0.2.7", b"https")), ("127.0.0.3", (b"127.0.0.3", b"http"))):
        reply = _from(served, "trusting", source, data)
        assert (reply.value("x-client"), reply.value("x-scheme")) == wanted


@shows("listener.path-normalisation")
def test_departures_from_normal_paths(served: Gateway) -> None:
    """An escaped slash, repeated slashes, and a path that is not in its normal form."""
    names = ("public", "slashes", "strict")
    assert _asked(served, *names, data=get("/a%2Fb")) == [400, 200, 400]
    assert _asked(served, *names, data=get("/%61")) == [200, 200, 400]
    found = [ask(served.address(name), get("/a//b")).value("x-path") for name in names]
    assert found == [b"/a/b", b"/a//b", None]


@shows("listener.proxy-protocol")
def test_a_proxy_header_names_the_client(served: Gateway) -> None:
    """The client is the one named, and a connection without the header is refused; elsewhere it is none."""
    header = b"PROXY TCP4 192.0.2.77 192.0.2.1 5555 80\r\n"
    reply = ask(served.address("proxied"), header + get("/"))
    assert (reply.status, reply.value("x-client")) == (200, b"192.0.2.77")
    with Client(served.address("proxied")) as client:
        client.send(get("/"))
        assert b" 200 " not in client.end()
    assert ask(served.address(), header + get("/")).status == 400


@shows("listener.limits.{,target,fields,field,head}")
@pytest.mark.parametrize(
    ("data", "status"),
    [
        (get("/" + "x" * 400), 414),
        (get("/", *(f"a{number}: b" for number in range(8))), 431),
        (get("/", "a: " + "x" * 500), 431),
        (get("/", *(f"a{number}: " + "x" * 300 for number in range(4))), 431),
    ],
    ids=["target", "fields", "field", "head"],
)
def test_limits_of_heads(served: Gateway, data: bytes, status: int) -> None:
    """What the defaults let in is too much here."""
    assert _asked(served, "public", "small", data=data) == [200, status]


def _serves(client: Client) -> bool:
    try:
        return client.ask(get("/")).status == 200
    except (Silence, BadReply, BrokenPipeError, ConnectionResetError):
        return False


@shows("listener.limits.connections")
def test_most_connections(served: Gateway) -> None:
    """The third is closed, until one of the others has gone."""
    address = served.address("few")
    with Client(address) as first, Client(address) as second:
        assert [_serves(first), _serves(second)] == [True, True]
        with Client(address) as third:
            assert not _serves(third)
        first.close()

        def is_served() -> bool:
            with Client(address) as again:
                return _serves(again)

        until(is_served, "a connection is taken again")
    with Client(served.address()) as one, Client(served.address()) as two, Client(served.address()) as three:
        assert all(map(_serves, (one, two, three)))


@shows("listener.limits.connections-per-ip")
def test_most_connections_of_a_client(served: Gateway) -> None:
    """The second of one address is closed; another address has its own."""
    with Client(served.address("each")) as first:
        assert _serves(first)
        with Client(served.address("each")) as second:
            assert not _serves(second)
        assert _from(served, "each", "127.0.0.9", get("/")).status == 200


@shows("listener.timeouts.{,head,idle,body}")
@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1\r\nHost:", b"", get("/fetched", "content-length: 10", method="POST") + b"part"],
    ids=["head", "idle", "body"],
)
def test_clients_that_stop(served: Gateway, data: bytes) -> None:
    """In the middle of a head, before one, in the middle of a body: with short timeouts it is over soon."""
    with Client(served.address("hasty")) as hasty, Client(served.address()) as usual:
        hasty.send(data)
        usual.send(data)
        came = hasty.end(within=3)
        assert came.startswith(b"HTTP/1.1 408 ") or (not data and not came)
        assert usual.is_quiet(0.1)


@shows("listener.timeouts.age")
def test_old_connections_end_with_a_reply(served: Gateway) -> None:
    """After its age a connection's next reply is its last one."""
    with Client(served.address("hasty")) as hasty, Client(served.address()) as usual:
        assert [hasty.ask(get("/")).closes, usual.ask(get("/")).closes] == [False, False]
        time.sleep(0.25)
        assert [hasty.ask(get("/")).closes, usual.ask(get("/")).closes] == [True, False]


@shows("listener.timeouts.send")
def test_clients_that_take_nothing(served: Gateway, origin: Upstream) -> None:
    """A reply that nobody takes is given up; a patient listener still has it."""

    @origin.on("/fetched/much")
    def _much(exchange: Exchange) -> None:
        exchange.reply(200, bytes(16 << 20))

    with (
        Client(served.address("hasty"), receive_buffer=4096) as hasty,
        Client(served.address("patient"), receive_buffer=4096) as patient,
    ):
        for each in (hasty, patient):
            each.send(get("/fetched/much"))
        line = served.access_line(
            lambda line: line["path"] == "/fetched/much" and line["listener"] == "hasty"
        )
        assert line["reason"] == "client-gone"
        assert not [line for line in served.access_lines() if line["listener"] == "patient"]


@shows("listener.timeouts.body-rate")
def test_bodies_drop_by_drop(served: Gateway) -> None:
    """Slower than the least rate is given up after ten seconds; with a lower one, or none, it goes on."""
    head = get("/fetched/drops", "content-length: 1000", method="POST")
    with (
        Client(served.address()) as usual,
        Client(served.address("dripping")) as dripping,
        Client(served.address("patient")) as patient,
    ):
        for each in (usual, dripping, patient):
            each.send(head)
        deadline = time.monotonic() + 13
        while time.monotonic() < deadline and not _has_ended(usual):
            for each in (usual, dripping, patient):
                each.send_some(b"x" * (20 if each is dripping else 2), 1)
            time.sleep(0.5)
        assert (
            served.access_line(
                lambda line: line["path"] == "/fetched/drops" and line["listener"] == "public"
            )["reason"]
            == "body-rate"
        )
        assert [dripping.is_quiet(0.1), patient.is_quiet(0.1)] == [True, True]


def _has_ended(client: Client) -> bool:
    return not client.is_quiet(0.01)
