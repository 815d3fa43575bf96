"""Rows for `test_keys.py`: every key of the language, said somewhere, and what comes of it.

Owns the rows and the little configurations that they stand in. A key that several objects share by meaning
the same has one row for all (`SHARED`).
"""

from __future__ import annotations

from typing import Any

from gwc.compiler.validate.shape import ROOT
from gwc.schema.policies.mirror import MirrorRecord

from .access_rows import ACCESS, CERTIFICATES

TLS = 'tls { certificate "c.pem" key="c.key" }'
CLIENTS = 'client-certificates "required"; ca-file "ca.pem"'
LISTENER = 'listeners { listener "a" { address "127.0.0.1:8080" } }\n'
UPSTREAMS = 'upstreams { upstream "u" { target "h:1" }; upstream "v" { target "h:2" } }\n'
ROUTE = 'routes { route "r" { respond } }\n'
SPLIT = 'split { upstream "u"; upstream "v" }'

SECRET = "0123456789abcdef"


def of_gateway(said: str) -> str:
    """A configuration with something said of the gateway."""
    return f"{said}\n{LISTENER}{ROUTE}"


def of_listener(said: str) -> str:
    """A listener with something more."""
    return f'listeners {{ listener "a" {{ address "127.0.0.1:8080"; {said} }} }}\n{ROUTE}'


def _tls(said: str) -> str:
    """TLS with something more."""
    return f'tls {{ certificate "c.pem" key="c.key"; {said} }}'


def of_upstream(said: str) -> str:
    """An upstream with something more."""
    route = 'routes { route "r" { upstream "u" } }'
    return f'{LISTENER}upstreams {{ upstream "u" {{ target "h:1"; {said} }} }}\n{route}\n'


def of_route(said: str) -> str:
    """A route with nothing but what is said, beside a matcher."""
    return f'{LISTENER}{UPSTREAMS}matcher "m" {{ path "/m" }}\nroutes {{ route "r" {{ {said} }} }}\n'


def of_agent(said: str) -> str:
    """An agent with something more, and a route that has it."""
    where = "" if "grpc" in said else 'url "http://127.0.0.1:9200/"; '
    agent = f'agents {{ agent "a" {{ {where}{said} }} }}'
    return f'{LISTENER}{agent}\nroutes {{ route "r" {{ agents "a"; respond }} }}\n'


Row = tuple[str, str, str, str, Any]
"""(object, key, what is said, field of the record, what it holds)."""

GATEWAY: list[Row] = [
    (ROOT, "workers", "workers 4", "workers", 4),
    (ROOT, "connections", "connections 20000", "connections", 20000),
    (ROOT, "connections", 'connections "off"', "connections", 0),
    (ROOT, "drain-timeout", 'drain-timeout "1m30s"', "drain_ms", 90_000),
    (ROOT, "state-dir", 'state-dir "/var/lib/gwc"', "state_dir", "/var/lib/gwc"),
    (ROOT, "watch", "watch #false", "watch", False),
    (ROOT, "admin", 'admin "off"', "admin", None),
    (ROOT, "admin", "", "admin", "unix:"),
    (ROOT, "metrics", 'metrics "127.0.0.1:9100"', "metrics", "127.0.0.1:9100"),
    (ROOT, "metrics", 'metrics "off"', "metrics", None),
    (ROOT, "access-log", 'access-log { path "off" }', "access_log.path", None),
    ("access-log", "path", 'access-log { path "/l" }', "access_log.path", "/l"),
    (
        "access-log",
        "format",
        'access-log { format "text" }',
        "access_log",
        ("stdout", "text", 1_000_000, "info"),
    ),
    ("access-log", "sample", 'access-log { sample "10%" }', "access_log.sample", 100_000),
    (ROOT, "error-log", 'error-log { path "stdout" }', "error_log.path", "stdout"),
    ("error-log", "path", 'error-log { path "/l" }', "error_log.path", "/l"),
    ("error-log", "format", 'error-log { format "text" }', "error_log.format", "text"),
    ("error-log", "level", 'error-log { level "debug" }', "error_log.level", "debug"),
    (ROOT, "audit-log", 'audit-log { path "off" }', "audit_log.path", None),
    ("audit-log", "path", 'audit-log { path "/l" }', "audit_log.path", "/l"),
    ("audit-log", "format", 'audit-log { format "text" }', "audit_log.format", "text"),
    (ROOT, "tracing", "", "tracing", None),
    ("tracing", "endpoint", 'tracing { endpoint "http://a:1" }', "tracing", ("http://a:1", 10_000, "gwc")),
    (
        "tracing",
        "sample",
        'tracing { endpoint "http://a:1"; sample "5%" }',
        "tracing",
        ("http://a:1", 50_000, "gwc"),
    ),
    (
        "tracing",
        "service",
        'tracing { endpoint "http://a:1"; service "s" }',
        "tracing",
        ("http://a:1", 10_000, "s"),
    ),
    ("own-listener", "address", 'admin { address "[0::1]:9901" }', "admin", "[::1]:9901"),
]

