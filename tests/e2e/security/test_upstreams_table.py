"""Security defaults of what the gateway asks of others: where it goes, and what it takes from there.

A test for each row of the table, named after its topic.
"""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Callable, Iterator

import pytest
from gwc.compiler.pipeline import compile_text

from .. import harness
from ..effects.servers import NameServer, name_server
from ..effects.test_names import _in_namespace, _missing
from ..harness import Gateway, gateway, until
from ..misbehaving import floods_interim, says
from ..raw import ask as ask1
from ..raw import get
from ..upstream import Exchange, Upstream, upstream
from ..upstream2 import Http2Upstream, Stream, http2_upstream
from .both import VERSIONS, ask

# --- SSRF -------------------------------------------------------------------------------------------------

FORBIDDEN = {
    "loopback": ("A", "127.0.0.1"), "other-loopback": ("A", "127.9.9.9"), "this-machine": ("A", "0.0.0.0"),
    "link-local": ("A", "169.254.1.1"), "metadata": ("A", "169.254.169.254"), "multicast": ("A", "224.0.0.1"),
    "loopback6": ("AAAA", "::1"), "link-local6": ("AAAA", "fe80::1"), "metadata6": ("AAAA", "fd00:ec2::254"),
    "mapped": ("AAAA", "::ffff:127.0.0.1"), "nat64": ("AAAA", "64:ff9b::7f00:1"),
}  # fmt: skip
"""Names, and where they lead."""

NAMED = """
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{
    upstream "written" {{ target "{origin}" }}
    upstream "rebound" {{ target "rebound.test:{port}"; names {{ least-ttl "100ms" }}
        timeouts {{ connect "500ms" }} }}
    {upstreams}
}}
routes {{
    route "rebound" {{ matches {{ path "/rebound" }}; upstream "rebound"; reasons #true }}
    {routes}
    route "written" {{ upstream "written" }}
}}
"""


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway, on loopback."""
    with upstream() as server:
        yield server


@pytest.fixture(autouse=True)
def _forget(origin: Upstream) -> Iterator[None]:
    origin.requests.clear()
    yield
    origin.answers.clear()
    assert not origin.faults


@pytest.fixture(scope="module")
def names() -> Iterator[NameServer]:
    """The DNS server that the gateway asks."""
    try:
        with name_server() as server:
            for name, (kind, address) in FORBIDDEN.items():
                server.zone[f"{name}.test", kind] = 0, [address]
            server.zone["rebound.test", "A"] = 0, ["192.0.2.1"]
            yield server
    except OSError as fault:
        _missing(f"port 53 of loopback: {fault}")


@pytest.fixture(scope="module")
def asking(
    origin: Upstream, names: NameServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway in a mount namespace with another `/etc/resolv.conf`."""
    conf = tmp_path_factory.mktemp("dns") / "resolv.conf"
    conf.write_text(f"nameserver {names.address}\n")
    command = _in_namespace(conf)
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        _missing("a mount namespace cannot be had")
    port = origin.address.rpartition(":")[2]
    text = NAMED.format(
        origin=origin.address,
        port=port,
        upstreams="\n".join(f'upstream "{name}" {{ target "{name}.test:{port}" }}' for name in FORBIDDEN),
        routes="\n".join(
            f'route "{name}" {{ matches {{ path "/{name}" }}; upstream "{name}"; reasons #true }}'
            for name in FORBIDDEN
        ),
    )
    with pytest.MonkeyPatch.context() as patch:
        gwc = harness.program_of_gateway()
        patch.setattr(harness, "program_of_gateway", lambda: [*command, *gwc])
        with gateway(text, options=("--no-watch",)) as running:
            yield running


@VERSIONS
def test_ssrf(asking: Gateway, origin: Upstream, version: str) -> None:
    """A name leads neither to this machine nor to what only this machine may ask; a written address does."""
    for name in FORBIDDEN:
        said = ask(asking.address(), version, f"/{name}")
        assert (said.status, said.fields["x-gwc-reason"]) == (503, "name-lookup"), name
    assert origin.requests == []
    assert ask(asking.address(), version, "/written").status == 200


