"""Rules between the gateway's addresses, of listeners that share one, of upstreams and of settings."""

from __future__ import annotations

import pytest
from gwc.compiler.pipeline import compile_text
from gwc.schema.diagnostic import Severity

UPSTREAMS = 'upstreams { upstream "u" { target "h:1" }; upstream "v" { target "h:2" } }\n'
ROUTE = 'routes { route "r" { respond } }\n'
ONE = 'listeners { listener "a" { address "0.0.0.0:80" "[::1]:81" "unix:/run/a.sock" } }\n'


def told(text: str) -> list[tuple[str, str]]:
    """Code and text at the span of each error."""
    result = compile_text(text, "kdl")
    errors = [each for each in result.diagnostics if each.severity is Severity.ERROR]
    assert (result.table is None) == bool(errors)
    assert all(each.help for each in errors)
    return [(each.code, text[each.span.start : each.span.end] if each.span else "") for each in errors]


def sharing(first: str, second: str, address: str = "0.0.0.0:80") -> list[tuple[str, str]]:
    """The errors of two listeners on one address."""
    return told(
        f'listeners {{ listener "a" {{ address "0.0.0.0:80"; host "a.b"; {first} }}\n'
        f'listener "b" {{ address "{address}"; {second} }} }}\n{ROUTE}'
    )


SHARED = [
    ("limits { fields 9 }", "limits { fields 9 }", []),
    ("limits { fields 100 }", "", []),
    ("limits { fields 9 }", "", [("GWC314", '"b"')]),
    ("", "limits { fields 9 }", [("GWC314", "limits")]),
    ('timeouts { idle "1m" }', 'timeouts { idle "60s" }', []),
    ('timeouts { idle "1m" }', 'timeouts { idle "61s" }', [("GWC314", "timeouts")]),
    ("proxy-protocol #true", "proxy-protocol #true", []),
    ("proxy-protocol #true", "", [("GWC314", '"b"')]),
    ("proxy-protocol #false", "", []),
    ("http2 { streams 100 }", "", []),
    ("http2 { streams 99 }", "", [("GWC314", '"b"')]),
    ("", "http2 { enabled #false }", [("GWC314", "http2")]),
]


@pytest.mark.parametrize(("first", "second", "found"), SHARED)
def test_listeners_of_one_address_agree(first: str, second: str, found: list[tuple[str, str]]) -> None:
    """What comes to the same is the same, however it is written; another address is another matter."""
    assert sharing(first, second) == found
    assert sharing(first, second, "0.0.0.0:81") == []


def test_a_disagreement_is_told_once() -> None:
    """Not for each address that two listeners share."""
    both = 'address "a:1" "a:2" "a:3"'
    first = f'listener "a" {{ {both}; host "a.b" }}'
    second = f'listener "b" {{ {both}; limits {{ fields 9 }} }}'
    text = f"listeners {{ {first}; {second} }}\n"
    assert told(text + ROUTE) == [("GWC314", "limits")]


TAKEN = [
    ('metrics "127.0.0.1:9100"', []),
    ('metrics "0.0.0.0:80"', [("GWC315", '"0.0.0.0:80"')]),
    ('metrics "127.0.0.1:80"', [("GWC315", '"127.0.0.1:80"')]),
    ('admin "localhost:80"', [("GWC315", '"localhost:80"')]),
    ('admin "[0:0::1]:81"', [("GWC315", '"[0:0::1]:81"')]),
    ('admin "127.0.0.1:81"', []),
    ('admin "unix:/run/a.sock"', [("GWC315", '"unix:/run/a.sock"')]),
    ('admin "127.0.0.1:90"\nmetrics "127.0.0.1:90"', [("GWC315", '"127.0.0.1:90"')]),
    ('admin "off"\nmetrics "off"', []),
    ('admin "${env:A}:80"\nmetrics "${env:A}:80"', [("GWC315", '"${env:A}:80"')]),
    ('admin "0.0.0.0:90"', [("GWC501", '"0.0.0.0:90"')]),
    ('admin "[::]:90"', [("GWC501", '"[::]:90"')]),
    ('admin "10.0.0.1:90"', [("GWC501", '"10.0.0.1:90"')]),
    ('admin "gateway.internal:90"', [("GWC501", '"gateway.internal:90"')]),
    ('admin "127.8.0.1:90"', []),
    ('admin "${env:ADMIN}:90"', []),
]


@pytest.mark.parametrize(("said", "found"), TAKEN)
def test_addresses_of_the_gateways_own(said: str, found: list[tuple[str, str]]) -> None:
    """Nothing listens where something else does, and nobody but this machine reaches the admin API."""
    assert told(f"{said}\n{ONE}{ROUTE}") == found


def test_the_listener_that_nobody_wrote_has_its_address() -> None:
    """Where no listener is written, one listens on loopback."""
    assert told(f'metrics "127.0.0.1:8080"\n{ROUTE}') == [("GWC315", '"127.0.0.1:8080"')]
    assert told(f'metrics "127.0.0.1:9100"\n{ROUTE}') == []


