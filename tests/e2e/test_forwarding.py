"""What of a request reaches the upstream, and what of a reply reaches the client.

Every sample is started with its upstreams replaced and called; what happens is what `gwc explain` says.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from .harness import Gateway, gateway, program_of_gateway
from .raw import Client, Reply, ask, get, post
from .upstream import Exchange, Seen, Upstream, upstream

CONFIG = """
listeners {{
    listener "public" {{ address "%public%" }}
    listener "inside" {{ address "%inside%"; trusted-proxies "127.0.0.0/8" }}
}}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
routes {{
    route "all" {{ upstream "origin" }}
    route "rules" {{
        matches {{ path-prefix "/rules" }}
        request-headers {{
            rename "x-old" "x-new"
            set "x-set" "${{req.method}} ${{req.host}} ${{req.path}} ${{client-ip}} ${{route}}"
            add "x-add" "added"
            remove "x-gone"
        }}
        response-headers {{
            rename "x-old" "x-new"
            set "x-set" "${{req.path}}"
            add "x-add" "added"
            remove "server" "x-gone"
        }}
        rewrite {{ prefix "/moved"; host "inner.test" }}
        upstream "origin"
    }}
    route "fixed" {{
        matches {{ path "/fixed" }}
        respond status=418 {{ body "short and stout\\n"; header "x-pot" "${{req.path}}" }}
    }}
    route "away" {{ matches {{ path-prefix "/away" }}; redirect prefix="/there" status=308 }}
}}
"""

HEX_32 = re.compile(r"[0-9a-f]{32}")
TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])")
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SENT_PARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream) -> Iterator[Gateway]:
    """A gateway with an untrusting and a trusting listener."""
    with gateway(CONFIG.format(origin=origin.address)) as running:
        yield running


@pytest.fixture(autouse=True)
def _forget(origin: Upstream) -> None:
    origin.forget()


def _sent(served: Gateway, origin: Upstream, data: bytes, listener: str = "public") -> tuple[Seen, Reply]:
    """The one request that arrives, and the reply."""
    reply = ask(served.address(listener), data, data.partition(b" ")[0])
    assert reply.status == 200, reply
    assert len(origin.requests) == 1
    assert not origin.faults
    return origin.requests[0], reply


HOP_BY_HOP = {
    "Keep-Alive": "timeout=5",
    "Proxy-Connection": "keep-alive",
    "TE": "gzip",
    "Trailer": "X-Checksum",
    "Upgrade": "h2c",
    "HTTP2-Settings": "AAMAAABk",
    "Proxy-Authorization": "Basic eA==",
}


@pytest.mark.parametrize("name", HOP_BY_HOP)
def test_hop_by_hop_fields_end_here(served: Gateway, origin: Upstream, name: str) -> None:
    """RFC 9110 section 7.6.1: they are of one connection."""
    seen, _ = _sent(served, origin, get("/a", f"{name}: {HOP_BY_HOP[name]}"))
    assert seen.values(name) == []


def test_fields_that_connection_names_end_here(served: Gateway, origin: Upstream) -> None:
    """Each of them, in any case, from several lines; the others stay."""
    fields = (
        "Connection: X-One, x-TWO",
        "X-One: 1",
        "X-Two: 2",
        "Connection: ,x-three,",
        "x-three: 3",
        "x-four: 4",
    )
    seen, _ = _sent(served, origin, get("/a", *fields))
    assert [seen.values(name) for name in ("x-one", "x-two", "x-three")] == [[], [], []]
    assert seen.value("x-four") == "4"
    assert not any("x-" in value for value in seen.values("connection"))


@pytest.mark.parametrize("name", ["Host", "Authorization", "Cookie", "Content-Length", "X-Forwarded-For"])
def test_connection_cannot_take_what_matters_away(served: Gateway, origin: Upstream, name: str) -> None:
    """A field of another's trust is not of one connection, whatever `Connection` says: it stays, or 400."""
    fields = (f"Connection: {name}", "Authorization: Basic eA==", "Cookie: a=b")
    reply = ask(served.address(), post("/a", b"hello", *fields), b"POST")
    if reply.status == 400:
        assert origin.requests == []
        return
    seen = origin.the("/a")
    assert (seen.value("authorization"), seen.value("cookie"), seen.body) == ("Basic eA==", "a=b", b"hello")
    assert seen.value("host") == "a.test"
    assert seen.value("x-forwarded-for") == "127.0.0.1"