LISTENERS: list[Row] = [
    ("listener", "proxy-protocol", "proxy-protocol #true", "proxy_protocol", True),
    ("listener", "limits", 'limits { connections "off" }', "limits", (8192, 100, 16384, 65536, 0, 0)),
    ("listener", "http2", "http2 { enabled #false }", "http2.enabled", False),
    ("listener-http2", "enabled", "http2 { enabled #false }", "http2.enabled", False),
    ("listener-http2", "streams", "http2 { streams 7 }", "http2.streams", 7),
    ("listener-http2", "header-list", 'http2 { header-list "1KiB" }', "http2.header_list_bytes", 1024),
    ("listener-http2", "window", 'http2 { window "1KiB" }', "http2.window_bytes", 1024),
    (
        "listener-http2",
        "connection-window",
        'http2 { connection-window "2MiB" }',
        "http2.connection_window_bytes",
        2 << 20,
    ),
    ("listener-http2", "resets", "http2 { resets 7 }", "http2.resets", 7),
    ("listener", "timeouts", 'timeouts { age "off" }', "timeouts", (10_000, 60_000, 60_000, 60_000, 0, 1024)),
    ("listener", "redirect-to-https", "redirect-to-https #true", "redirect_port", 443),
    ("listener", "hsts", f"{TLS}; hsts", "hsts", "max-age=31536000"),
    ("hsts", "max-age", f'{TLS}; hsts max-age="1h"', "hsts", "max-age=3600"),
    ("hsts", "subdomains", f"{TLS}; hsts subdomains=#true", "hsts", "max-age=31536000; includeSubDomains"),
    ("hsts", "preload", f"{TLS}; hsts preload=#true", "hsts", "max-age=31536000; preload"),
    ("listener-tls", "certificates", TLS, "secure.certificates", (("c.pem", "c.key"),)),
    ("certificate", "certificate", 'tls { certificate "a" }', "secure.certificates", (("a", "a"),)),
    ("certificate", "key", 'tls { certificate "a" key="b" }', "secure.certificates", (("a", "b"),)),
    ("listener-tls", "min-version", _tls('min-version "1.3"'), "secure.min_version", "1.3"),
    ("listener-tls", "client-certificates", _tls(CLIENTS), "secure.client_certificates", "required"),
    ("listener-tls", "ca-file", _tls(CLIENTS), "secure.ca_file", "ca.pem"),
    ("listener-tls", "handshake-timeout", _tls('handshake-timeout "5s"'), "secure.handshake_ms", 5000),
    ("listener-tls", "handshakes", _tls("handshakes 7"), "secure.handshakes", 7),
    ("listener-limits", "target", 'limits { target "1KiB" }', "limits.target_bytes", 1024),
    ("listener-limits", "fields", "limits { fields 7 }", "limits.fields", 7),
    ("listener-limits", "field", 'limits { field "2KB" }', "limits.field_bytes", 2000),
    ("listener-limits", "head", 'limits { head "1MiB" }', "limits.head_bytes", 1 << 20),
    ("listener-limits", "connections", "limits { connections 7 }", "limits.connections", 7),
    (
        "listener-limits",
        "connections-per-ip",
        "limits { connections-per-ip 7 }",
        "limits.connections_per_ip",
        7,
    ),
    ("listener-timeouts", "head", 'timeouts { head "1s" }', "timeouts.head_ms", 1000),
    ("listener-timeouts", "idle", 'timeouts { idle "1s" }', "timeouts.idle_ms", 1000),
    ("listener-timeouts", "body", 'timeouts { body "1s" }', "timeouts.body_ms", 1000),
    ("listener-timeouts", "send", 'timeouts { send "1s" }', "timeouts.send_ms", 1000),
    ("listener-timeouts", "age", 'timeouts { age "1s" }', "timeouts.age_ms", 1000),
    ("listener-timeouts", "body-rate", 'timeouts { body-rate "10B" }', "timeouts.body_rate_bytes", 10),
]

