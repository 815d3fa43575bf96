"""The gateway's keys on the command line: explain, routes, config, convert, fmt, overlays, flags."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gwc.compiler.pipeline import compile_path

from .conftest import Gwc

EVERYTHING = Path(__file__).resolve().parents[1] / "golden" / "cases" / "gateway_clean" / "gwc.kdl"

SMALL = """\
listeners { listener "a" { address "127.0.0.1:8080"; limits { target "256B" } } }
upstreams {
    upstream "u" { target "h:1"; timeouts { request "2m"; connect "1s" } }
    upstream "v" { target "h:2" }
}
defaults { timeouts { idle "off" }; limits { request-body "1MiB" } }
routes {
    route "one" { matches { path "/one" }; upstream "u"; timeouts { per-try "10s" } }
    route "both" { matches { path "/both" }; split { upstream "u"; upstream "v" }; sticky header="x-user" }
    route "health" { matches { path "/health" }; builtin "health" }
}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A small configuration."""
    path = tmp_path / "gwc.kdl"
    path.write_text(SMALL)
    return path


def decision(gwc: Gwc, config: Path, path: str) -> dict[str, Any]:
    """What `explain` says of a GET."""
    result = gwc("explain", "-c", config, "--format", "json", "GET", f"http://localhost:8080{path}")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout)["decision"])


def values(gwc: Gwc, config: Path, *arguments: str) -> dict[str, tuple[Any, str]]:
    """What `config` says is in force, with the layer that set it."""
    result = gwc("config", "-c", config, "--format", "json", *arguments)
    assert result.exit_code == 0, result.output
    return {each["path"]: (each["value"], each["layer"]) for each in json.loads(result.stdout)["values"]}


def test_explain_shows_what_is_in_force(gwc: Gwc, config: Path) -> None:
    """A route's timeouts before its upstream's; null is no limit."""
    shown = decision(gwc, config, "/one")["settings"]
    assert shown == {
        "request_ms": 120_000,
        "per_try_ms": 10_000,
        "connect_ms": 1000,
        "first_byte_ms": 60_000,
        "idle_ms": None,
        "stream_idle_ms": 300_000,
        "drain_streams_ms": None,
        "request_body_bytes": 1 << 20,
        "response_body_bytes": None,
        "request_trailers": [],
        "response_trailers": [],
        "sticky": None,
        "websocket": None,
        "protocol": "http1",
        "egress_proxy": None,
    }
    text = gwc("explain", "-c", config, "GET", "http://localhost:8080/one").stdout
    assert (
        "timeouts: request 2m, try 10s, connect 1s, first byte 1m; "
        "request body up to 1MiB, reply body of any size\n" in text
    )


def test_explain_shows_what_differs_between_parts(gwc: Gwc, config: Path) -> None:
    """Each part of a split has the timeouts of its own upstream."""
    shown = decision(gwc, config, "/both")
    assert shown["settings"]["sticky"] == "header x-user"
    assert [part["settings"]["request_ms"] for part in shown["parts"]] == [120_000, 3_600_000]
    text = gwc("explain", "-c", config, "GET", "http://localhost:8080/both").stdout
    assert "request 2m" in text
    assert "request 1h" in text
    assert "sticky by header x-user" in text


def test_explain_shows_further_tries(gwc: Gwc, tmp_path: Path) -> None:
    """How many, after what, and what else is said of them."""
    path = tmp_path / "gwc.kdl"
    path.write_text(
        'upstreams { upstream "u" { target "127.0.0.1:9" } }\n'
        'routes { route "one" { matches { path "/one" }; upstream "u"\n'
        '  retries 2 { on "reset" 503; header "x-again" "1"; budget "20%" } }\n'
        '  route "none" { matches { path "/none" }; upstream "u"; retries 0 } }\n'
    )
    shown = decision(gwc, path, "/one")["settings"]["retries"]
    assert shown == {
        "times": 2,
        "on": ["reset", 503],
        "headers": ["x-again: 1"],
        "first_ms": 25,
        "most_ms": 250,
        "retry_after_ms": None,
        "body_bytes": 65_536,
        "methods": ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"],
        "budget": {"share": "20%", "least": 10},
    }
    text = gwc("explain", "-c", path, "GET", "http://localhost:8080/one").stdout
    assert "; 2 more tries on reset, 503, `x-again: 1`\n" in text
    text = gwc("explain", "-c", path, "GET", "http://localhost:8080/none").stdout
    assert "; no more tries\n" in text
    found = values(gwc, path)
    assert found["routes.one.retries.on[1]"] == (503, "file")
    assert found["routes.none.retries.times"] == (0, "file")


def test_explain_shows_copies(gwc: Gwc, tmp_path: Path) -> None:
    """Where they go, and of which requests."""
    path = tmp_path / "gwc.kdl"
    path.write_text(
        'upstreams { upstream "u" { target "127.0.0.1:9" }; upstream "v" { target "127.0.0.1:9" } }\n'
        'routes { route "one" { matches { path "/one" }; upstream "u"\n'
        '  mirror "v" share="5%" { header "x-copy" "yes" } } }\n'
    )
    (shown,) = decision(gwc, path, "/one")["settings"]["mirrors"]
    assert (shown["upstream"], shown["share"], shown["headers"]) == ("v", "5%", ["x-copy: yes"])
    text = gwc("explain", "-c", path, "GET", "http://localhost:8080/one").stdout
    assert "; copies: 5% to v with `x-copy: yes`\n" in text
    found = values(gwc, path)
    assert found["routes.one.mirror.v.share"] == ("5%", "file")
    assert "upstream `v`" not in gwc("check", path).output


def test_explain_shows_the_fallback(gwc: Gwc, tmp_path: Path) -> None:
    """Which upstreams are turned to, and after what."""
    path = tmp_path / "gwc.kdl"
    path.write_text(
        'upstreams { upstream "u" { target "127.0.0.1:9" }; upstream "v" { target "127.0.0.1:9" } }\n'
        'routes { route "one" { matches { path "/one" }; upstream "u"; fallback "v" { latency "2s" } } }\n'
    )
    shown = decision(gwc, path, "/one")["settings"]["fallback"]
    assert (shown["upstreams"], shown["latency_ms"], shown["attempts"]) == (["v"], 2000, 1)
    text = gwc("explain", "-c", path, "GET", "http://localhost:8080/one").stdout
    assert "; fallback to v on no-target, connect-failure, reset, timeout, no head within 2s\n" in text
    assert values(gwc, path)["routes.one.fallback.upstream[0]"] == ("v", "file")


def test_explain_and_routes_know_builtins(gwc: Gwc, config: Path) -> None:
    """The kind and the name; nothing is sent anywhere."""
    shown = decision(gwc, config, "/health")
    assert (shown["kind"], shown["builtin"], shown["settings"], shown["upstream"]) == (
        "builtin",
        "health",
        None,
        None,
    )
    text = gwc("explain", "-c", config, "GET", "http://localhost:8080/health").stdout
    assert "answered by the gateway's `health`" in text
    assert "builtin health" in gwc("routes", "-c", config).stdout


def test_explain_has_the_listeners_limits(gwc: Gwc, config: Path) -> None:
    """A target that the gateway would refuse is refused."""
    assert decision(gwc, config, f"/{'a' * 255}")["reason"] is None
    refused = decision(gwc, config, f"/{'a' * 256}")
    assert (refused["status"], refused["reason"]) == (414, "target-length")


def test_config_shows_settings_and_defaults(gwc: Gwc, config: Path) -> None:
    """Inherited and default values; what an action has no use for is not in force."""
    found = values(gwc, config)
    assert found["routes.one.timeouts.idle"] == ("off", "file")
    assert found["routes.one.timeouts.per-try"] == ("10s", "file")
    assert "routes.one.timeouts.request" not in found
    assert found["routes.one.limits.response-body"] == ("off", "default")
    assert found["routes.both.sticky.header"] == ("x-user", "file")
    assert found["routes.health.builtin"] == ("health", "file")
    assert found["routes.health.limits.request-body"] == ("1MiB", "file")
    assert not any(path.startswith("routes.health.timeouts") for path in found)
    assert found["upstreams.u.timeouts.connect"] == ("1s", "file")
    assert found["upstreams.v.timeouts.connect"] == ("5s", "default")
    assert found["listeners.a.limits.target"] == ("256B", "file")
    assert found["listeners.a.timeouts.idle"] == ("60s", "default")
    assert found["access-log.path"] == ("stdout", "default")
    assert found["watch"] == (True, "default")


FLAGS = [
    ("workers=3", "workers", 3),
    ("watch=false", "watch", False),
    ("connections=off", "connections", "off"),
    ("connections=7", "connections", 7),
    ("admin=off", "admin.address", "off"),
    ("admin.address=127.0.0.1:9901", "admin.address", "127.0.0.1:9901"),
    ("metrics=127.0.0.1:9100", "metrics.address", "127.0.0.1:9100"),
    ("access-log.sample=5%", "access-log.sample", "5%"),
    ("tracing.endpoint=http://a:1", "tracing.endpoint", "http://a:1"),
    ("listeners.a.limits.fields=9", "listeners.a.limits.fields", 9),
    ("upstreams.u.tls.server-name=a.b", "upstreams.u.tls.server-name", "a.b"),
    ("upstreams.u.timeouts.connect=3s", "upstreams.u.timeouts.connect", "3s"),
    ("routes.one.timeouts.request=3s", "routes.one.timeouts.request", "3s"),
    ("routes.one.limits.request-body=off", "routes.one.limits.request-body", "off"),
    ("routes.both.sticky=client-ip", "routes.both.sticky.by", "client-ip"),
    ("routes.both.trailers.response=a,b", "routes.both.trailers.response[1]", "b"),
    ("routes.health.builtin=ready", "routes.health.builtin", "ready"),
    ("routes.one.builtin=echo", "routes.one.builtin", "echo"),
]  # fmt: skip


@pytest.mark.parametrize(("flag", "path", "value"), FLAGS)
def test_flags_and_variables_set_the_new_keys(
    gwc: Gwc, config: Path, monkeypatch: pytest.MonkeyPatch, flag: str, path: str, value: Any
) -> None:
    """Every kind of key, there before or not; `config` says which layer it was."""
    if flag.startswith("routes.one.builtin"):  # a setting beside it would be without an effect
        config.write_text(SMALL.replace('; timeouts { per-try "10s" }', ""))
    assert values(gwc, config, "--set", flag)[path] == (value, "flag")
    name, _, text = flag.partition("=")
    monkeypatch.setenv("GWC_SET__" + name.upper().replace(".", "__").replace("-", "_"), text)
    assert values(gwc, config)[path] == (value, "environment")


def test_an_overlay_changes_the_gateway(gwc: Gwc, config: Path, tmp_path: Path) -> None:
    """Values are replaced, blocks merged key by key, new ones added; the rest stays."""
    config.write_text(f'workers 2\naccess-log {{ path "/l"; format "text" }}\n{SMALL}')
    over = tmp_path / "prod.kdl"
    over.write_text(
        'workers 8\nwatch #false\nadmin "off"\naccess-log { sample "1%" }\n'
        'upstreams { upstream "u" { tls { server-name "a.b" }; timeouts { request "9s" } } }\n'
        'routes { route "one" { timeouts { request "5s"; per-try "1s" } } }\n'
    )
    found = values(gwc, config, "--overlay", str(over))
    assert found["workers"] == (8, "overlay")
    assert found["watch"] == (False, "overlay")
    assert found["admin.address"] == ("off", "overlay")
    assert found["access-log.path"] == ("/l", "file")
    assert found["access-log.sample"] == ("1%", "overlay")
    assert found["upstreams.u.tls.server-name"] == ("a.b", "overlay")
    assert found["upstreams.u.timeouts.request"] == ("9s", "overlay")
    assert found["upstreams.u.timeouts.connect"] == ("1s", "file")
    assert found["routes.one.timeouts.per-try"] == ("1s", "overlay")


def test_overlays_complete_each_other(gwc: Gwc, config: Path, tmp_path: Path) -> None:
    """A part may come before what it is a part of; alone it is told as one."""
    part, whole = tmp_path / "part.kdl", tmp_path / "whole.kdl"
    part.write_text('tracing { sample "5%" }\n')
    whole.write_text('tracing { endpoint "http://a:1" }\n')
    found = values(gwc, config, "--overlay", str(part), "--overlay", str(whole))
    assert found["tracing.sample"] == ("5%", "overlay")
    alone = gwc("check", config, "--overlay", part)
    assert alone.exit_code == 1
    assert "GWC246" in alone.output
    assert "GWC246" in gwc("check", config, "--set", "tracing.sample=5%").output


def test_everything_in_both_syntaxes_makes_one_table(gwc: Gwc, tmp_path: Path) -> None:
    """Converted to YAML and back, every key says the same; fmt changes no meaning."""
    first = compile_path(EVERYTHING).table
    assert first is not None
    written = gwc("convert", EVERYTHING, "--to", "yaml").stdout
    yaml = tmp_path / "gwc.yaml"
    yaml.write_text(written)
    assert compile_path(yaml).table == first
    kdl = tmp_path / "again" / "gwc.kdl"
    kdl.parent.mkdir()
    kdl.write_text(gwc("convert", yaml, "--to", "kdl").stdout)
    assert compile_path(kdl).table == first
    kdl.write_text(EVERYTHING.read_text())
    assert gwc("fmt", kdl).exit_code == 0
    assert compile_path(kdl).table == first
    assert gwc("fmt", "--check", kdl).exit_code == 0


def test_zero_is_no_way_to_say_off(gwc: Gwc, config: Path) -> None:
    """The help names the word."""
    for flag in ("routes.one.timeouts.request=0s", "routes.one.limits.request-body=0B", "connections=0"):
        result = gwc("check", config, "--set", flag)
        assert result.exit_code == 1
        assert "`off`" in result.output