def test_a_stranger_is_not_believed(served: Gateway, origin: Upstream) -> None:
    """Forwarding fields of a peer that is not trusted are replaced."""
    fields = (
        "X-Forwarded-For: 198.51.100.7",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil.test",
        "X-Forwarded-Port: 1",
        "X-Forwarded-Prefix: /evil",
        "X-Real-IP: 198.51.100.7",
        "Forwarded: for=198.51.100.7",
        "X-Correlation-Id: mine",
        f"traceparent: {SENT_PARENT}",
    )
    seen, reply = _sent(served, origin, get("/a", *fields, host="a.test:81"))
    assert seen.value("x-forwarded-for") == "127.0.0.1"
    assert seen.value("x-forwarded-proto") == "http"
    assert seen.value("x-forwarded-host") in ("a.test", "a.test:81")
    assert b"198.51.100.7" not in bytes(seen.raw)
    assert b"evil" not in bytes(seen.raw)
    assert seen.value("x-correlation-id") != "mine"
    assert reply.value("x-correlation-id") != b"mine"


def test_a_trusted_peer_is_believed(served: Gateway, origin: Upstream) -> None:
    """Its forwarding fields are kept, and it is added to them itself."""
    fields = (
        "X-Forwarded-For: 198.51.100.7, 127.0.0.2",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: shop.test",
        "X-Correlation-Id: mine-1",
    )
    seen, reply = _sent(served, origin, get("/a", *fields), "inside")
    assert seen.value("x-forwarded-for") == "198.51.100.7, 127.0.0.2, 127.0.0.1"
    assert seen.value("x-forwarded-proto") == "https"
    assert seen.value("x-forwarded-host") == "shop.test"
    assert seen.value("x-correlation-id") == "mine-1"
    assert reply.value("x-correlation-id") == b"mine-1"
    assert served.access_line(lambda line: line["request_id"] == "mine-1")["client_ip"] == "198.51.100.7"


@pytest.mark.parametrize("sent", ["a b", "x" * 5000, "a,b\tc", '"', "\xe9", ""])
def test_an_id_that_could_hurt_is_not_kept(served: Gateway, origin: Upstream, sent: str) -> None:
    """Of a trusted peer too, an id is kept only if it is short and plain."""
    seen, reply = _sent(served, origin, get("/a", f"X-Correlation-Id: {sent}"), "inside")
    assert seen.value("x-correlation-id") != sent
    given = reply.value("x-correlation-id")
    assert given is not None
    assert given.decode() == seen.value("x-correlation-id")


def test_every_request_has_an_id(served: Gateway, origin: Upstream) -> None:
    """One id in the reply, to the upstream and in the log; another for the next request."""
    first, reply = _sent(served, origin, get("/a"))
    given = (reply.value("x-correlation-id") or b"").decode()
    assert HEX_32.fullmatch(given)
    assert first.value("x-correlation-id") == given
    assert served.access_line(lambda line: line["request_id"] == given)["path"] == "/a"
    origin.requests.clear()
    second, _ = _sent(served, origin, get("/a"))
    assert second.value("x-correlation-id") != given


def test_replies_of_our_own_have_an_id_too(served: Gateway) -> None:
    """A fixed reply, a redirect and a refusal."""
    for data in (get("/fixed"), get("/away/x"), get("/%00")):
        reply = ask(served.address(), data)
        assert HEX_32.fullmatch((reply.value("x-correlation-id") or b"").decode()), reply


