"""What other gateways, and people, call the keys of this language.

Owns the list of such words: for an object, its key and the words that are no misspelling of it and mean it
nevertheless. Words that are near in letters are found without a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

from .shape import ObjectShape, Tagged
from .words import Syntax

_STATUS: Final = "code status-code status_code return-code"
_PATH: Final = "uri url location exact path-exact exact-path"
_SETTINGS: Final = {
    "matches": "when if condition conditions rule location predicates",
    "upstream": "backend backends cluster service proxy proxy-pass proxy_pass reverse-proxy reverse_proxy "
    "forward forward-to to destination upstreams server",
    "split": "weights weighted weighted-clusters canary",
    "redirect": "return",
    "respond": "direct-response direct_response answer static reply",
    "rewrite": "strip-prefix strip_prefix stripPrefix uri replace path-rewrite prefix-rewrite url-rewrite",
    "builtin": "health healthcheck health-check healthz ping",
    "timeouts": "timeout request-timeout proxy-read-timeout proxy_read_timeout read-timeout",
    "retries": "retry retry-policy retry_policy num-retries max-retries "
    "proxy-next-upstream proxy_next_upstream",
    "agents": "ext-proc ext_proc ext_authz agent processors external-processor waf",
    "mirror": "shadow mirrors mirroring shadow-traffic request-mirror request-mirror-policies tee",
    "fallback": "failover fail-over backup backups fallback-upstream fallback-upstreams",
    "limits": "client-max-body-size client_max_body_size max-body-size body-limit request-body-limit",
    "trailers": "trailer",
    "authenticate": "auth authentication basic-auth basic_auth auth-basic auth_basic basicauth jwt "
    "auth-jwt api-key api-keys key-auth forward-auth forward_auth auth-request auth_request ext-authz oauth2",
    "allow": "ip-allow-list ipAllowList whitelist allowlist allow-list ip-whitelist allow-from",
    "deny": "blacklist blocklist block-list denylist deny-list ip-blacklist deny-from",
    "geo": "geoip geoip2 geo-filter geoblock country countries maxmind",
    "cors": "cors-policy cross-origin access-control enable-cors",
    "api-schema": "openapi open-api json-schema schema validation request-validation validate swagger",
    "rate-limit": "ratelimit rate_limit limit-req limit_req throttle throttling rate-limits rate-limiting",
    "concurrency": "limit-conn limit_conn max-concurrent in-flight inflight bulkhead",
    "security-headers": "secure-headers security_headers helmet hsts csp",
    "sticky": "session-affinity session-persistence affinity ip-hash ip_hash hash stickiness",
    "request-headers": "headers set-header set-headers add-header proxy-set-header header header-up",
}
_FIELD: Final = {
    "value": "equals equal eq is exact exact-match",
    "prefix": "starts-with begins-with prefix-match",
    "suffix": "ends-with suffix-match",
    "regex": "matches match re pattern safe-regex regexp",
    "min": "gte ge from range",
    "max": "lte le",
    "present": "absent missing exists not-present present-match not-exists",
}
_CONDITIONS: Final = {
    "host": "domain domains hostname hostnames server-name server_name authority vhost",
    "path": _PATH,
    "path-prefix": "prefix starts-with",
    "path-regex": "regex regexp",
    "path-template": "template",
    "method": "verb verbs",
    "header": "headers",
    "query": "params query-params query-param query_params args",
    "client-ip": "ip source-ip remote-ip remote_ip remote-addr src cidr allow",
    "scheme": "protocol",
    "not": "invert except",
    "sample": "percent percentage fraction runtime-fraction",
}

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "config": {
        "listeners": "server servers http frontend frontends entrypoints entryPoints gateways",
        "upstreams": "backend backends cluster clusters services pools",
        "routes": "rule rules location locations virtual-hosts virtualhosts paths http-routes",
        "matchers": "conditions predicates",
        "workers": "worker-processes worker_processes processes threads concurrency nbthread",
        "connections": "max-connections maxconn worker-connections worker_connections",
        "drain-timeout": "grace-period shutdown-timeout graceful-timeout worker-shutdown-timeout",
        "state-dir": "data-dir state-directory storage",
        "watch": "reload auto-reload hot-reload",
        "metrics": "prometheus stats statistics",
        "admin": "api control",
        "access-log": "access_log accessLog log logs logging",
        "error-log": "error_log log-level",
        "tracing": "opentelemetry otel otlp traces",
    },
    "listener": {
        "address": "port bind listen addr ip socket",
        "host": "server-name server_name hostname hostnames domain domains",
        "protocol": "https scheme",
        "tls": "ssl https-certificate ssl-certificate certificates tls-context tls-certificate",
        "redirect-to-https": "force-https force-ssl ssl-redirect https-redirect redirect-https",
        "hsts": "strict-transport-security",
        "trusted-proxies": "real-ip set-real-ip-from proxies trusted",
        "proxy-protocol": "proxy_protocol send-proxy accept-proxy",
        "limits": "max-connections maxconn buffers large-client-header-buffers max-header-size",
        "timeouts": "timeout keepalive-timeout keepalive_timeout keep-alive idle-timeout client-timeout",
    },
    "upstream": {
        "targets": "server servers backend backends address addresses host hosts url endpoint endpoints node",
        "tls": "ssl https transport-socket proxy-ssl",
        "connections": "pool keepalive keep-alive circuit-breakers max-connections maxconn",
        "timeouts": "timeout connect-timeout connect_timeout read-timeout idle-timeout",
        "names": "dns resolver resolve resolvers",
        "balance": "load-balancing load_balancing lb-policy lb_policy lb_policies policy method least-conn "
        "least_conn ip-hash ip_hash random",
        "sticky-cookie": "sticky session-affinity session-persistence affinity cookie",
        "slow-start": "slow_start warmup slow-start-config",
        "health": "health-check health_check healthcheck health-checks health_checks "
        "active-health-check probe probes",
        "ejection": "outlier-detection outlier_detection passive-health-check passive max-fails max_fails "
        "fail-timeout fail_timeout",
        "breaker": "circuit-breaker circuit_breaker circuitBreaker",
        "panic": "healthy-panic-threshold panic-threshold",
    },
    "balance": {"by": "on", "query": "param", "algorithm": "policy method type"},
    "health": {
        "kind": "type protocol",
        "path": "uri url http-path endpoint",
        "status": "expected-status expected_statuses match codes",
        "interval": "interval-secs every period",
        "timeout": "timeout-secs",
        "healthy": "healthy-threshold rise passes successes",
        "unhealthy": "unhealthy-threshold fall fails failures",
        "body": "expect receive response",
        "service": "service-name",
    },
    "ejection": {
        "consecutive-failures": "consecutive-5xx consecutive_5xx failures max-fails",
        "time": "base-ejection-time fail-timeout duration",
        "longest": "max-ejection-time",
        "most": "max-ejection-percent",
        "over": "interval window",
        "requests": "minimum-requests request-volume",
    },
    "breaker": {
        "failures": "failure-threshold threshold max-failures consecutive-failures",
        "open": "timeout timeout-seconds fallback-duration time",
        "half-open": "half-open-max-requests success-threshold trials",
    },
    "listener-tls": {
        "certificates": "cert certificate-file cert-file crt ssl-certificate ssl_certificate",
        "min-version": "protocols ssl-protocols ssl_protocols version tls-minimum-version",
        "client-certificates": "client-auth verify-client ssl-verify-client mtls client-certificate",
        "ca-file": "ca client-ca ssl-client-certificate trusted-ca",
    },
    "certificate": {
        "key": "key-file private-key certificate-key keyfile",
    },
    "upstream-tls": {
        "server-name": "sni servername server_name name host",
        "ca-file": "ca ca-cert cacert trusted-ca root-ca ca_file trusted-certificate",
        "certificate-file": "cert certificate cert-file crt client-certificate",
        "key-file": "key private-key keyfile client-key",
        "verify": "insecure insecure-skip-verify skip-verify ssl-verify",
    },
    "upstream-connections": {"max": "limit maximum max-connections", "idle": "keepalive keep-alive max-idle"},
    "upstream-timeouts": {"first-byte": "read response header ttfb", "request": "total", "idle": "stream"},
    "route-timeouts": {
        "request": "total",
        "per-try": "try per_try_timeout backend-request",
        "first-byte": "read response header ttfb",
    },
    "retries": {
        "times": "attempts num-retries num_retries max-attempts max-retries tries count",
        "on": "retry-on retry_on codes statuses status retriable-status-codes retryable-status-codes "
        "conditions",
        "back-off": "backoff interval delay wait retry-back-off",
        "body": "buffer buffering max-body body-limit request-body",
        "budget": "retry-budget",
    },
    "fallback": {
        "upstream": "fallback-upstream upstreams to backend backends service",
        "on": "triggers on-error-codes on-connection-error on-health-failure error-codes "
        "statuses status when",
        "latency": "on-latency-threshold-ms latency-threshold threshold",
        "attempts": "max-attempts tries times",
    },
    "mirror": {
        "upstream": "backend cluster service to",
        "share": "percentage percent fraction runtime-fraction sample",
        "header": "sample-header headers",
        "body": "max-body-bytes buffer-body max-body-size",
        "timeout": "timeout-ms",
    },
    "back-off": {"first": "base base-interval min initial", "most": "max max-interval cap"},
    "retry-budget": {"share": "percent budget-percent ratio", "least": "min min-retry-concurrency"},
    "rate-limit": {
        "requests": "max-rps rps rate average limit tokens max-requests events",
        "per": "window period interval unit time fill-interval every",
        "burst": "max-burst bucket-size capacity max-tokens",
        "key": "by key-by zone descriptor source",
        "over": "on-limit action mode",
        "delay-at-most": "max-delay delay nodelay",
        "status": "status-code limit-req-status code",
        "max-keys": "max-entries zone-size size",
    },
    "concurrency": {"requests": "max limit max-requests amount", "wait": "queue queue-timeout timeout"},
    "cors": {
        "origins": "origin allow-origin allow-origins allow_origins allowed-origins "
        "access-control-allow-origin",
        "methods": "method allow-methods allowed-methods access-control-allow-methods",
        "headers": "header allow-headers allowed-headers access-control-allow-headers",
        "expose": "expose-headers exposed-headers access-control-expose-headers",
        "credentials": "allow-credentials access-control-allow-credentials",
        "max-age": "maxage ttl access-control-max-age",
    },
    "route-limits": {"request-body": "body max-body request", "response-body": "response reply"},
    "tracing": {"endpoint": "url address collector target", "sample": "rate ratio sampling"},
    "access-log": {"path": "file output destination target", "sample": "rate ratio sampling"},
    "error-log": {"path": "file output destination target", "level": "severity verbosity"},
    "audit-log": {"path": "file output destination target"},
    "target": {"target": "host port address url name", "weight": "share"},
    "route": _SETTINGS,
    "group": {**_SETTINGS, "routes": "rules children"},
    "defaults": {key: words for key, words in _SETTINGS.items() if key != "matches"},
    "predicates": _CONDITIONS,
    "matcher": _CONDITIONS,
    "header-predicate": _FIELD,
    "query-predicate": _FIELD,
    "cookie-predicate": _FIELD,
    "header-rules": {
        "remove": "delete del unset drop strip hide",
        "add": "append",
        "set": "replace overwrite update put",
    },
    "redirect": {
        "status": f"{_STATUS} permanent temporary",
        "path": "to uri url location target",
    },
    "respond": {"status": _STATUS, "body": "text content data message", "headers": "content-type"},
    "rewrite": {
        "path": "uri url to",
        "template": "regex pattern replacement",
        "prefix": "strip strip-prefix strip_prefix",
    },
    "split-part": {"weight": "percent share percentage"},
}  # fmt: skip

_MORE: Final[Mapping[tuple[str, str], str]] = {
    ("listener", "address"): "host and port stand in one text, such as `0.0.0.0:8080`",
    ("target", "target"): "host and port stand in one text, such as `10.0.0.1:8080`",
    ("upstream-tls", "verify"): "true, as by default, where the certificate is to be verified",
    ("route", "rewrite"): 'to take a prefix away, `rewrite` it with `prefix` as `"/"`',
    ("route", "request-headers"): "those of the reply are `response-headers`",
    ("group", "request-headers"): "those of the reply are `response-headers`",
    ("defaults", "request-headers"): "those of the reply are `response-headers`",
    ("redirect", "path"): "`scheme`, `host` and `port` stand beside it",
    ("rewrite", "template"): "it is filled with the captures of `path-template` or `path-regex`",
    ("respond", "headers"): "`content-type` is the name of one",
    **{
        (f"{place}-predicate", key): more
        for place in ("header", "query", "cookie")
        for key, more in (
            ("value", "it stands right behind the name"),
            ("present", "true where it has to be there, false where it must not be"),
        )
    },
}


class Meaning(NamedTuple):
    """The key that a word means, and the help that says so."""

    key: str
    advice: str


@cache
def _by_word(name: str) -> Mapping[str, str]:
    """The words for an object's keys, each with its key. A cache: as many entries as objects."""
    return {word: key for key, words in _WORDS.get(name, {}).items() for word in words.split()}


def meaning(shape: ObjectShape, written: str, syntax: Syntax) -> Meaning | None:
    """What a word means where it stands, None where it is not known from elsewhere."""
    if shape.tag is not None and written in ("name", "id"):
        how = f'`{shape.tag} "NAME"`' if syntax == "kdl" else f"`- {shape.tag}: NAME`"
        return Meaning(shape.tag, f"the name stands right behind `{shape.tag}`: {how}")
    key = _by_word(shape.name).get(written)
    if key is None:
        return None
    place = shape.keys[key].shape
    name = key
    if syntax == "kdl" and isinstance(place, Tagged) and place.place == "inline":
        name = next(iter(place.objects))
    more = _MORE.get((shape.name, key))
    return Meaning(key, f"here it is `{name}`" + (f"; {more}" if more else ""))