UPSTREAM: list[Row] = [
    ("upstream", "tls", "tls", "tls", (None, None, None, None, True)),
    ("upstream", "tls", "", "tls", None),
    (
        "upstream",
        "connections",
        'connections { idle "off" }',
        "connections",
        (1024, 1024, 5000, 0, 30_000, 3_600_000),
    ),
    ("upstream", "timeouts", 'timeouts { request "off" }', "timeouts", (5000, 60_000, 60_000, 0)),
    ("upstream", "protocol", 'protocol "http2"', "protocol", "http2"),
    ("upstream", "names", 'names { family "ipv6" }', "names", (1000, 300_000, 5000, "ipv6")),
    ("upstream", "balance", 'balance "latency"', "choosing.balance", ("latency", "", "")),
    ("upstream", "balance", 'balance "round-robin"', "choosing", None),
    (
        "upstream",
        "sticky-cookie",
        f'sticky-cookie {{ secret "{SECRET}" }}',
        "choosing.sticky_cookie",
        (SECRET, "gwc-target", 0),
    ),
    ("upstream", "slow-start", 'slow-start "7s"', "choosing.slow_start_ms", 7000),
    ("upstream", "ejection", 'ejection { requests 7; error-share "1%" }', "choosing.ejection.requests", 7),
    (
        "upstream",
        "breaker",
        "breaker { failures 7 }",
        "choosing.breaker",
        (7, 30_000, 3, ((500, 599),), "target"),
    ),
    ("upstream", "panic", 'panic "7%"; ejection { most "1%" }', "choosing.panic", 70_000),
    ("upstream", "health", "health", "choosing.health.kind", "http"),
    ("health", "kind", 'health "tcp"', "choosing.health.kind", "tcp"),
    ("health", "path", 'health path="/x?y"', "choosing.health.path", "/x?y"),
    ("health", "host", 'health { host "A.B" }', "choosing.health.host", "a.b"),
    ("health", "method", 'health { method "HEAD" }', "choosing.health.method", "HEAD"),
    ("health", "status", 'health { status 204 "3xx" }', "choosing.health.statuses", ((204, 204), (300, 399))),
    ("health", "body", 'health { body "x" }', "choosing.health.body", "x"),
    ("health", "service", 'health "grpc" { service "x" }', "choosing.health.service", "x"),
    ("health", "interval", 'health { interval "7s" }', "choosing.health.interval_ms", 7000),
    ("health", "timeout", 'health { timeout "7ms" }', "choosing.health.timeout_ms", 7),
    ("health", "healthy", "health { healthy 7 }", "choosing.health.healthy", 7),
    ("health", "unhealthy", "health { unhealthy 7 }", "choosing.health.unhealthy", 7),
    ("health", "port", "health { port 7 }", "choosing.health.port", 7),
    ("balance", "algorithm", 'balance "two-choices"', "choosing.balance.algorithm", "two-choices"),
    ("balance", "by", 'balance "hash" "path"', "choosing.balance", ("hash", "path", "")),
    ("balance", "header", 'balance "hash" header="X-User"', "choosing.balance", ("hash", "header", "x-user")),
    ("balance", "cookie", 'balance "hash" cookie="SID"', "choosing.balance", ("hash", "cookie", "SID")),
    ("balance", "query", 'balance "hash" query="T"', "choosing.balance", ("hash", "query", "T")),
    (
        "sticky-cookie",
        "name",
        f'sticky-cookie {{ secret "{SECRET}"; name "n" }}',
        "choosing.sticky_cookie.name",
        "n",
    ),
    (
        "sticky-cookie",
        "ttl",
        f'sticky-cookie {{ secret "{SECRET}"; ttl "7s" }}',
        "choosing.sticky_cookie.ttl_ms",
        7000,
    ),
    (
        "sticky-cookie",
        "secret",
        f'sticky-cookie {{ secret "{SECRET}" }}',
        "choosing.sticky_cookie.secret",
        SECRET,
    ),
    (
        "ejection",
        "consecutive-failures",
        "ejection { consecutive-failures 7 }",
        "choosing.ejection.failures",
        7,
    ),
    ("ejection", "error-share", 'ejection { error-share "7%" }', "choosing.ejection.share", 70_000),
    ("ejection", "over", 'ejection { error-share "7%"; over "7s" }', "choosing.ejection.over_ms", 7000),
    ("ejection", "requests", 'ejection { error-share "7%"; requests 7 }', "choosing.ejection.requests", 7),
    (
        "ejection",
        "status",
        'ejection { status 404 "502-504" }',
        "choosing.ejection.statuses",
        ((404, 404), (502, 504)),
    ),
    ("ejection", "time", 'ejection { time "7s" }', "choosing.ejection.time_ms", 7000),
    ("ejection", "longest", 'ejection { longest "7s" }', "choosing.ejection.longest_ms", 7000),
    ("ejection", "most", 'ejection { most "7%" }', "choosing.ejection.most", 70_000),
    ("breaker", "failures", "breaker { failures 7 }", "choosing.breaker.failures", 7),
    ("breaker", "open", 'breaker { open "7s" }', "choosing.breaker.open_ms", 7000),
    ("breaker", "half-open", "breaker { half-open 7 }", "choosing.breaker.half_open", 7),
    ("breaker", "status", 'breaker { status "4xx" }', "choosing.breaker.statuses", ((400, 499),)),
    ("breaker", "scope", 'breaker { scope "both" }', "choosing.breaker.of", "both"),
    (
        "upstream",
        "egress-proxy",
        'egress-proxy "http://p:3128"',
        "egress",
        ("http://p:3128", None, None),
    ),
    ("egress-proxy", "url", 'egress-proxy "http://${env:P}"', "egress.url", "http://${env:P}"),
    (
        "egress-proxy",
        "username",
        'egress-proxy "http://p" username="u" password="${env:P}"',
        "egress.username",
        "u",
    ),
    (
        "egress-proxy",
        "password",
        'egress-proxy "http://p" username="u" password="${env:P}"',
        "egress.password",
        "${env:P}",
    ),
    (
        "target",
        "target",
        'target "srv:_HTTP._tcp.Example.com."',
        "targets",
        (("h:1", 1), ("srv:_http._tcp.example.com", 1)),
    ),
    ("upstream-tls", "server-name", 'tls { server-name "A.example" }', "tls.server_name", "a.example"),
    ("upstream-tls", "ca-file", 'tls { ca-file "${env:CA}/c" }', "tls.ca_file", "${env:CA}/c"),
    (
        "upstream-tls",
        "certificate-file",
        'tls { certificate-file "c"; key-file "k" }',
        "tls.certificate_file",
        "c",
    ),
    ("upstream-tls", "key-file", 'tls { certificate-file "c"; key-file "k" }', "tls.key_file", "k"),
    ("upstream-tls", "verify", "tls { verify #false }", "tls.verify", False),
    ("upstream-connections", "max", "connections { max 7 }", "connections.maximum", 7),
    ("upstream-connections", "pending", "connections { pending 7 }", "connections.pending", 7),
    (
        "upstream-connections",
        "pending-timeout",
        'connections { pending-timeout "7ms" }',
        "connections.pending_ms",
        7,
    ),
    ("upstream-connections", "idle", "connections { idle 7 }", "connections.idle", 7),
    ("upstream-connections", "idle-timeout", 'connections { idle-timeout "7ms" }', "connections.idle_ms", 7),
    ("upstream-connections", "age", 'connections { age "7ms" }', "connections.age_ms", 7),
    ("upstream-timeouts", "connect", 'timeouts { connect "7ms" }', "timeouts.connect_ms", 7),
    ("upstream-timeouts", "first-byte", 'timeouts { first-byte "7ms" }', "timeouts.first_byte_ms", 7),
    ("upstream-timeouts", "idle", 'timeouts { idle "7ms" }', "timeouts.idle_ms", 7),
    ("upstream-timeouts", "request", 'timeouts { request "7ms" }', "timeouts.request_ms", 7),
    ("upstream-names", "least-ttl", 'names { least-ttl "7ms" }', "names.least_ttl_ms", 7),
    ("upstream-names", "most-ttl", 'names { most-ttl "7s" }', "names.most_ttl_ms", 7000),
    ("upstream-names", "timeout", 'names { timeout "7ms" }', "names.timeout_ms", 7),
    ("upstream-names", "family", 'names { family "ipv4" }', "names.family", "ipv4"),
]