def test_a_trace_is_begun(served: Gateway, origin: Upstream) -> None:
    """A request without a parent, or with a stranger's, gets a trace of its own."""
    seen, _ = _sent(served, origin, get("/a", f"traceparent: {SENT_PARENT}", "tracestate: a=b"))
    found = TRACEPARENT.fullmatch(seen.value("traceparent") or "")
    assert found
    line = served.access_line(lambda line: line["trace_id"] == found[1])
    assert line["path"] == "/a"


def test_a_trusted_peers_trace_goes_on(served: Gateway, origin: Upstream) -> None:
    """The trace's id and state are kept; the parent is the gateway's own span or the one that was sent."""
    seen, _ = _sent(served, origin, get("/a", f"traceparent: {SENT_PARENT}", "tracestate: a=b"), "inside")
    found = TRACEPARENT.fullmatch(seen.value("traceparent") or "")
    assert found
    assert (found[1], found[3], seen.value("tracestate")) == (TRACE_ID, "01", "a=b")


@pytest.mark.parametrize(
    "sent",
    [
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        f"00-{TRACE_ID}-" + "0" * 16 + "-01",
        "x",
        f"ff-{TRACE_ID}-b7ad6b7169203331-01",
        SENT_PARENT.upper(),
        SENT_PARENT + "-x",
    ],
)
def test_a_broken_trace_is_begun_anew(served: Gateway, origin: Upstream, sent: str) -> None:
    """A trusted peer's `traceparent` that is none is not passed on."""
    seen, _ = _sent(served, origin, get("/a", f"traceparent: {sent}"), "inside")
    found = TRACEPARENT.fullmatch(seen.value("traceparent") or "")
    assert found
    assert found[1] != "0" * 32
    assert found[2] != "0" * 16
    assert seen.value("traceparent") != sent


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_via_names_every_hop(served: Gateway, origin: Upstream, version: str) -> None:
    """RFC 9110 section 7.6.3: the protocol that was received, after those before."""
    data = get("/a", "Via: 1.0 fred").replace(b"HTTP/1.1", f"HTTP/{version}".encode(), 1)
    seen, _ = _sent(served, origin, data)
    joined = ", ".join(seen.values("via"))
    assert re.fullmatch(rf"1\.0 fred, {version} [0-9A-Za-z._-]+", joined), joined


@pytest.mark.parametrize(
    "name", ["X_Y", "Content_Length", "_", "X-Original-URL", "Proxy", "X-HTTP-Method-Override"]
)
def test_names_that_others_read_differently_are_dropped(served: Gateway, origin: Upstream, name: str) -> None:
    """Names with `_`, and overrides of what was matched."""
    seen, _ = _sent(served, origin, get("/a", f"{name}: 1", "X-Y: 2"))
    assert seen.values(name) == []
    assert seen.value("x-y") == "2"


@pytest.mark.parametrize("host", ["a.test", "a.test:8080", "A.Test:80", "[2001:DB8::1]:81", "127.0.0.1"])
def test_host_goes_along_with_its_port(served: Gateway, origin: Upstream, host: str) -> None:
    """The client's Host in its one form, the port as it was."""
    seen, _ = _sent(served, origin, get("/a", host=host))
    assert seen.value("host") == host.lower()


def test_absolute_form_becomes_a_path(served: Gateway, origin: Upstream) -> None:
    """The upstream sees origin form, and the host that the target named."""
    seen, _ = _sent(served, origin, get("http://A.test:8080/x/../y?q", host="a.test:8080"))
    assert (seen.target, seen.value("host")) == ("/y?q", "a.test:8080")


