"""`gwc explain`: the request, the decision, the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import SMALL, Gwc


def _decision(gwc: Gwc, *arguments: object, **options: Any) -> dict[str, Any]:
    result = gwc("explain", "--format", "json", *arguments, **options)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout)["decision"])


def test_a_rewritten_request(gwc: Gwc, small: Path) -> None:
    """The winner, its captures, and the request as the upstream sees it."""
    decision = _decision(gwc, "-c", small, "GET", "http://API.example.com:8080/users/%37?a=b")
    assert decision["kind"] == "upstream"
    assert (decision["route"], decision["match"], decision["upstream"]) == ("user", 1, "users")
    assert decision["captures"] == {"id": "7"}
    assert (decision["path"], decision["query"], decision["host"]) == (
        "/v2/users/7",
        "a=b",
        "api.example.com:8080",
    )
    assert decision["request_headers"]["set"] == {"x-user": "7"}


def test_the_others_say_what_failed_first(gwc: Gwc, small: Path) -> None:
    """Runners-up name the first predicate, in written order, that did not hold."""
    result = gwc("explain", "-c", small, "--format", "json", "DELETE", "http://api.example.com/orders/1")
    shown = json.loads(result.stdout)
    assert shown["decision"]["kind"] == "not-found"
    failed = {each["route"]: each["failed"] for each in shown["candidates"]}
    assert failed["orders"] == 'method "GET" "POST"'
    assert failed["user"] == 'path-template "/users/{id}"'


def test_the_method_is_taken_as_typed(gwc: Gwc, small: Path) -> None:
    """`get` is not `GET`."""
    assert _decision(gwc, "-c", small, "get", "http://api.example.com/orders")["kind"] == "not-found"
    assert _decision(gwc, "-c", small, "GET", "http://api.example.com/orders")["kind"] == "upstream"


def test_a_refused_request_is_a_decision(gwc: Gwc, small: Path) -> None:
    """A request that is rejected before matching is exit code 0, with status and reason."""
    decision = _decision(gwc, "-c", small, "GET", "http://api.example.com/a%2Fb")
    assert (decision["kind"], decision["status"], decision["reason"]) == (
        "rejected",
        400,
        "path-encoded-slash",
    )
    assert _decision(gwc, "-c", small, "TRACE", "http://api.example.com/")["status"] == 405


def test_text_for_people(gwc: Gwc, small: Path) -> None:
    """The text form says request, decision and the others."""
    text = gwc("explain", "-c", small, "GET", "http://api.example.com/orders/1").stdout
    assert "GET http://api.example.com/orders/1" in text
    assert "to upstream `orders`" in text
    assert 'no: path-template "/users/{id}"' in text


def test_control_characters_never_reach_the_terminal(gwc: Gwc, small: Path) -> None:
    """An escape sequence in a header or path is shown, not sent."""
    text = gwc("explain", "-c", small, "GET", "http://api.example.com/\x1b[31m").stdout
    assert "\x1b" not in text


LISTENERS = """\
listeners {
    listener "a" { address "127.0.0.1:8080"; host "a.example.com" }
    listener "b" { address "127.0.0.1:8080"; host "b.example.com" }
    listener "tls" { address "127.0.0.1:8443"; tls { certificate "c.pem" } }
    listener "tls-sub" { address "127.0.0.1:8443"; tls { certificate "c.pem" }; host "sub.example.com" }
    listener "far" { address "127.0.0.1:9000"; public-port 443; tls { certificate "c.pem" } }
}
routes {
    route "a" { matches { listener "a" }; respond status=201 }
    route "b" { matches { listener "b" }; respond status=202 }
    route "tls" { matches { listener "tls" }; redirect host="other.example.com" }
    route "far" { matches { listener "far" }; redirect host="other.example.com" }
}
"""


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """Several listeners on three addresses."""
    path = tmp_path / "gwc.kdl"
    path.write_text(LISTENERS)
    return path


def test_the_address_is_that_of_port_and_scheme(gwc: Gwc, several: Path) -> None:
    """Of several addresses the URL's port and scheme pick one, and host scopes the listener on it."""
    assert _decision(gwc, "-c", several, "GET", "http://a.example.com:8080/")["status"] == 201
    assert _decision(gwc, "-c", several, "GET", "http://b.example.com:8080/")["status"] == 202
    none = _decision(gwc, "-c", several, "GET", "http://c.example.com:8080/")
    assert (none["kind"], none["status"]) == ("not-found", 404)