def _limit(key: str, said: str, path: str, wanted: Any) -> Row:
    return ("rate-limit", key, f"rate-limit {{ requests 7; {said} }}", f"rate_limits.0.{path}", wanted)


def _concurrency(key: str, said: str, path: str, wanted: Any) -> Row:
    return ("concurrency", key, f"concurrency {{ requests 7; {said} }}", f"concurrency.{path}", wanted)


LIMITS: list[Row] = [
    ("route", "rate-limit", "rate-limit { requests 7 }", "rate_limits.0.name", "1"),
    ("rate-limit", "name", 'rate-limit "a" { requests 7 }', "rate_limits.0.name", "a"),
    ("rate-limit", "name", 'rate-limit "off"', "rate_limits", None),
    ("rate-limit", "requests", "rate-limit { requests 7 }", "rate_limits.0.requests", 7),
    ("rate-limit", "requests", "rate-limit { requests 7 }", "rate_limits.0.burst", 7),
    _limit("per", 'per "2m"', "per_ms", 120_000),
    _limit("burst", "burst 9", "burst", 9),
    _limit("key", 'key "path"', "key", (("path", ""),)),
    ("limit-key", "by", *_limit("key", 'key "path" "all"', "key", (("path", ""),))[2:]),
    ("limit-key", "header", *_limit("key", 'key header="X"', "key", (("header", "x"),))[2:]),
    ("limit-key", "cookie", *_limit("key", 'key cookie="X"', "key", (("cookie", "X"),))[2:]),
    _limit("max-keys", "max-keys 9", "max_keys", 9),
    _limit("over", 'over "log"', "over", "log"),
    _limit("delay-at-most", 'over "delay"; delay-at-most "9ms"', "delay_ms", 9),
    _limit("status", "status 503", "status", 503),
    _limit("message", 'message "m"', "message", "m"),
    _limit("fields", "fields #false", "fields", False),
    ("route", "api-schema", 'api-schema "a.json"', "api_schema.file", "a.json"),
    ("api-schema", "file", 'api-schema "off"', "api_schema", None),
    *(
        ("api-schema", key, f'api-schema "a.json" {{ {key} {value} }}', f"api_schema.{path}", wanted)
        for key, value, path, wanted in (
            ("base", '"/v1/"', "base", "/v1"),
            ("unknown", '"pass"', "unknown", "pass"),
            ("mismatch", '"report"', "mismatch", "report"),
            ("replies", '"report"', "replies", "report"),
            ("body", '"1KiB"', "body_bytes", 1024),
            ("status", "422", "status", 422),
        )
    ),
    ("route", "concurrency", "concurrency { requests 7 }", "concurrency.requests", 7),
    ("concurrency", "state", 'concurrency "off"', "concurrency", None),
    ("concurrency", "requests", "concurrency { requests 7 }", "concurrency.key", (("all", ""),)),
    _concurrency("key", 'key "path"', "key", (("path", ""),)),
    _concurrency("max-keys", 'key "path"; max-keys 9', "max_keys", 9),
    _concurrency("wait", 'wait "9ms"', "wait_ms", 9),
    _concurrency("status", "status 429", "status", 429),
    _concurrency("message", 'message "m"', "message", "m"),
]