def test_fields_stay_as_separate_as_they_came(served: Gateway, origin: Upstream) -> None:
    """Cookies and others: apart or together, in their order, their values untouched."""
    fields = ("Cookie: a=b; c=d", "X-A: 1", "Cookie: e=f", "X-A: 2,3", 'X-B: "q,\t" \xe9')
    seen, _ = _sent(served, origin, get("/a", *fields))
    assert seen.values("cookie") == ["a=b; c=d", "e=f"]
    assert seen.values("x-a") == ["1", "2,3"]
    assert seen.values("x-b") == ['"q,\t" \xe9']


def test_a_reply_goes_back_as_it_is(served: Gateway, origin: Upstream) -> None:
    """Fields apart, body and status untouched; what is of the upstream's connection ends here."""

    @origin.on("/a")
    def _(exchange: Exchange) -> None:
        exchange.reply(
            201,
            b"made",
            "Set-Cookie: a=b",
            "Set-Cookie: c=d",
            "Location: /x",
            "Connection: x-hop, keep-alive",
            "X-Hop: canary",
            "Keep-Alive: timeout=canary",
            "X-E: \xe9",
            "Server: origin",
            "Proxy-Connection: canary",
            reason="Made it",
        )

    reply = ask(served.address(), get("/a"))
    assert (reply.status, reply.body, reply.value("location")) == (201, b"made", b"/x")
    assert reply.values("set-cookie") == [b"a=b", b"c=d"]
    assert reply.value("x-e") == b"\xe9"
    assert b"canary" not in b"".join(value for _, value in reply.fields)
    assert reply.value("date") is not None


def test_rules_change_both_ways(served: Gateway, origin: Upstream) -> None:
    """Rename, set, add, remove, with variables of the request as it came; path and host rewritten."""

    @origin.on("/moved/a")
    def _(exchange: Exchange) -> None:
        exchange.reply(
            200, b"", "X-Old: 1", "X-Set: old", "X-Set: older", "X-Add: first", "X-Gone: x", "Server: o"
        )

    fields = ("X-Old: 1", "X-Set: evil", "X-Set: worse", "X-Add: first", "X-Gone: x")
    reply = ask(served.address(), get("/rules/a?q=1", *fields))
    seen = origin.requests[0]
    assert (seen.target, seen.value("host")) == ("/moved/a?q=1", "inner.test")
    assert (seen.values("x-old"), seen.value("x-new"), seen.values("x-gone")) == ([], "1", [])
    assert seen.value("x-set") == "GET a.test /rules/a 127.0.0.1 rules"
    assert seen.values("x-add") == ["first", "added"]
    assert (reply.values("x-old"), reply.value("x-new")) == ([], b"1")
    assert (reply.value("x-set"), reply.values("x-add")) == (b"/rules/a", [b"first", b"added"])
    assert (reply.values("x-gone"), reply.values("server")) == ([], [])


def test_replies_of_our_own(served: Gateway, origin: Upstream) -> None:
    """`respond` and `redirect` are answered here, and no upstream hears of it."""
    reply = ask(served.address(), get("/fixed"))
    assert (reply.status, reply.body, reply.value("x-pot")) == (418, b"short and stout\n", b"/fixed")
    assert reply.value("content-type") == b"text/plain; charset=utf-8"
    reply = ask(served.address(), get("/away/x?y=z"))
    assert reply.status == 308
    assert (reply.value("location") or b"").endswith(b"/there/x?y=z")
    with Client(served.address()) as client:
        assert client.ask(get("/fixed", method="HEAD"), b"HEAD").value("content-length") == b"16"
        assert client.ask(get("/fixed")).status == 418
    assert origin.requests == []


def test_error_bodies_tell_nothing(served: Gateway) -> None:
    """JSON or HTML as asked, with the request's id, without a version or an address."""
    for accept, kind in (("*/*", b"application/json"), ("text/html", b"text/html")):
        with Client(served.address()) as client:
            reply = client.ask(get("/%00", f"Accept: {accept}"))
        assert reply.status == 400
        assert (reply.value("content-type") or b"").startswith(kind)
        assert (reply.value("x-correlation-id") or b"?") in reply.body
        assert reply.values("server") in ([], [b"gwc"])
        assert b"127.0.0.1" not in reply.body
        if kind == b"application/json":
            assert json.loads(reply.body)["status"] == 400