def test_ssrf_by_another_answer(asking: Gateway, origin: Upstream, names: NameServer) -> None:
    """A name that led elsewhere first leads here no more than any other: each answer is looked at."""
    place = asking.address()
    assert ask1(place, get("/rebound")).status in (503, 504)
    before = names.asked.count(("rebound.test", "A"))
    names.zone["rebound.test", "A"] = 0, ["127.0.0.1"]
    until(lambda: names.asked.count(("rebound.test", "A")) >= before + 3, "it is asked for again")
    for _ in range(3):
        assert ask1(place, get("/rebound")).status in (503, 504)
    assert origin.requests == []
    names.zone["rebound.test", "A"] = 0, ["192.0.2.1"]


@VERSIONS
def test_ssrf_by_redirect(asking: Gateway, origin: Upstream, version: str) -> None:
    """A redirect of an upstream is the client's to follow."""

    @origin.on("/away")
    def _(exchange: Exchange) -> None:
        exchange.reply(302, b"", f"Location: http://{origin.address}/secret")

    said = ask(asking.address(), version, "/away")
    assert (said.status, said.fields["location"]) == (302, f"http://{origin.address}/secret")
    assert [each.path for each in origin.requests] == ["/away"]


@pytest.mark.parametrize(
    "target",
    ["${req.host}:80", "${req.header.x-target}:80", "${path.name}.internal:80", "http://a.test/${req.path}"],
)
def test_ssrf_by_variable(target: str) -> None:
    """No request says where it goes: an address has no variables."""
    text = f'upstreams {{ upstream "o" {{ target "{target}" }} }}; routes {{ route "a" {{ upstream "o" }} }}'
    assert compile_text(text.replace(target, "127.0.0.1:80"), "kdl").table is not None
    assert compile_text(text, "kdl").table is None


# --- trust in upstreams -----------------------------------------------------------------------------------

CONFIG = """
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{
    upstream "origin" {{ target "{origin}" }}
    upstream "newer" {{ target "{newer}"; protocol "http2" }}
}}
routes {{
    route "newer" {{ matches {{ path-prefix "/newer" }}; upstream "newer"; reasons #true }}
    route "read" {{ matches {{ path "/read" }}; api-schema "any.json"; upstream "origin"
        reasons #true }}
    route "all" {{ upstream "origin"; reasons #true }}
}}
"""


@pytest.fixture(scope="module")
def newer() -> Iterator[Http2Upstream]:
    """A server that speaks HTTP/2."""
    with http2_upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream, newer: Http2Upstream) -> Iterator[Gateway]:
    """The gateway."""
    text = CONFIG.format(origin=origin.address, newer=newer.address)
    with gateway(
        text, options=("--no-watch",), files={"any.json": '{"type": ["object", "array"]}'}
    ) as running:
        yield running