AGENTS: list[Row] = [
    (ROOT, "agents", "", "agents.0.name", "a"),
    ("route", "agents", "", "agents.0.on_failure", "deny"),
    ("agent", "url", "", "agents.0.url", "http://127.0.0.1:9200/"),
    ("agent", "grpc", 'grpc "https://h:1"', "agents.0.url", "https://h:1"),
    ("agent", "grpc", 'grpc "https://h:1"', "agents.0.transport", "grpc"),
    ("agent", "timeout", 'timeout "7ms"', "agents.0.timeout_ms", 7),
    ("agent", "on-failure", 'on-failure "allow"', "agents.0.on_failure", "allow"),
    ("agent", "breaker", "breaker { failures 7 }", "agents.0.failures", 7),
    ("agent-breaker", "failures", 'breaker { open "7s" }', "agents.0.failures", 5),
    ("agent-breaker", "open", 'breaker { open "7s" }', "agents.0.open_ms", 7_000),
    (
        "agent",
        "request-headers",
        "request-headers #false; response-headers #true",
        "agents.0.request_headers",
        False,
    ),
    ("agent", "response-headers", "response-headers #true", "agents.0.response_headers", True),
    ("agent", "request-body", 'request-body "hybrid"', "agents.0.request_body", "hybrid"),
    ("agent", "response-body", 'response-body "stream"', "agents.0.response_body", "stream"),
    ("agent", "inspect", 'request-body "buffer"; inspect "1KiB"', "agents.0.inspect_bytes", 1024),
    ("agent", "over", 'request-body "buffer"; over "pass"', "agents.0.over", "pass"),
    ("agent", "sees", 'sees "cookie" "authorization" "cookie"', "agents.0.sees", ("cookie", "authorization")),
]

PRESET = (
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "SAMEORIGIN"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("cross-origin-opener-policy", "same-origin"),
)


def _copies_to(upstream: int, **own: Any) -> MirrorRecord:
    """A mirror to the upstream of this number."""
    return MirrorRecord(upstream, **own)