# --- the samples -------------------------------------------------------------------------------------------

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
POLICIES = (
    "agent",
    "api-schema",
    "authenticate",
    "fallback",
    "protocol",
    "rate-limit",
    "sticky-cookie",
    "static-files",
    "websocket",
)
"""What may answer before the decision does, or needs servers of another kind: tests of their own call such
samples."""


def _plain_samples() -> list[str]:
    """The samples whose requests end as their decision alone says."""
    names = []
    for path in sorted(SAMPLES.glob("*/gwc.kdl")):
        text = "".join(each.read_text("utf-8") for each in path.parent.rglob("*.kdl"))
        if not re.search(rf"^\s*(?:{'|'.join(POLICIES)})\b", text, re.MULTILINE):
            names.append(path.parent.name)
    return names


NAMES = _plain_samples()
UNLIKE = "sni", "listener"
"""What of a row a client on loopback cannot be or ask for."""

_TARGET = re.compile(r'(\btarget\s+)"[^"]*"')
_YAML_TARGET = re.compile(r"(\btargets?:\s*)(\[[^\]]*\]|\"[^\"]*\"|[^\s{\[][^,}\n]*)")
_ADDRESS = re.compile(r'(\baddress\s+)"([^"]*)"')
_HTTPS = re.compile(r"\n +hsts\b[^\n]*")
_TLS = re.compile(r"\n( +)tls \{\n.*?\n\1\}", re.DOTALL)

SETTINGS = {
    "GWC_SET__ADMIN__ADDRESS": "off",
    "GWC_SET__METRICS__ADDRESS": "off",
    "GWC_SET__ACCESS_LOG__FORMAT": "json",
    "GWC_SET__ACCESS_LOG__SAMPLE": "100%",
    "GWC_SET__AUDIT_LOG__PATH": "stderr",
    "GWC_SET__ERROR_LOG__LEVEL": "info",
}
"""What of a sample's settings a test cannot have: places that others have too, and logs that leave out."""


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_does_what_explain_says(name: str, origin: Upstream, tmp_path: Path) -> None:
    """Each request of its requests.yaml, sent to the running sample, ends as `gwc explain` decides."""
    place = tmp_path / name
    place.mkdir()
    places: dict[str, str] = {}
    text_of = {path.relative_to(SAMPLES / name): path for path in (SAMPLES / name).rglob("*")}
    for relative, path in text_of.items():
        if path.is_dir() or relative.parts[0] == "yaml" or path.name == "requests.yaml":
            continue
        text = path.read_text("utf-8")
        text = _TARGET.sub(rf'\1"{origin.address}"', text) if path.suffix == ".kdl" else text
        if path.suffix in (".yaml", ".yml"):
            text = _YAML_TARGET.sub(rf'\1["{origin.address}"]', text)
        text = _TLS.sub("", _HTTPS.sub("", text)).replace(
            "trusted-proxies ", 'trusted-proxies "127.0.0.0/8" '
        )
        text = _ADDRESS.sub(lambda found: f'{found[1]}"%{_place(found[2], places)}%"', text)
        (place / relative).parent.mkdir(parents=True, exist_ok=True)
        (place / relative).write_text(text, "utf-8")
    environment = {**SETTINGS, "USERS_ADDRESS": origin.address, "USERS_TOKEN": "canary"}
    cases = yaml.safe_load((SAMPLES / name / "requests.yaml").read_text())
    with ExitStack() as stack:
        running = stack.enter_context(gateway(place, environment=environment))
        called = sum(_call(running, origin, case, places, environment) for case in cases)
    assert called >= 1