UPSTREAM = [
    ("tls", []),
    ('tls { server-name "a"; verify #false }', []),
    ('tls { certificate-file "a" }', [("GWC316", "certificate-file")]),
    ('tls { key-file "a" }', [("GWC316", "key-file")]),
    ('tls { ca-file "a"; verify #false }', [("GWC324", "ca-file")]),
    ('tls { ca-file "a"; verify #true }', []),
    ('target "unix:/run/x"; tls', [("GWC317", '"unix:/run/x"')]),
    ('target "unix:/run/x"; tls { verify #false }', []),
    ('target "unix:/run/x"; tls { server-name "a" }', []),
    ('names { least-ttl "1m"; most-ttl "1m" }', []),
    ('names { least-ttl "2m"; most-ttl "1m" }', [("GWC318", '"2m"')]),
    ('names { most-ttl "10ms" }', [("GWC318", '"10ms"')]),
]


@pytest.mark.parametrize(("said", "found"), UPSTREAM)
def test_rules_of_an_upstream(said: str, found: list[tuple[str, str]]) -> None:
    """A certificate has its key, what is verified has a name, bounds do not cross."""
    upstreams = f'upstreams {{ upstream "u" {{ target "h:1"; {said} }} }}'
    text = f'{ONE}{upstreams}\nroutes {{ route "r" {{ upstream "u" }} }}\n'
    assert told(text) == found


ROUTES = [
    ('upstream "u"; timeouts { request "1s" }; trailers { request "x" }', []),
    ('redirect host="x"; timeouts { request "1s" }', [("GWC324", "timeouts")]),
    ('respond; trailers { request "x" }', [("GWC324", "trailers")]),
    ('respond; limits { request-body "1B" }; reasons #true', []),
    ('builtin "echo"; limits { response-body "1B" }', [("GWC324", "response-body")]),
    ('builtin "echo"; rewrite path="/x"', [("GWC324", "rewrite")]),
    ('builtin "echo"; request-headers { remove "x" }', [("GWC324", "request-headers")]),
    ('builtin "echo"; response-headers { remove "x" }', []),
    ('builtin "echo"; respond', [("GWC320", "respond")]),
    ('upstream "u"; sticky "client-ip"', [("GWC324", "sticky")]),
    ('respond; sticky "client-ip"', [("GWC324", "sticky")]),
    ('split { upstream "u" }; sticky "client-ip"', []),
    ('split { upstream "u" }; sticky header="x" cookie="y"', [("GWC334", "cookie")]),
    ('upstream "u"; mirror "v"', []),
    ('upstream "u"; mirror "w"', [("GWC302", '"w"')]),
    ('upstream "u"; mirror "v"; mirror "v" share="1%"', [("GWC362", '"v"')]),
    ('upstream "u"; mirror "v" share="10"', [("GWC232", "10")]),
    ('upstream "u"; mirror "v" { timeout "0s" }', [("GWC235", "0s")]),
    ('upstream "u"; mirror "v" { most 0 }', [("GWC211", "0")]),
    ('respond; mirror "v"', [("GWC324", "mirror")]),
    ('upstream "u"; fallback "v"', []),
    ('upstream "u"; fallback "w"', [("GWC302", '"w"')]),
    ('upstream "u"; fallback "v" "v"', [("GWC362", '"v"')]),
    ('upstream "u"; fallback "v" "u"', [("GWC363", '"u"')]),
    ('split { upstream "u"; upstream "v" }; fallback "v" "u"', []),
    ('upstream "u"; fallback "v" { attempts 2 }', [("GWC364", "2")]),
    ('upstream "u"; fallback "v" { attempts 0 }', [("GWC211", "0")]),
    ('upstream "u"; fallback "v" { on "down" }', [("GWC212", '"down"')]),
    ('upstream "u"; fallback "v" { latency "0s" }', [("GWC235", "0s")]),
    ('upstream "u"; fallback', [("GWC205", "fallback")]),
    ('respond; fallback "v"', [("GWC324", "fallback")]),
    ('upstream "u"; retries 2', []),
    ("respond; retries 2", [("GWC324", "retries")]),
    ('upstream "u"; retries 2 { back-off "1s" }', [("GWC360", '"1s"')]),
    ('upstream "u"; retries 2 { back-off most="1ms" }', [("GWC360", '"1ms"')]),
    ('upstream "u"; retries 2 { back-off "1s" most="1s" }', []),
    ('upstream "u"; retries 2 { retry-after "1s" }', [("GWC361", "retry-after")]),
    ('upstream "u"; retries 2 { retry-after "1s"; header "x" }', []),
    ('upstream "u"; retries 11', [("GWC211", "11")]),
    ('upstream "u"; retries -1', [("GWC211", "-1")]),
    ('upstream "u"; retries "2"', [("GWC204", '"2"')]),
    ('upstream "u"; retries { on 503 }', [("GWC208", "retries")]),
    ('upstream "u"; retries 2 { on 302 }', [("GWC211", "302")]),
    ('upstream "u"; retries 2 { on "5xx" }', [("GWC212", '"5xx"')]),
    ('upstream "u"; retries 2 { budget "120%" }', [("GWC232", "120%")]),
    ('upstream "u"; retries 2 { body "0B" }', [("GWC236", "0B")]),
    ('upstream "u"; trailers { response "x" "Host" "TE" }', [("GWC333", '"Host"'), ("GWC333", '"TE"')]),
]