SETTINGS: list[Row] = [
    ("route", "timeouts", 'timeouts { request "off" }', "request_ms", 0),
    ("route", "limits", 'limits { request-body "off" }', "request_body_bytes", 0),
    ("route", "trailers", 'trailers { request "A" "b" "a" }', "request_trailers", ("a", "b")),
    ("route", "reasons", "reasons #true", "reasons", True),
    ("route", "websocket", "websocket", "websocket", (300_000,)),
    ("route", "sticky", 'sticky "client-ip"', "sticky", ("client-ip", "")),
    ("route-timeouts", "request", 'timeouts { request "7ms" }', "request_ms", 7),
    ("route-timeouts", "per-try", 'timeouts { per-try "7ms" }', "per_try_ms", 7),
    ("route-timeouts", "first-byte", 'timeouts { first-byte "7ms" }', "first_byte_ms", 7),
    ("route-timeouts", "idle", 'timeouts { idle "7ms" }', "idle_ms", 7),
    ("route-timeouts", "stream-idle", 'timeouts { stream-idle "7ms" }', "stream_idle_ms", 7),
    ("route", "drain-streams", 'drain-streams "7s"', "drain_streams_ms", 7_000),
    ("route-limits", "request-body", 'limits { request-body "7B" }', "request_body_bytes", 7),
    ("route-limits", "response-body", 'limits { response-body "7B" }', "response_body_bytes", 7),
    ("trailers", "request", 'trailers { request "x" }', "request_trailers", ("x",)),
    ("trailers", "response", 'trailers { response "x" }', "response_trailers", ("x",)),
    ("websocket", "enabled", "websocket #true", "websocket", (300_000,)),
    ("websocket", "enabled", "websocket #false", "websocket", None),
    ("websocket", "idle", 'websocket idle="7s"', "websocket", (7_000,)),
    ("route", "retries", "retries 3", "retries.times", 3),
    ("retries", "times", "retries { times 3 }", "retries.times", 3),
    ("retries", "on", 'retries 1 { on 503 "reset" 502 503 }', "retries.statuses", (502, 503)),
    ("retries", "on", 'retries 1 { on 503 "reset" 502 503 }', "retries.on", ("reset",)),
    ("retries", "header", 'retries 1 { header "X-A" }', "retries.headers", (("x-a", None),)),
    ("retries", "back-off", 'retries 1 { back-off "7ms" }', "retries.first_ms", 7),
    ("retries", "retry-after", 'retries 1 { on 503; retry-after "7ms" }', "retries.retry_after_ms", 7),
    ("retries", "body", 'retries 1 { body "off" }', "retries.body_bytes", 0),
    ("retries", "budget", 'retries 1 { budget "7%" }', "retries.budget", (70_000, 10)),
    ("retries", "method", 'retries 1 { method "A" "B" "A" }', "retries.methods", ("A", "B")),
    ("route", "fallback", 'fallback "u"', "fallback.upstreams", (0,)),
    ("fallback", "upstream", 'fallback { upstream "v"; upstream "u" }', "fallback.upstreams", (1, 0)),
    ("fallback", "on", 'fallback "u" { on 503 "reset" }', "fallback.on", ("reset",)),
    ("fallback", "on", 'fallback "u" { on 503 "reset" }', "fallback.statuses", (503,)),
    ("fallback", "latency", 'fallback "u" { latency "7ms" }', "fallback.latency_ms", 7),
    ("fallback", "attempts", 'fallback "u" "v" { attempts 2 }', "fallback.attempts", 2),
    ("fallback", "body", 'fallback "u" { body "7B" }', "fallback.body_bytes", 7),
    ("fallback", "method", 'fallback "u" { method "A" }', "fallback.methods", ("A",)),
    ("route", "mirror", 'mirror "v"', "mirrors", ((1, 1_000_000, (), 65_536, 5_000, 100),)),
    ("mirror", "upstream", 'mirror "v"; mirror "u"', "mirrors", tuple(map(_copies_to, (1, 0)))),
    ("mirror", "share", 'mirror "u" share="7%"', "mirrors", (_copies_to(0, share=70_000),)),
    ("mirror", "header", 'mirror "u" { header "A" "B" }', "mirrors", (_copies_to(0, headers=(("a", "B"),)),)),
    ("mirror", "body", 'mirror "u" { body "7B" }', "mirrors", (_copies_to(0, body_bytes=7),)),
    ("mirror", "timeout", 'mirror "u" { timeout "7ms" }', "mirrors", (_copies_to(0, timeout_ms=7),)),
    ("mirror", "most", 'mirror "u" { most 7 }', "mirrors", (_copies_to(0, most=7),)),
    ("back-off", "first", 'retries 1 { back-off "7ms" }', "retries.first_ms", 7),
    ("back-off", "most", 'retries 1 { back-off most="7s" }', "retries.most_ms", 7000),
    ("retry-budget", "share", 'retries 1 { budget "0.5%" }', "retries.budget.share", 5000),
    ("retry-budget", "least", 'retries 1 { budget "1%" least=7 }', "retries.budget.least", 7),
    ("field-condition", "name", 'retries 1 { header "X-A" }', "retries.headers", (("x-a", None),)),
    ("field-condition", "value", 'retries 1 { header "x-a" "B" }', "retries.headers", (("x-a", "B"),)),
    ("route", "cors", 'cors { origins "*" }', "cors.origins", ("*",)),
    ("cors", "state", 'cors "off"', "cors", None),
    ("cors", "origins", 'cors { origins "HTTPS://A.test:443" }', "cors.origins", ("https://a.test",)),
    ("cors", "methods", 'cors { origins "*"; methods "PUT" "PUT" }', "cors.methods", ("PUT",)),
    ("cors", "headers", 'cors { origins "*"; headers "X-A" }', "cors.headers", ("x-a",)),
    ("cors", "expose", 'cors { origins "*"; expose "X-A" }', "cors.expose", ("x-a",)),
    ("cors", "credentials", 'cors { origins "http://a"; credentials #true }', "cors.credentials", True),
    ("cors", "max-age", 'cors { origins "*"; max-age "1m" }', "cors.max_age_ms", 60_000),
    ("cors", "private-network", 'cors { origins "*"; private-network #true }', "cors.private_network", True),
    *LIMITS,
    *ACCESS,
    ("route", "security-headers", "security-headers", "security_headers.fields", PRESET),
    ("security-headers", "state", 'security-headers "off"', "security_headers", None),
    *(
        ("security-headers", key, f"security-headers {{ {key} {value} }}", "security_headers.fields", fields)
        for key, value, fields in (
            ("content-type-options", "#false", PRESET[1:]),
            ("frame-options", '"off"', (PRESET[0], *PRESET[2:])),
            ("referrer-policy", '"off"', (*PRESET[:2], *PRESET[3:])),
            ("permissions-policy", '"off"', (*PRESET[:3], *PRESET[4:])),
            ("opener-policy", '"off"', PRESET[:4]),
            ("resource-policy", '"same-site"', (*PRESET, ("cross-origin-resource-policy", "same-site"))),
            ("content-security-policy", '"x"', (*PRESET, ("content-security-policy", "x"))),
        )
    ),
    ("security-headers", "replace", "security-headers { replace #true }", "security_headers.replace", True),
    ("sticky", "by", 'sticky "client-ip"', "sticky", ("client-ip", "")),
    ("sticky", "header", 'sticky header="X-User"', "sticky", ("header", "x-user")),
    ("sticky", "cookie", 'sticky cookie="SID"', "sticky", ("cookie", "SID")),
]

