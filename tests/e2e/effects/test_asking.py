"""Services that are asked about each request, and certificates of clients."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..certificates import Authority, TlsClient
from ..harness import Gateway, gateway
from ..raw import ask, get, post
from ..upstream import Exchange, Upstream, nobody, upstream
from .keys import shows

CONFIG = """
listeners {{
    listener "public" {{ address "%public%" }}
    listener "tls" {{ address "%tls%"; tls {{ certificate "{folder}/both.pem"
        client-certificates "optional"; ca-file "{folder}/ca.pem" }} }}
}}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
defaults {{ upstream "origin" }}
routes {{
    route "usual" {{ matches {{ path-prefix "/usual" }}
        authenticate {{ forward-auth "http://{service}/verify?by=gwc"; identity-header "x-name" }} }}
    route "said" {{ matches {{ path-prefix "/said" }}
        authenticate {{ forward-auth "http://{service}/verify" {{ request-headers "x-token"
            response-headers "X-Auth-User" "x-auth-groups"; identity "X-Auth-User" }} }} }}
    route "slow" {{ matches {{ path-prefix "/slow" }}
        authenticate {{ forward-auth "http://{service}/slow" timeout="200ms" }} }}
    route "down" {{ matches {{ path-prefix "/down" }}; authenticate {{ forward-auth "http://{down}/" }} }}
    route "open" {{ matches {{ path-prefix "/open" }}
        authenticate {{ forward-auth "http://{down}/" on-failure="allow" }} }}
    route "certificate" {{ matches {{ path-prefix "/certificate" }}
        authenticate {{ client-certificate; identity-header "x-name" }}
        request-headers {{ set "x-serial" "${{identity.claim.fingerprint}}" }} }}
    route "email" {{ matches {{ path-prefix "/email" }}
        authenticate {{ client-certificate {{ name "email"; allow "somebody@example.com" "x@y" }} }} }}
    route "nobody" {{ matches {{ path-prefix "/nobody" }}
        authenticate {{ client-certificate {{ allow "CN=root" }} }} }}
}}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who issued all certificates here."""
    found = Authority(tmp_path_factory.mktemp("asking"))
    found.issue("client", "somebody@example.com", common="somebody")
    found.issue("both", "both.test", "127.0.0.1")
    folder = found.folder
    (folder / "both.pem").write_bytes((folder / "both.key").read_bytes() + (folder / "both.pem").read_bytes())
    return found


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


def _verify(exchange: Exchange) -> None:
    """Says what the request's `x-token` wants to hear."""
    exchange.read_body()
    said = "".join(exchange.seen.values("x-token"))
    replies: dict[str, tuple[int, bytes, list[tuple[str, str]]]] = {
        "in": (200, b"", [("X-Auth-User", "ann"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]),
        "login": (302, b"", [("Location", "https://login.test/?rd=x"), ("Set-Cookie", "state=1")]),
        "no": (401, b"who?", [("WWW-Authenticate", "Custom"), ("Content-Type", "text/x")]),
        "never": (403, b"y" * 100_000, []),
        "broken": (500, b"", []),
        "missing": (404, b"", []),
    }
    status, body, fields = replies.get(said, (401, b"", []))
    exchange.reply(status, body, *(f"{name}: {value}" for name, value in fields))


@pytest.fixture(scope="module")
def service() -> Iterator[Upstream]:
    """The service that is asked."""
    with upstream() as server:
        server.otherwise = _verify

        @server.on("/slow")
        def slow(exchange: Exchange) -> None:
            exchange.read_body()
            time.sleep(1)
            exchange.reply(200, b"")

        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream, service: Upstream, authority: Authority) -> Iterator[Gateway]:
    """A gateway that asks the service."""
    with nobody() as down:
        places = {"origin": origin.address, "service": service.address, "down": down}
        with gateway(CONFIG.format(folder=authority.folder, **places)) as running:
            yield running