@pytest.mark.parametrize(("said", "found"), ROUTES)
def test_settings_have_an_effect_where_they_stand(said: str, found: list[tuple[str, str]]) -> None:
    """Written in the route itself, what its action has no use for is an error."""
    text = f'{ONE}{UPSTREAMS}routes {{ route "r" {{ {said} }} }}\n'
    assert [(code, place.partition("=")[0]) for code, place in told(text)] == found


@pytest.mark.parametrize("action", ["respond", 'builtin "ready"', 'redirect host="x"', 'upstream "u"'])
def test_inherited_settings_are_simply_unused(action: str) -> None:
    """A group's settings are for those of its routes that have a use for them."""
    said = 'sticky cookie="x"; timeouts { request "1s" }; trailers { request "x" }'
    said += '; limits { response-body "1B" }'
    routes = f'routes {{ group "g" {{ {said}; route "r" {{ {action} }} }} }}\n'
    assert told(f"{ONE}{UPSTREAMS}{routes}") == []
    assert told(f'{ONE}{UPSTREAMS}defaults {{ {said} }}\nroutes {{ route "r" {{ {action} }} }}\n') == []


def test_mistakes_of_defaults_are_told_once() -> None:
    """However many routes there are."""
    routes = "".join(
        f'route "r{number}" {{ matches {{ path "/{number}" }}; upstream "u" }}\n' for number in range(3)
    )
    text = f'{ONE}{UPSTREAMS}defaults {{ trailers {{ request "host" }} }}\nroutes {{ {routes} }}\n'
    assert told(text) == [("GWC333", '"host"')]


def test_an_inherited_action_of_the_gateways_own() -> None:
    """A group of `builtin` routes, one of which has an action of its own."""
    inner = 'route "a" { matches { path "/a" } }; route "b" { upstream "u" }'
    routes = f'routes {{ group "g" {{ builtin "health"; {inner} }} }}\n'
    result = compile_text(ONE + UPSTREAMS + routes, "kdl")
    assert result.table is not None
    assert [each.action for each in result.table.routes] == ["builtin", "upstream"]


AGENTS = [
    ('agents "waf"', []),
    ('agents "waf" "dlp"', []),
    ('agents "off"', []),
    ('agents "wav"', [("GWC386", '"wav"')]),
    ('agents "waf" "nobody"', [("GWC386", '"nobody"')]),
    ('agents "waf" "waf"', [("GWC387", '"waf"')]),
    ('agents "waf" "off"', [("GWC387", '"off"')]),
    ("agents", [("GWC208", "agents")]),
]


@pytest.mark.parametrize(("said", "found"), AGENTS)
def test_rules_of_a_list_of_agents(said: str, found: list[tuple[str, str]]) -> None:
    """Each is there, once; `off` stands alone."""
    agents = 'agents { agent "waf" { url "http://h/" }; agent "dlp" { url "http://h/" } }'
    assert told(f'{ONE}{agents}\nroutes {{ route "r" {{ {said}; respond }} }}\n') == found


AGENT = [
    ('agent "a" { url "http://h/"; timeout "0s" }', [("GWC235", "0s")]),
    ('agent "a" { url "h:80" }', [("GWC237", "h:80")]),
    ('agent "a" { timeout "1s" }', [("GWC462", '"a"')]),
    ('agent "a" { url "http://h/"; grpc "http://h" }', [("GWC462", "grpc")]),
    ('agent "a" { url "http://h/"; on-failure "maybe" }', [("GWC212", '"maybe"')]),
    ('agent "a" { url "http://h/"; breaker { failures 0 } }', [("GWC211", "0")]),
    ('agent "a" { url "http://h/"; sees "x-other" }', [("GWC212", '"x-other"')]),
    ('agent "a" { url "http://h/"; request-headers #false }', [("GWC389", '"a"')]),
    ('agent "a" { url "http://h/"; over "pass" }', [("GWC388", "over")]),
    ('agent "a" { url "http://h/"; inspect "1KiB" }', [("GWC388", "inspect")]),
    ('agent "a" { url "http://h/"; request-body "buffer"; inspect "1B" }', [("GWC236", "1B")]),
    ('agent "a" { url "http://h/"; request-body "all" }', [("GWC212", '"all"')]),
    ('agent "a" { url "http://h/"; request-headers #false; request-body "buffer" }', []),
    ('agent "off" { url "http://h/" }', [("GWC387", '"off"')]),
    ('agent "a" { url "http://h/" }; agent "a" { url "http://h/" }', [("GWC301", '"a"')]),
]


@pytest.mark.parametrize(("said", "found"), AGENT)
def test_rules_of_an_agent(said: str, found: list[tuple[str, str]]) -> None:
    """What cannot be is refused where it stands."""
    assert told(f'{ONE}agents {{ {said} }}\nroutes {{ route "r" {{ respond }} }}\n') == found