"""What a route, a group or `defaults` say."""

BUILTINS: list[Row] = [
    ("route", "builtin", 'builtin "health"', "target", 0),
    ("route", "builtin", 'builtin "ready"', "target", 1),
    ("route", "builtin", 'builtin "echo"', "target", 2),
    ("route", "builtin", 'builtin "upstreams"', "target", 7),
]

Pair = tuple[str, str, str, str]
"""(object, key, a configuration, one that says it otherwise)."""


def _pairs(owner: str, other: str, **said: str) -> list[Pair]:
    """Routes that say something of each key (`_` for `-`), and one that says something else."""
    named = ((key.strip("_").replace("_", "-"), text) for key, text in said.items())
    return [(owner, key, of_route(text), of_route(other)) for key, text in named]


def _conditions(owner: str, other: str, **said: str) -> list[Pair]:
    """Likewise for routes of one block of conditions."""
    blocks = {key: f"matches {{ {text} }}; respond" for key, text in said.items()}
    return _pairs(owner, f"matches {{ {other} }}; respond", **blocks)


def _operators(kind: str) -> list[Pair]:
    """The operators of conditions on fields, parameters and cookies."""
    said = {
        "name": '"b"',
        "value": '"a" "b"',
        "prefix": '"a" prefix="b"',
        "suffix": '"a" suffix="b"',
        "contains": '"a" contains="b"',
        "regex": '"a" regex="b"',
        "min": '"a" min=1',
        "max": '"a" max=1',
        "present": '"a" present=#false',
        "ignore_case": '"a" "b" ignore-case=#true',
    }
    blocks = {key: f"{kind} {text}" for key, text in said.items()}
    return _conditions(f"{kind}-predicate", f'{kind} "a"', **blocks)


PAGES = 'error-pages { page 404 body="x" }'

