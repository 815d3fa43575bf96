"""Names of targets: a gateway whose resolv.conf names a DNS server of ours.

The gateway runs in a mount namespace of its own, where another file lies over `/etc/resolv.conf`; that and
port 53 of loopback need the rights to it. Names must not lead to loopback, so the target is another address
of this machine.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .. import harness
from ..harness import Gateway, gateway, until
from ..raw import Client, ask, get
from .keys import shows
from .servers import Named, NameServer, name_server, named

CONFIG = """
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{
    upstream "usual" {{ target "usual.test:{port}" }}
    upstream "srv" {{ target "srv:_http._tcp.srv.test" }}
    upstream "both" {{ target "127.0.0.1:{beside}"; target "srv:_http._tcp.both.test" }}
    upstream "loopback" {{ target "loopback.test:{port}" }}
    upstream "quick" {{ target "quick.test:{port}"; names {{ least-ttl "100ms" }} }}
    upstream "steady" {{ target "steady.test:{port}"; names {{ least-ttl "10s" }} }}
    upstream "short" {{ target "short.test:{port}"; names {{ most-ttl "1s" }} }}
    upstream "silent" {{ target "silent.test:{port}"; names {{ timeout "300ms" }} }}
    upstream "waiting" {{ target "waiting.test:{port}"; names {{ timeout "4s" }} }}
    upstream "four" {{ target "four.test:{port}"; names {{ family "ipv4" }} }}
    upstream "six" {{ target "six.test:{port}"; names {{ family "ipv6" }} }}
}}
routes {{
    {routes}
}}
"""
NAMES = ("usual", "srv", "both", "loopback", "quick", "steady", "short", "silent", "waiting", "four", "six")


def _own_address() -> str:
    """An address of this machine that is not loopback. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
    return address


def _missing(what: str) -> None:
    if os.environ.get("GWC_REQUIRE_NAMESPACES") == "1":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="module")
def target() -> Iterator[Named]:
    """The server that names lead to."""
    address = _own_address()
    if address.startswith("127."):
        _missing("this machine has no address but loopback")
    with named("here", (address, 0)) as server:
        yield server


@pytest.fixture(scope="module")
def names(target: Named) -> Iterator[NameServer]:
    """The DNS server."""
    address: str = target.server.getsockname()[0]
    with ExitStack() as stack:
        try:
            server = stack.enter_context(name_server())
        except OSError as fault:
            _missing(f"port 53 of loopback: {fault}")
        for name in ("usual", "four", "host.srv"):
            server.zone[f"{name}.test", "A"] = 300, [address]
        server.zone["six.test", "AAAA"] = 300, ["fd00:dead::1"]
        for name in ("quick", "steady"):
            server.zone[f"{name}.test", "A"] = 0, [address]
        server.zone["short.test", "A"] = 300, [address]
        server.zone["loopback.test", "A"] = 300, ["127.0.0.1"]
        for name in ("srv", "both"):
            server.zone[f"_http._tcp.{name}.test", "SRV"] = 300, [f"0 1 {target.port} host.srv.test."]
        yield server


@pytest.fixture(scope="module")
def served(target: Named, names: NameServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway in a mount namespace with another `/etc/resolv.conf`."""
    conf = tmp_path_factory.mktemp("dns") / "resolv.conf"
    conf.write_text(f"nameserver {names.address}\n")
    command = _in_namespace(conf)
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        _missing("a mount namespace cannot be had")
    routes = "".join(
        f'route "{name}" {{ matches {{ path "/{name}" }}; upstream "{name}" }}\n' for name in NAMES
    )
    with pytest.MonkeyPatch.context() as patch:
        program = harness.program_of_gateway()
        patch.setattr(harness, "program_of_gateway", lambda: [*command, *program])
        with (
            named("beside") as beside,
            gateway(CONFIG.format(routes=routes, port=target.port, beside=beside.port)) as running,
        ):
            yield running


def _in_namespace(conf: Path) -> list[str]:
    return ["unshare", "-rm", "sh", "-c", f'mount --bind "{conf}" /etc/resolv.conf && exec "$@"', "sh"]


@shows("upstream.targets")
def test_names_and_services(served: Gateway, names: NameServer) -> None:
    """A name leads to its address, a service to the host and port of its record; a name never to loopback."""
    assert [ask(served.address(), get(path)).body for path in ("/usual", "/srv")] == [b"here", b"here"]
    assert ("_http._tcp.srv.test", "SRV") in names.asked
    assert ask(served.address(), get("/loopback")).status == 503
    assert served.access_line("/loopback")["reason"] == "name-lookup"


def test_a_service_beside_an_address(served: Gateway) -> None:
    """Its servers get their share, though there is somebody to send to without it."""
    until(
        lambda: {ask(served.address(), get("/both")).body for _ in range(4)} == {b"here", b"beside"},
        "both are asked",
    )


@shows("upstream.names.{,least-ttl,most-ttl}")
def test_how_long_an_answer_counts(served: Gateway, names: NameServer) -> None:
    """An answer that counts for nothing counts for the least, one that counts for long for the most."""
    for path in ("/usual", "/quick", "/steady", "/short"):
        assert ask(served.address(), get(path)).status == 200

    def asked(name: str) -> int:
        return names.asked.count((f"{name}.test", "A"))

    before = {name: asked(name) for name in ("quick", "short", "steady", "usual")}
    until(lambda: asked("quick") >= before["quick"] + 5, "asked again and again")
    until(lambda: asked("short") > before["short"], "asked again")
    assert [asked(name) - before[name] for name in ("steady", "usual")] == [0, 0]


@shows("upstream.names.timeout")
def test_servers_that_are_silent(served: Gateway) -> None:
    """Without an answer in time the request is answered 503; with a longer time it still waits."""
    with Client(served.address()) as waiting:
        waiting.send(get("/waiting"))
        began = time.monotonic()
        assert ask(served.address(), get("/silent")).status == 503
        assert time.monotonic() - began < 2
        assert waiting.is_quiet(0.05)


@shows("upstream.names.family")
def test_one_family_alone(served: Gateway, names: NameServer) -> None:
    """Only its addresses are asked for and used."""
    assert ask(served.address(), get("/four")).body == b"here"
    ask(served.address(), get("/six"))
    asked = {name: {kind for asked, kind in names.asked if asked == f"{name}.test"} for name in NAMES}
    assert (asked["four"], asked["six"], asked["usual"]) == ({"A"}, {"AAAA"}, {"A", "AAAA"})