def _place(address: str, places: dict[str, str]) -> str:
    """The name of the free address that stands for one of the sample's."""
    port = address.rpartition(":")[2]
    return places.setdefault(port, f"p{port}")


def _call(
    running: Gateway,
    origin: Upstream,
    case: dict[str, Any],
    places: dict[str, str],
    environment: dict[str, str],
) -> bool:
    """Send one request of a sample; whether it could be sent from here."""
    if any(key in case for key in UNLIKE):
        return False
    method, url = case["request"].split(" ", 1)
    parts = urlsplit(url)
    place = places.get(str(parts.port))
    if place is None:
        return False
    port = running.ports[place]
    # `https` became plain here, and the port another one: both sides are asked the same.
    url = f"http://{parts.hostname}:{port}{url.split(parts.netloc, 1)[1]}"
    headers = [*case.get("headers", ())]
    if "client-ip" in case:
        headers = _by_way_of(case["client-ip"], headers)
    body = case.get("body", "").encode()
    decision = _explained(running, method, url, headers, body, environment)
    origin.requests.clear()
    target = url.split(f":{port}", 1)[1]
    length = (f"Content-Length: {len(body)}",) if body else ()
    kind = ("Content-Type: application/json",) if body else ()
    data = get(target, *headers, *length, *kind, host=f"{parts.hostname}:{port}", method=method) + body
    reply = ask(running.address(place), data, method.encode())
    shown = f"{method} {url}: {decision} but {reply}"
    if decision["kind"] not in ("upstream", "split"):
        assert decision["status"] in (None, reply.status), shown
        assert origin.requests == []
        if decision["location"] is not None:
            assert (reply.value("location") or b"").decode() == decision["location"], shown
        return True
    assert reply.status == 200, shown
    assert len(origin.requests) == 1, shown
    seen = origin.requests[0]
    query = "" if decision["query"] is None else f"?{decision['query']}"
    assert seen.method == method
    if decision["kind"] == "upstream":
        assert seen.target == decision["path"] + query, shown
        assert seen.value("host") == decision["host"], shown
    assert (seen.body or b"") == body
    rules = decision["request_headers"] or {"set": {}, "remove": [], "rename": {}, "add": {}}
    for key, value in rules["set"].items():
        wanted = re.sub(r"\$\{env:(\w+)\}", lambda found: environment[found[1]], value)
        assert seen.value(key) == wanted, shown
    for key in [*rules["remove"], *rules["rename"]]:
        assert seen.values(key) == [], shown
    for key in (decision["response_headers"] or {"remove": []})["remove"]:
        assert reply.values(key) == [], shown
    line = running.access_line(
        lambda line: line["request_id"] == (reply.value("x-correlation-id") or b"").decode()
    )
    assert (line["route"], line["match"]) == (decision["route"], decision["match"]), shown
    return True


def _by_way_of(client: str, headers: list[str]) -> list[str]:
    """The fields of a request that a proxy here, which the sample trusts, passes on for that client."""
    before = [header.split(":", 1)[1].strip() for header in headers if header.startswith("x-forwarded-for:")]
    others = [header for header in headers if not header.startswith("x-forwarded-for:")]
    return [*others, f"x-forwarded-for: {', '.join([*before, client])}"]


def _explained(
    running: Gateway, method: str, url: str, headers: list[str], body: bytes, environment: dict[str, str]
) -> dict[str, Any]:
    """What `gwc explain` decides on the running configuration."""
    command = [*program_of_gateway(), "explain", "-c", str(running.folder / "config"), "--format", "json"]
    command += [method, url]
    for header in headers:
        command += ["-H", header]
    if body:
        command += ["--body", "-"]
    result = subprocess.run(
        command, input=body, capture_output=True, env={**os.environ, **environment}, check=False, timeout=20
    )
    assert result.returncode == 0, result.stderr
    decision: dict[str, Any] = json.loads(result.stdout)["decision"]
    return decision
