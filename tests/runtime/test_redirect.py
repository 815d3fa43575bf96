"""Redirects: the Location, and the port in it row by row."""

from __future__ import annotations

from typing import Any

import pytest
from gwc.compiler.resolve.resolved import HeaderRules, Redirect
from gwc.runtime.decide import Decision, decide
from gwc.runtime.match import Match, match

from ..tables import block, head, route, settings, table


def redirect(**said: Any) -> Redirect:
    """A redirect that says only what it is told to."""
    base: dict[str, Any] = {
        "scheme": None,
        "host": None,
        "port": None,
        "kind": None,
        "path": "",
        "status": 302,
        "keep_query": True,
    }
    return Redirect(**{**base, **said})


def decided(
    action: Redirect,
    path: str = "/p/x",
    *,
    port: int | None = 8080,
    public_port: int | None = None,
    pattern: str = "/p",
    **request: Any,
) -> Decision:
    """What a route with this redirect answers."""
    made = table(
        route("r", block(None, pattern), action=action, response=HeaderRules(set=(("x", "${req.path}"),))),
        listeners=(settings(public_port=public_port),),
    )
    asked = head(path, **request)
    found = match(made, asked)
    assert isinstance(found, Match)
    return decide(made, asked, found, port=port)


# Gateway API, HTTPRequestRedirectFilter.port: an explicit port wins; else a given scheme's well-known port;
# else the listener's. Well-known ones are left out.
@pytest.mark.parametrize(
    ("scheme", "said", "port", "public", "authority"),
    [
        # an explicit port
        ("http", {"port": 8443}, 80, None, "http://a.test:8443"),
        ("http", {"port": 80}, 8080, None, "http://a.test"),
        ("https", {"port": 443}, 8443, None, "https://a.test"),
        ("http", {"port": 443}, 80, None, "http://a.test:443"),
        ("https", {"port": 80}, 443, None, "https://a.test:80"),
        ("http", {"scheme": "https", "port": 443}, 8080, None, "https://a.test"),
        ("http", {"scheme": "https", "port": 8443}, 80, 9000, "https://a.test:8443"),
        ("https", {"scheme": "http", "port": 80}, 443, None, "http://a.test"),
        ("https", {"scheme": "http", "port": 8080}, 443, None, "http://a.test:8080"),
        # a scheme and no port: the scheme's own
        ("http", {"scheme": "https"}, 8080, None, "https://a.test"),
        ("http", {"scheme": "http"}, 8080, None, "http://a.test"),
        ("https", {"scheme": "http"}, 8443, 9443, "http://a.test"),
        ("https", {"scheme": "https"}, 8443, None, "https://a.test"),
        # neither: the listener's
        ("http", {}, 80, None, "http://a.test"),
        ("http", {}, 8080, None, "http://a.test:8080"),
        ("http", {}, 443, None, "http://a.test:443"),
        ("https", {}, 443, None, "https://a.test"),
        ("https", {}, 8443, None, "https://a.test:8443"),
        ("https", {}, 80, None, "https://a.test:80"),
        # the port that clients see goes before the address's own
        ("http", {}, 8080, 80, "http://a.test"),
        ("https", {}, 8443, 443, "https://a.test"),
        ("http", {}, 80, 9000, "http://a.test:9000"),
        # a unix socket has no port
        ("http", {}, None, None, "http://a.test"),
        ("http", {}, None, 9000, "http://a.test:9000"),
        # another host keeps the rules
        ("http", {"host": "b.test"}, 8080, None, "http://b.test:8080"),
        ("http", {"host": "b.test", "scheme": "https"}, 8080, None, "https://b.test"),
        ("http", {"host": "b.test", "port": 8}, 8080, None, "http://b.test:8"),
    ],
)
def test_the_port(
    scheme: str, said: dict[str, Any], port: int | None, public: int | None, authority: str
) -> None:
    """Each row of the rules for scheme, host and port."""
    decision = decided(redirect(**said), port=port, public_port=public, scheme=scheme)
    assert decision.location == f"{authority}/p/x"


def test_the_clients_port_does_not_count() -> None:
    """The request's own Host port is not repeated: the listener's is."""
    assert decided(redirect(), port=8080, authority="a.test:1234").location == "http://a.test:8080/p/x"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, "http://a.test/p/x?q=1&q=%20"),
        ({"keep_query": False}, "http://a.test/p/x"),
        ({"kind": "full", "path": "/y"}, "http://a.test/y?q=1&q=%20"),
        ({"kind": "prefix", "path": "/new"}, "http://a.test/new/x?q=1&q=%20"),
        ({"kind": "prefix", "path": "/"}, "http://a.test/x?q=1&q=%20"),
    ],
)
def test_path_and_query(said: dict[str, Any], expected: str) -> None:
    """The path is as the request has it, or replaced; the query is kept unless it is stripped."""
    assert decided(redirect(**said), "/p/x?q=1&q=%20", port=80).location == expected


def test_status_and_response_headers() -> None:
    """The status is the one said; header rules for the response apply to the redirect."""
    decision = decided(redirect(status=308))
    assert (decision.kind, decision.status) == ("redirect", 308)
    assert decision.response_headers[0].set == (("x", "/p/x"),)


def test_without_a_host() -> None:
    """HTTP/1.0 without Host: a relative Location, in which the path cannot become a host."""
    assert decided(redirect(), host="").location == "/p/x"
    assert decided(redirect(), "//evil.test/x", host="", pattern="/").location == "/.//evil.test/x"
    assert decided(redirect(host="b.test"), host="", port=80).location == "http://b.test/p/x"


def test_ipv6() -> None:
    """An IPv6 host keeps its brackets."""
    assert decided(redirect(), host="[2001:db8::1]").location == "http://[2001:db8::1]:8080/p/x"