def test_an_address_that_cannot_be_told_is_exit_code_2(gwc: Gwc, several: Path) -> None:
    """No address has the port: the listeners are named."""
    result = gwc("explain", "-c", several, "GET", "http://a.example.com:1234/")
    assert result.exit_code == 2
    assert "--listener a" in result.output


def test_addresses_with_the_same_listeners_are_one(gwc: Gwc, tmp_path: Path) -> None:
    """A listener for IPv4 and IPv6 has two addresses, and any will do; only real choices are shown."""
    path = tmp_path / "gwc.kdl"
    path.write_text(
        'listeners { listener "a" { address "0.0.0.0:80" "[::]:80" }\n'
        'listener "b" { address "0.0.0.0:81" }; listener "c" { address "[::]:81" } }\n'
        'routes { route "r" { respond status=299 } }\n'
    )
    assert _decision(gwc, "-c", path, "GET", "http://x/")["listener"] == "a"
    result = gwc("explain", "-c", path, "GET", "http://x:81/")
    assert result.exit_code == 2
    assert "--listener b" in result.output
    assert "--listener a" not in result.output


def test_listener_names_the_address_and_scopes_decide(gwc: Gwc, several: Path) -> None:
    """--listener a with b's host: the request came in by a's address, and b takes it."""
    decision = _decision(gwc, "-c", several, "--listener", "a", "GET", "http://b.example.com/")
    assert (decision["listener"], decision["status"]) == ("b", 202)
    unknown = gwc("explain", "-c", several, "--listener", "tlss", "GET", "http://b.example.com/")
    assert unknown.exit_code == 2
    assert "did you mean `tls`?" in unknown.output


def test_the_server_name(gwc: Gwc, several: Path) -> None:
    """--sni that belongs to another listener than the host: 421; by default it is the URL's host."""
    url = "https://sub.example.com:8443/"
    assert _decision(gwc, "-c", several, "GET", url)["listener"] == "tls-sub"
    assert _decision(gwc, "-c", several, "--sni", "x.example.com", "GET", url)["status"] == 421


def test_the_port_of_a_redirect(gwc: Gwc, several: Path) -> None:
    """Without a port of its own: the listener's address, or its public port, 443 left out."""
    tls = _decision(gwc, "-c", several, "GET", "https://x.example.com:8443/p?q=1")
    assert (tls["status"], tls["location"]) == (302, "https://other.example.com:8443/p?q=1")
    far = _decision(gwc, "-c", several, "--listener", "far", "GET", "https://x.example.com/p")
    assert far["location"] == "https://other.example.com/p"


def test_a_body_gives_late_coordinates(gwc: Gwc, tmp_path: Path) -> None:
    """--body is read for `model`, `stream` and `tools`."""
    path = tmp_path / "gwc.kdl"
    path.write_text('routes { route "m" { matches { model "gpt-*" }; respond status=299 } }')
    url = "http://127.0.0.1:8080/v1/chat/completions"
    assert _decision(gwc, "-c", path, "--body", "-", "POST", url, stdin='{"model": "gpt-5"}')["status"] == 299
    assert _decision(gwc, "-c", path, "POST", url)["kind"] == "not-found"


def test_a_broken_configuration_is_exit_code_1(gwc: Gwc, small: Path) -> None:
    """explain needs a table: errors go to stderr."""
    small.write_text(SMALL.replace("path-prefix", "path-prefx"))
    result = gwc("explain", "-c", small, "GET", "http://api.example.com/")
    assert result.exit_code == 1
    assert "did you mean `path-prefix`?" in result.stderr
    assert result.stdout == ""


def test_a_built_table_answers_too(gwc: Gwc, small: Path, tmp_path: Path) -> None:
    """`-c FILE` may be what `gwc build` wrote, and gives the same answer."""
    table = tmp_path / "small.table"
    assert gwc("build", small, "-o", table).exit_code == 0
    url = "http://api.example.com/users/7"
    assert _decision(gwc, "-c", table, "GET", url) == _decision(gwc, "-c", small, "GET", url)