PAIRS: list[Pair] = [
    (ROOT, "listeners", LISTENER + ROUTE, of_listener('address "[::1]:80"')),
    (ROOT, "upstreams", of_gateway(UPSTREAMS), of_gateway("")),
    (ROOT, "defaults", of_gateway("defaults { priority 1 }"), of_gateway("")),
    (ROOT, "routes", of_gateway(""), LISTENER),
    (ROOT, "matchers", of_route('matches { use "m" }; respond'), of_route("respond")),
    ("listener", "address", of_listener('address "[::1]:80"'), of_listener("")),
    ("listener", "host", of_listener('host "a.b"'), of_listener("")),
    ("listener", "protocol", of_listener(f'protocol "https"; {TLS}'), of_listener("")),
    ("listener", "tls", of_listener(TLS), of_listener("")),
    ("listener", "public-port", of_listener("public-port 80"), of_listener("")),
    ("listener", "private", of_listener("private #true"), of_listener("")),
    ("listener", "trusted-proxies", of_listener('trusted-proxies "::1"'), of_listener("")),
    ("listener", "path-normalisation", of_listener('path-normalisation "reject-changes"'), of_listener("")),
    ("upstream", "targets", of_upstream('target "a:1"'), of_upstream("")),
    ("target", "weight", of_upstream('target "a:1" weight=3'), of_upstream('target "a:1"')),
    (
        "group",
        "matches",
        f'{LISTENER}routes {{ group "g" {{ matches {{ path "/a" }}; route "r" {{ respond }} }} }}',
        LISTENER + ROUTE,
    ),
    ("group", "routes", f'{LISTENER}routes {{ group "g" {{ route "s" {{ respond }} }} }}', LISTENER + ROUTE),
    *_pairs(
        "route",
        "respond",
        matches='matches { path "/a" }; respond',
        priority="priority 1; respond",
        upstream='upstream "u"',
        split=SPLIT,
        redirect='redirect host="x"',
        respond="respond status=404",
        response_headers='respond; response-headers { remove "a" }',
    ),
    *_pairs(
        "route",
        SPLIT,
        rewrite=f'{SPLIT}; rewrite path="/x"',
        request_headers=f'{SPLIT}; request-headers {{ remove "a" }}',
    ),
    *_pairs(
        "header-rules",
        "respond",
        rename='respond; response-headers { rename "a" "b" }',
        set='respond; response-headers { set "a" "b" }',
        add='respond; response-headers { add "a" "b" }',
        remove='respond; response-headers { remove "a" }',
    ),
    *_pairs(
        "named-value",
        'respond; response-headers { set "a" "b" }',
        name='respond; response-headers { set "c" "b" }',
        value='respond; response-headers { set "a" "c" }',
    ),
    *_pairs(
        "rename",
        'respond; response-headers { rename "a" "b" }',
        from_='respond; response-headers { rename "c" "b" }',
        to='respond; response-headers { rename "a" "c" }',
    ),
    *_pairs(
        "rewrite",
        'matches { path-prefix "/a" }; upstream "u"',
        host='matches { path-prefix "/a" }; upstream "u"; rewrite host="a.b"',
        path='matches { path-prefix "/a" }; upstream "u"; rewrite path="/x"',
        prefix='matches { path-prefix "/a" }; upstream "u"; rewrite prefix="/x"',
        template='matches { path-prefix "/a" }; upstream "u"; rewrite template="/x"',
    ),
    *_pairs(
        "redirect",
        'matches { path-prefix "/a" }; redirect host="x"',
        scheme='matches { path-prefix "/a" }; redirect host="x" scheme="https"',
        host='matches { path-prefix "/a" }; redirect host="y"',
        port='matches { path-prefix "/a" }; redirect host="x" port=1',
        path='matches { path-prefix "/a" }; redirect host="x" path="/x"',
        prefix='matches { path-prefix "/a" }; redirect host="x" prefix="/x"',
        status='matches { path-prefix "/a" }; redirect host="x" status=301',
        query='matches { path-prefix "/a" }; redirect host="x" query="strip"',
    ),
    *_pairs(
        "respond",
        "respond",
        status="respond status=404",
        body='respond { body "x" }',
        headers='respond { header "a" "b" }',
    ),
    *_pairs(
        "compress",
        "respond; compress",
        state='respond; compress "off"',
        encodings='respond; compress { encodings "br" }',
        types='respond; compress { types "text/*" }',
        least='respond; compress { least "4KiB" }',
    ),
    *_pairs(
        "decompress",
        "respond",
        most='respond; decompress { most "4KiB" }',
        ratio="respond; decompress { ratio 3 }",
    ),
    *_pairs("route", "respond", decompress="respond; decompress { ratio 3 }"),
    *_pairs("route", "respond", compress="respond; compress", error_pages=f"respond; {PAGES}"),
    *_pairs(
        "error-pages",
        f"respond; {PAGES}",
        state='respond; error-pages "off"',
        pages='respond; error-pages { page 404 body="y" }',
        intercept='respond; error-pages { page 404 body="x"; intercept #true }',
    ),
    *_pairs(
        "error-page",
        f"respond; {PAGES}",
        page='respond; error-pages { page 405 body="x" }',
        file='respond; error-pages { page 404 file="x" }',
        body='respond; error-pages { page 404 body="y" }',
        type='respond; error-pages { page 404 body="x" type="a/b" }',
    ),
    *_pairs("route", "respond", static_files='static-files "a"'),
    *_pairs(
        "static-files",
        'static-files "a"',
        root='static-files "b"',
        index='static-files "a" { index "x" }',
        fallback='static-files "a" { fallback "x" }',
        precompressed='static-files "a" { precompressed "br" }',
        cache_control='static-files "a" { cache-control "x" }',
        listing='static-files "a" { listing #true }',
        hidden='static-files "a" { hidden #true }',
    ),
    *_pairs("response-header", 'respond { header "a" "b" }', value='respond { header "a" "c" }'),
    *_pairs(
        "split-part",
        'split { upstream "u" }',
        weight='split { upstream "u" weight=2 }',
        request_headers='split { upstream "u" { request-headers { remove "a" } } }',
        response_headers='split { upstream "u" { response-headers { remove "a" } } }',
        rewrite='split { upstream "u" { rewrite { path "/x" } } }',
    ),
    *_conditions(
        "predicates",
        'scheme "https" "http"',
        host='host "a.b"',
        path='path "/a"',
        path_prefix='path-prefix "/a"',
        path_template='path-template "/a"',
        path_regex='path-regex "/a"',
        method='method "GET"',
        header='header "a"',
        query='query "a"',
        cookie='cookie "a"',
        client_ip='client-ip "::1"',
        scheme='scheme "http"',
        listener='listener "a"',
        sni='sni "a.b"',
        sample='sample "1%"',
        model='model "a"',
        stream="stream #true",
        tools="tools #true",
        not_='not { method "GET" }',
        use='use "m"',
    ),
    *_conditions("host-predicate", 'host "a"', name='host "b"', regex='host regex="a"'),
    *_operators("header"),
    *_operators("query"),
    *_operators("cookie"),
    *CERTIFICATES,
]
"""What stood in the language before there was a gateway."""

SHARED = {"group": "route", "defaults": "route", "matcher": "predicates"}
"""Objects whose keys mean what those of another mean."""

NOT_IN_THE_TABLE = {(ROOT, "include")}
"""Keys that the compiler alone needs: what they bring is there, they are not."""
