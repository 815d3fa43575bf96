"""HTTP/2 over TLS: agreed on by ALPN, one name for many requests, through reloads and to the end."""

from __future__ import annotations

import signal
import ssl
import subprocess
from collections.abc import Iterator

import pytest

from .certificates import Authority, TlsClient
from .harness import Gateway, gateway, program
from .http2 import PREFACE, Client2, frame, head
from .inside import reload
from .raw import get
from .test_http2 import BIG, Origin
from .upstream import upstream

CONFIG = """
listeners {{
    listener "public" {{ address "%public%"; host "a.test"
        tls {{ certificate "{folder}/own.pem" key="{folder}/own.key" }} }}
    listener "other" {{ address "%public%"; host "b.test"
        tls {{ certificate "{folder}/own.pem" key="{folder}/own.key" }} }}
    listener "old" {{ address "%old%"; http2 {{ enabled #false }}
        tls {{ certificate "{folder}/own.pem" key="{folder}/own.key" }} }}
}}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
routes {{
    route "said" {{ matches {{ path "/said" }}; respond {{ body "{generation}"
        header "x-listener" "${{listener}}"; header "x-scheme" "${{req.scheme}}" }} }}
    route "all" {{ upstream "origin" }}
}}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who issued the certificate."""
    found = Authority(tmp_path_factory.mktemp("http2-tls"))
    found.issue("own", "a.test", "b.test", "127.0.0.1")
    return found


@pytest.fixture
def origin() -> Iterator[Origin]:
    """The server behind the gateway."""
    with upstream() as server:
        found = Origin(server)
        yield found
        found.may.set()


def _config(authority: Authority, origin: Origin, generation: int = 1) -> str:
    return CONFIG.format(folder=authority.folder, origin=origin.address, generation=generation)


@pytest.fixture
def served(authority: Authority, origin: Origin) -> Iterator[Gateway]:
    """The gateway."""
    with gateway(_config(authority, origin), options=("--no-watch",)) as running:
        yield running


def test_agreed_on(served: Gateway, authority: Authority) -> None:
    """ALPN says which version it is; where HTTP/2 is off, it is not offered."""
    with Client2(served.address(), ca=authority.ca) as client:
        reply = client.get("/said")
        assert (reply.body, reply.fields["x-scheme"]) == (b"1", "https")
        assert client.get("/big").body == b"x" * BIG
    with TlsClient(served.address(), authority.ca, "a.test", alpn=["http/1.1"]) as old:
        assert old.ask(get("/said", host="a.test")).body == b"1"
    with TlsClient(served.address("old"), authority.ca, "a.test", alpn=["h2", "http/1.1"]) as old:
        assert old.tls.selected_alpn_protocol() == "http/1.1"
        assert old.ask(get("/said", host="a.test")).body == b"1"
    line = served.access_lines_for("/said", 1)[0]
    assert (line["protocol"], line["status"]) == ("HTTP/2", 200)


def test_not_without_being_asked(served: Gateway, authority: Authority) -> None:
    """With TLS nobody begins with HTTP/2 where HTTP/1.1 was agreed on."""
    with TlsClient(served.address(), authority.ca, "a.test", alpn=["http/1.1"]) as client:
        client.send(PREFACE + frame(4))
        assert b"HTTP/1.1 505 " in client.end()


def test_a_host_of_another_listener(served: Gateway, authority: Authority) -> None:
    """421 says that another connection is needed, and this one goes on."""
    with Client2(served.address(), ca=authority.ca) as client:
        other = client.reply(client.ask(head("/said", host="b.test")))
        assert (other.status, other.ended) == (421, True)
        assert client.get("/said").fields["x-listener"] == "public"
    with Client2(served.address(), ca=authority.ca, name="b.test") as client:
        again = client.reply(client.ask(head("/said", host="b.test")))
        assert (again.status, again.fields["x-listener"]) == (200, "other")


def test_curl_over_tls(served: Gateway, authority: Authority) -> None:
    """As people ask."""
    port = served.ports["public"]
    command = [program("curl"), "-s", "--http2", "--cacert", str(authority.ca), "-w", " %{http_version}"]
    command += ["--resolve", f"a.test:{port}:127.0.0.1", "--data-binary", "y" * 100_000]
    command.append(f"https://a.test:{port}/up")
    assert subprocess.run(command, capture_output=True, timeout=20).stdout == b"100000 2"


def test_reloads_and_the_end(authority: Authority, origin: Origin) -> None:
    """A stream goes on through reloads, also of a new certificate, and is finished after SIGTERM."""
    with (
        gateway(_config(authority, origin), options=("--no-watch",)) as served,
        Client2(served.address(), ca=authority.ca) as client,
    ):
        down = client.ask(head("/drip"))
        client.push()
        client.until(lambda: client.replies[down].body == b"abc")
        for generation in range(2, 7):
            authority.issue("own", "a.test", "b.test", "127.0.0.1")
            reload(served, _config(authority, origin, generation))
            assert client.get("/said").body == b"%d" % generation
        assert client.goaways == []
        served.stops_itself = True
        served.process.send_signal(signal.SIGTERM)
        client.until(lambda: len(client.goaways) == 2)
        origin.may.set()
        assert client.reply(down).body == b"abcdef"
        try:
            assert client.end() == 0
        except ssl.SSLError:
            raise AssertionError("TLS did not end in good form") from None