@pytest.mark.parametrize("url", ["/path", "ftp://x/", "x.example.com"])
def test_what_is_no_url_is_a_usage_error(gwc: Gwc, small: Path, url: str) -> None:
    """A URL has a scheme and a host."""
    assert gwc("explain", "-c", small, "GET", url).exit_code == 2


def test_every_line_of_a_reply_is_shown(gwc: Gwc, tmp_path: Path) -> None:
    """Two fields of one name, such as `set-cookie`, stay two."""
    path = tmp_path / "gwc.kdl"
    path.write_text(
        'routes { route "r" { respond { header "set-cookie" "a=1"; header "set-cookie" "b=2" } } }'
    )
    url = "http://127.0.0.1:8080/"
    assert _decision(gwc, "-c", path, "GET", url)["headers"] == [["set-cookie", "a=1"], ["set-cookie", "b=2"]]
    text = gwc("explain", "-c", path, "GET", url).stdout
    assert "set-cookie: a=1" in text
    assert "set-cookie: b=2" in text


def test_text_beyond_ascii_is_shown_as_it_was_written(gwc: Gwc, tmp_path: Path) -> None:
    """Values of the configuration and of the request are UTF-8 for people, whatever the matcher compares."""
    path = tmp_path / "gwc.kdl"
    path.write_text(
        'upstreams { upstream "u" { target "127.0.0.1:1" } }\n'
        'routes { route "r" { upstream "u"; request-headers { set "x-a" "Zoë ${req.header.x-b}" } } }'
    )
    url = "http://127.0.0.1:8080/"
    decision = _decision(gwc, "-c", path, "-H", "x-b: Łódź", "GET", url)
    assert decision["request_headers"]["set"] == {"x-a": "Zoë Łódź"}
    shown = json.loads(gwc("explain", "-c", path, "-H", "x-b: Łódź", "--format", "json", "GET", url).stdout)
    assert shown["request"]["headers"] == {"x-b": "Łódź"}
    assert "set x-a: Zoë Łódź" in gwc("explain", "-c", path, "-H", "x-b: Łódź", "GET", url).stdout


def test_options_asterisk_needs_no_host(gwc: Gwc, small: Path) -> None:
    """`OPTIONS *` is answered by the gateway itself."""
    decision = _decision(gwc, "-c", small, "OPTIONS", "*")
    assert (decision["kind"], decision["status"]) == ("respond", 204)


def test_options_asterisk_of_several_addresses(gwc: Gwc, several: Path) -> None:
    """It has no port that could pick an address, so one has to be named."""
    assert "there are several listeners" in gwc("explain", "-c", several, "OPTIONS", "*").output
    assert _decision(gwc, "-c", several, "--listener", "a", "OPTIONS", "*")["status"] == 204


def test_every_decision_has_the_same_keys(gwc: Gwc, several: Path) -> None:
    """Whoever reads the JSON asks for a key without asking whether it is there."""
    keys = {
        *("kind", "listener", "route", "match", "status", "upstream", "location", "host", "path", "query"),
        *("captures", "request_headers", "response_headers"),
    }
    for url in ("http://a.example.com:8080/", "http://c.example.com:8080/", "http://a.example.com:8080/%2F"):
        decision = _decision(gwc, "-c", several, "GET", url)
        assert keys <= set(decision)
        assert set(decision["request_headers"]) >= {"set", "add", "remove"}


def test_a_part_that_adds_what_the_route_removes(gwc: Gwc, tmp_path: Path) -> None:
    """The client's line is gone, so the part's is the only one; what the route adds the part adds to."""
    path = tmp_path / "gwc.kdl"
    path.write_text(
        'upstreams { upstream "u" { target "127.0.0.1:1" } }\n'
        'routes { route "r" { request-headers { remove "x"; add "y" "1" }\n'
        '  split { upstream "u" { request-headers { add "x" "1"; add "x" "2"; add "y" "2" } } } } }\n'
    )
    (part,) = _decision(gwc, "-c", path, "GET", "http://127.0.0.1:8080/")["parts"]
    assert part["request_headers"] == {
        "rename": {},
        "set": {"x": "1"},
        "add": {"x": ["2"], "y": ["1", "2"]},
        "remove": [],
    }