@shows("route.authenticate.forward-auth.{,url}")
def test_what_the_service_is_told(served: Gateway, origin: Upstream, service: Upstream) -> None:
    """All of the client's fields but what clients may not say, and where the request was going; no body."""
    reply = ask(
        served.address(),
        post(
            "/usual/a%20b?c=d", b"body", "X-Token: in", "X-Forwarded-Uri: /other", "X-Name: root", "Range: x"
        ),
        b"POST",
    )
    assert (reply.status, reply.values("set-cookie")) == (200, [b"a=1", b"b=2"])
    seen = service.requests[-1]
    assert (seen.method, seen.target, seen.body) == ("GET", "/verify?by=gwc", b"")
    said = {name: seen.values(f"x-forwarded-{name}") for name in ("method", "proto", "host", "uri", "for")}
    assert said == {
        "method": ["POST"],
        "proto": ["http"],
        "host": ["a.test"],
        "uri": ["/usual/a%20b?c=d"],
        "for": ["127.0.0.1"],
    }
    assert seen.values("x-token") == ["in"]
    assert seen.values("x-name") == seen.values("range") == seen.values("content-length") == []
    assert (origin.requests[-1].body, origin.requests[-1].values("x-name")) == (b"body", [])


@shows("route.authenticate.forward-auth.{request-headers,response-headers,identity}")
def test_what_the_service_says(served: Gateway, origin: Upstream, service: Upstream) -> None:
    """The upstream gets the fields that are named, whatever the client wrote there."""
    fields = ("X-Token: in", "X-Auth-User: root", "X-Auth-Groups: wheel", "X-Other: 1", "Cookie: a=1")
    assert ask(served.address(), get("/said/1", *fields)).status == 200
    asked, seen = service.requests[-1], origin.requests[-1]
    assert (asked.values("x-token"), asked.values("x-other"), asked.values("cookie")) == (["in"], [], [])
    assert (seen.values("x-auth-user"), seen.values("x-auth-groups")) == (["ann"], [])
    assert served.access_line("/said/1")["identity"] == "ann"


def test_no_is_passed_on(served: Gateway, origin: Upstream) -> None:
    """401, 403 and redirects are the reply, with their fields; a body that is too long is left out."""

    def said(token: str) -> tuple[int, bytes]:
        reply = ask(served.address(), get("/said/2", f"X-Token: {token}"))
        assert reply.complete
        return reply.status, reply.body

    seen = len(origin.requests)
    assert [said(each) for each in ("no", "never")] == [(401, b"who?"), (403, b"")]
    reply = ask(served.address(), get("/said/3", "X-Token: login"))
    assert (reply.status, reply.value("location")) == (302, b"https://login.test/?rd=x")
    assert reply.value("set-cookie") == b"state=1"
    assert [said(each)[0] for each in ("broken", "missing")] == [503, 503]
    assert len(origin.requests) == seen
    reasons = [line["reason"] for line in served.access_lines_for("/said/2", 4)]
    assert reasons == ["auth-denied", "auth-denied", "auth-unavailable", "auth-unavailable"]


@shows("route.authenticate.forward-auth.{timeout,on-failure}")
def test_a_service_that_is_slow_or_down(served: Gateway) -> None:
    """Nobody gets in, unless that is said."""
    began = time.monotonic()
    statuses = [ask(served.address(), get(path)).status for path in ("/slow", "/down", "/open")]
    assert statuses == [503, 503, 200]
    assert time.monotonic() - began < 5
    assert "auth-unavailable" in served.errors


@shows("route.authenticate.client-certificate.{,name,allow}")
def test_certificates(served: Gateway, authority: Authority, origin: Upstream) -> None:
    """Whoever shows one is let in under its name, where that is allowed; others are not."""

    def status(path: str, own: Path | None) -> int:
        with TlsClient(served.address("tls"), authority.ca, "both.test", own=own) as client:
            return client.ask(get(path, "X-Name: root", host="both.test")).status

    own = authority.folder / "client"
    assert [status("/certificate", each) for each in (own, None)] == [200, 401]
    seen = next(each for each in reversed(origin.requests) if each.target == "/certificate")
    (name,), (print_,) = seen.values("x-name"), seen.values("x-serial")
    assert "CN=somebody" in name
    assert len(print_) == 64
    assert [status("/email", each) for each in (own, None)] == [200, 401]
    assert served.access_line(lambda line: line["path"] == "/email" and line["status"] == 200)[
        "identity"
    ] == ("somebody@example.com")
    assert status("/nobody", own) == 403
    line = served.access_line("/nobody")
    assert (line["reason"], line["identity"]) == ("not-allowed", name)
    assert ask(served.address(), get("/certificate")).status == 401