def _head(*fields: bytes, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join([status, *fields, b"", b""])


BAD = {
    "two-lengths": (_head(b"Content-Length: 2", b"Content-Length: 2") + b"ok", 502),
    "length-and-coding": (_head(b"Content-Length: 2", b"Transfer-Encoding: chunked") + b"0\r\n\r\n", 502),
    "length-with-sign": (_head(b"Content-Length: +2") + b"ok", 502),
    "nul": (_head(b"Content-Length: 2", b"x-a: b\0c") + b"ok", 502),
    "bare-cr": (_head(b"Content-Length: 2", b"x-a: b\rc") + b"ok", 502),
    "folded": (_head(b"Content-Length: 2", b"x-a: b", b" c") + b"ok", 502),
    "status-2000": (_head(b"Content-Length: 2", status=b"HTTP/1.1 2000 OK") + b"ok", 502),
    "status-99": (_head(b"Content-Length: 2", status=b"HTTP/1.1 099 OK") + b"ok", 502),
    "coding-unknown": (_head(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n", 502),
    "head-of-63-kilobytes": (_head(*[b"x-a: " + b"v" * 7000] * 9, b"Content-Length: 2") + b"ok", 200),
    "head-of-66-kilobytes": (_head(*[b"x-a: " + b"v" * 7000] * 10, b"Content-Length: 2") + b"ok", 502),
    "upgrade-unasked": (
        _head(b"Connection: Upgrade", b"Upgrade: websocket", status=b"HTTP/1.1 101 Switching Protocols"),
        502,
    ),
}  # fmt: skip


@VERSIONS
@pytest.mark.parametrize("name", BAD)
def test_upstream_trust(served: Gateway, origin: Upstream, version: str, name: str) -> None:
    """A reply that could be read in two ways, or is too much, is answered 502, and its connection ends."""
    data, status = BAD[name]
    origin.answers["/bad"] = says(data)
    said = ask(served.address(), version, "/bad")
    assert said.status == status
    if status == 502:
        assert b"x-a" not in said.body
        until(lambda: origin.connections[origin.the("/bad").connection].ended_by_peer, "it is ended")


@VERSIONS
def test_upstream_trust_in_interim_replies(served: Gateway, origin: Upstream, version: str) -> None:
    """32 may come before a reply, and none of them goes on; one more is 502."""
    origin.answers["/few"], origin.answers["/many"] = floods_interim(32), floods_interim(33)
    assert ask(served.address(), version, "/few").body == b"after all"
    assert ask(served.address(), version, "/many").status == 502


@VERSIONS
def test_upstream_trust_in_fields(
    served: Gateway, origin: Upstream, newer: Http2Upstream, version: str
) -> None:
    """What is between an upstream and its own proxy does not go on, nor what the gateway alone says."""
    told = [
        ("x-accel-redirect", "/internal"), ("x-accel-buffering", "no"), ("x-accel-expires", "1"),
        ("x-gwc-reason", "made-up"), ("x-correlation-id", "made-up"),
    ]  # fmt: skip
    connection = [
        "Connection: keep-alive, x-named",
        "x-named: 1",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: x",
    ]

    @origin.on("/fields")
    def _old(exchange: Exchange) -> None:
        exchange.reply(200, b"", *(f"{name}: {value}" for name, value in told), *connection, "x-kept: yes")

    def _new(stream: Stream) -> None:
        stream.reply(200, b"", *told, ("x-kept", "yes"))

    newer.answers["/newer/fields"] = _new
    for path in ("/fields", "/newer/fields"):
        fields = ask(served.address(), version, path).fields
        assert fields["x-kept"] == "yes"
        assert not {name for name in fields if name.startswith(("x-accel-", "x-gwc-", "x-named"))}
        assert not {"keep-alive", "proxy-connection"} & set(fields)
        assert fields["x-correlation-id"] != "made-up"


def _resets(stream: Stream) -> None:
    stream.read_body()
    stream.abort()


@VERSIONS
@pytest.mark.parametrize(
    "answer",
    [
        lambda stream: stream.raw_head([(":status", "200"), *[("content-length", "2")] * 2]),
        lambda stream: stream.raw_head([(":status", "200"), ("x-a", "b\0c")]),
        lambda stream: stream.raw_head([(":status", "2000")]),
        lambda stream: stream.raw_head([("x-a", "no status")]),
        lambda stream: stream.raw_head([(":status", "200"), ("connection", "close")]),
        lambda stream: stream.raw_head([(":status", "101")]),
        lambda stream: stream.raw_head([(":status", "200"), *[("x-a", "v" * 7000)] * 10]),
        _resets,
    ],
    ids=["two-lengths", "nul", "status-2000", "no-status", "connection", "101", "66-kilobytes", "reset"],
)  # fmt: skip
def test_upstream_trust_over_http2(
    served: Gateway, newer: Http2Upstream, version: str, answer: Callable[[Stream], None]
) -> None:
    """The same of a target that speaks HTTP/2."""
    newer.answers["/newer/bad"] = answer
    assert ask(served.address(), version, "/newer/bad").status == 502
    assert ask(served.address(), version, "/newer/good").status == 200


@VERSIONS
def test_upstream_trust_and_bombs(served: Gateway, version: str) -> None:
    """A body that a policy unpacks has a limit of what comes out of it."""
    place, packed = served.address(), ("content-encoding", "gzip")
    json = ("content-type", "application/json")
    small = gzip.compress(b'{"a": 1}')
    assert ask(place, version, "/read", packed, json, body=small, method="POST").status == 200
    bomb = gzip.compress(b"[" + b" " * 50_000_000 + b"]")
    before = served.resident_bytes()
    assert ask(place, version, "/read", packed, json, body=bomb, method="POST").status == 413
    assert served.resident_bytes() - before < 40_000_000
