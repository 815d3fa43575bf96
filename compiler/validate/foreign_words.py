"""The words that other gateways, and people, have for the keys of this language: the list alone.

Owns the words, each spelt in lower case with hyphens (`proxy-pass` for `proxy_pass` and `proxyPass`), and
what people look for that is not there. How they are looked up is in `foreign.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_SETTINGS: Final = {
    "matches": "when if condition conditions rule location predicates",
    "upstream": (
        "backend backends cluster service proxy proxy-pass reverse-proxy forward forward-to to destination "
        "upstreams server grpc-pass load-balancer"
    ),
    "split": "weights weighted weighted-clusters canary",
    "redirect": "return redir redirect-regex redirect-scheme",
    "respond": "direct-response answer static reply static-response fixed-response",
    "rewrite": (
        "strip-prefix uri replace path-rewrite prefix-rewrite url-rewrite replace-path replace-path-regex "
        "strip-prefix-regex add-prefix handle-path path-rewrite-policy regex-rewrite"
    ),
    "builtin": "health healthcheck health-check healthz ping",
    "timeouts": (
        "timeout request-timeout proxy-read-timeout read-timeout proxy-send-timeout proxy-connect-timeout "
        "idle-timeout stream-idle-timeout"
    ),
    "retries": (
        "retry retry-policy num-retries max-retries proxy-next-upstream proxy-next-upstream-tries "
        "lb-retries lb-try-duration"
    ),
    "agents": "ext-proc agent processors external-processor waf modsecurity coraza",
    "mirror": (
        "shadow mirrors mirroring shadow-traffic request-mirror request-mirror-policies tee mirror-upstream"
    ),
    "fallback": "failover fail-over backup backups fallback-upstream fallback-upstreams",
    "limits": (
        "client-max-body-size max-body-size body-limit request-body-limit request-body max-request-body "
        "buffering max-request-bytes"
    ),
    "trailers": "trailer",
    "cors": "cors-policy cross-origin access-control enable-cors",
    "api-schema": (
        "openapi open-api json-schema schema validation request-validation validate swagger oas "
        "request-validator"
    ),
    "rate-limit": (
        "ratelimit limit-req throttle throttling rate-limits rate-limiting local-ratelimit limiter"
    ),
    "concurrency": "limit-conn max-concurrent in-flight inflight bulkhead in-flight-req max-conns",
    "security-headers": ("secure-headers helmet csp frame-deny content-type-nosniff browser-xss-filter"),
    "sticky": "session-affinity session-persistence affinity ip-hash hash stickiness hash-policy",
    "request-headers": (
        "headers set-header set-headers proxy-set-header header header-up request-headers-to-add "
        "custom-request-headers set-request-header"
    ),
    "static-files": (
        "root alias file-server try-files static-site autoindex document-root directory-index gzip-static"
    ),
    "allow": (
        "ip-allow-list ip-allowlist ip-white-list ip-whitelist whitelist allowlist allow-list "
        "ip-restriction rbac"
    ),
    "deny": "blacklist blocklist denylist deny-list block ip-deny-list",
    "authenticate": (
        "auth authentication auth-basic auth-basic-user-file basic-auth basicauth auth-request auth-jwt "
        "jwt-auth jwt-authn ext-authz key-auth keyauth api-keys oidc forward-authentication"
    ),
    "geo": "geoip geoip2 geo-ip geo-filter geoip-country country countries",
    "response-headers": (
        "add-header more-set-headers header-down response-headers-to-add custom-response-headers "
        "set-response-header headers-down"
    ),
    "compress": "gzip brotli zstd encode compression compressor gzip-types",
    "error-pages": (
        "error-page handle-errors errors error-document local-reply-config custom-errors "
        "proxy-intercept-errors"
    ),
    "websocket": "websockets ws upgrade upgrades upgrade-configs websocket-upgrade",
    "drain-streams": "stream-close-delay",
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
    "host": "domain domains hostname hostnames server-name authority vhost",
    "path": "uri url location exact path-exact exact-path",
    "path-prefix": "prefix starts-with",
    "path-regex": "regex regexp",
    "path-template": "template",
    "method": "verb verbs",
    "header": "headers",
    "query": "params query-params query-param args",
    "client-ip": "ip source-ip remote-ip remote-addr src cidr allow",
    "scheme": "protocol",
    "not": "invert except",
    "sample": "percent percentage fraction runtime-fraction",
}

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "config": {
        "listeners": "server servers http frontend frontends entrypoints entry-points gateways",
        "upstreams": "backend backends cluster clusters services pools upstream-groups",
        "routes": "rule rules location locations virtual-hosts virtualhosts paths http-routes route-config",
        "matchers": "conditions predicates",
        "workers": "worker-processes processes threads concurrency nbthread",
        "connections": "max-connections maxconn worker-connections",
        "drain-timeout": "grace-period shutdown-timeout graceful-timeout worker-shutdown-timeout",
        "state-dir": "data-dir state-directory storage",
        "watch": "reload auto-reload hot-reload",
        "metrics": "prometheus stats statistics",
        "admin": "api control",
        "access-log": "log logs logging log-format",
        "error-log": "log-level",
        "tracing": "opentelemetry otel otlp traces",
    },
    "listener": {
        "address": "port bind listen addr ip socket",
        "host": "server-name hostname hostnames domain domains",
        "protocol": "https scheme",
        "tls": "ssl https-certificate ssl-certificate certificates tls-context tls-certificate",
        "redirect-to-https": (
            "force-https force-ssl ssl-redirect https-redirect redirect-https auto-https redirections"
        ),
        "hsts": "strict-transport-security",
        "trusted-proxies": (
            "real-ip set-real-ip-from proxies trusted forwarded-headers trusted-ips xff-num-trusted-hops "
            "use-remote-address"
        ),
        "proxy-protocol": "send-proxy accept-proxy proxy-protocol-listener",
        "limits": "max-connections maxconn buffers large-client-header-buffers max-header-size",
        "timeouts": "timeout keepalive-timeout keep-alive idle-timeout client-timeout",
        "http2": "h2 http2-protocol-options h2c",
        "path-normalisation": "normalize-path merge-slashes path-normalization",
        "private": "internal",
    },
    "upstream": {
        "targets": "server servers backend backends address addresses host hosts url endpoint endpoints node",
        "tls": "ssl https transport-socket proxy-ssl",
        "connections": "pool keepalive keep-alive circuit-breakers max-connections maxconn max-conns",
        "timeouts": "timeout connect-timeout read-timeout idle-timeout",
        "names": "dns resolver resolve resolvers dns-lookup-family dns-refresh-rate",
        "balance": "load-balancing lb-policy lb-policies policy method least-conn ip-hash random lb",
        "sticky-cookie": "sticky session-affinity session-persistence affinity cookie cookie-name",
        "slow-start": "warmup slow-start-config",
        "health": (
            "health-check healthcheck health-checks active-health-check probe probes health-uri health-path "
            "active"
        ),
        "ejection": "outlier-detection passive-health-check passive max-fails fail-timeout fail-duration",
        "breaker": "circuit-breaker",
        "panic": "healthy-panic-threshold panic-threshold",
        "protocol": "http-version http2 h2 h2c grpc http-protocol-options app-protocol",
        "egress-proxy": "proxy http-proxy forward-proxy outbound-proxy forward-proxy-url network-proxy",
    },
    "balance": {
        "by": "on",
        "query": "param",
        "algorithm": "policy method type",
    },
    "health": {
        "kind": "type protocol",
        "path": "uri url http-path endpoint",
        "status": "expected-status expected-statuses match codes",
        "interval": "interval-secs every period",
        "timeout": "timeout-secs",
        "healthy": "healthy-threshold rise passes successes",
        "unhealthy": "unhealthy-threshold fall fails failures",
        "body": "expect receive response",
        "service": "service-name",
    },
    "ejection": {
        "consecutive-failures": "consecutive-5xx failures max-fails",
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
        "certificates": "cert certificate-file cert-file crt ssl-certificate",
        "min-version": "protocols ssl-protocols version tls-minimum-version",
        "client-certificates": "client-auth verify-client ssl-verify-client mtls client-certificate",
        "ca-file": "ca client-ca ssl-client-certificate trusted-ca",
    },
    "certificate": {
        "key": "key-file private-key certificate-key keyfile",
    },
    "upstream-tls": {
        "server-name": "sni servername name host",
        "ca-file": "ca ca-cert cacert trusted-ca root-ca trusted-certificate",
        "certificate-file": "cert certificate cert-file crt client-certificate",
        "key-file": "key private-key keyfile client-key",
        "verify": "insecure insecure-skip-verify skip-verify ssl-verify",
    },
    "upstream-connections": {
        "max": "limit maximum max-connections",
        "idle": "keepalive keep-alive max-idle",
    },
    "upstream-timeouts": {
        "first-byte": "read response header ttfb",
        "request": "total",
        "idle": "stream",
    },
    "route-timeouts": {
        "request": "total",
        "per-try": "try per-try-timeout backend-request",
        "first-byte": "read response header ttfb",
        "stream-idle": "stream-idle-timeout",
    },
    "retries": {
        "times": "attempts num-retries max-attempts max-retries tries count",
        "on": "retry-on codes statuses status retriable-status-codes retryable-status-codes conditions",
        "back-off": "backoff interval delay wait retry-back-off",
        "body": "buffer buffering max-body body-limit request-body",
        "budget": "retry-budget",
    },
    "fallback": {
        "upstream": "fallback-upstream upstreams to backend backends service",
        "on": (
            "triggers on-error-codes on-connection-error on-health-failure error-codes statuses status when"
        ),
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
    "back-off": {
        "first": "base base-interval min initial",
        "most": "max max-interval cap",
    },
    "retry-budget": {
        "share": "percent budget-percent ratio",
        "least": "min min-retry-concurrency",
    },
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
    "concurrency": {
        "requests": "max limit max-requests amount conn connections",
        "wait": "queue queue-timeout timeout",
    },
    "cors": {
        "origins": (
            "origin allow-origin allow-origins allowed-origins access-control-allow-origin "
            "access-control-allow-origin-list allow-origin-string-match"
        ),
        "methods": "method allow-methods allowed-methods access-control-allow-methods",
        "headers": "header allow-headers allowed-headers access-control-allow-headers",
        "expose": "expose-headers exposed-headers access-control-expose-headers",
        "credentials": "allow-credentials access-control-allow-credentials",
        "max-age": "maxage ttl access-control-max-age",
        "private-network": "allow-private-network-access",
    },
    "route-limits": {
        "request-body": "body max-body request",
        "response-body": "response reply",
    },
    "tracing": {
        "endpoint": "url address collector target",
        "sample": "rate ratio sampling",
    },
    "access-log": {
        "path": "file output destination target",
        "sample": "rate ratio sampling",
    },
    "error-log": {
        "path": "file output destination target",
        "level": "severity verbosity",
    },
    "audit-log": {
        "path": "file output destination target",
    },
    "target": {
        "target": "host port address url name",
        "weight": "share",
    },
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
        "status": "code status-code return-code permanent temporary",
        "path": "to uri url location target",
    },
    "respond": {
        "status": "code status-code return-code",
        "body": "text content data message",
        "headers": "content-type",
    },
    "rewrite": {
        "path": "uri url to",
        "template": "regex pattern replacement",
        "prefix": "strip strip-prefix",
    },
    "split-part": {
        "weight": "percent share percentage",
    },
    "static-files": {
        "root": "path directory dir folder document-root alias",
        "index": "index-names indexes index-file",
        "fallback": "try-files spa spa-fallback fallback-resource",
        "precompressed": "gzip-static brotli-static precompress compressed",
        "cache-control": "expires max-age",
        "listing": "autoindex browse directory-listing",
        "hidden": "dotfiles dot-files hide",
    },
    "compress": {
        "encodings": "algorithms formats gzip brotli br zstd encoders default-encoding",
        "types": "mime-types gzip-types included-content-types content-types match content-type",
        "least": (
            "min-length gzip-min-length minimum-length min-response-body-bytes min-size min-content-length "
            "min"
        ),
    },
    "error-pages": {
        "intercept": "proxy-intercept-errors intercept-errors upstream-errors",
    },
    "error-page": {
        "page": "status code status-code statuses",
        "body": "text content html message template",
        "file": "path template-file",
        "type": "content-type mime-type",
    },
    "authentication": {
        "api-key": "api-keys key-auth apikey keyauth keys",
        "basic": "basic-auth auth-basic basicauth htpasswd auth-basic-user-file password passwords",
        "jwt": "token tokens bearer jwt-auth auth-jwt oidc jwt-authn",
        "forward-auth": "auth-request ext-authz external auth-url forward",
        "client-certificate": "mtls client-cert tls-client-auth certificate",
        "identity-header": "user-header header-field remote-user-header",
        "access": "public anonymous optional mode",
    },
    "api-key": {
        "header": "header-name key-in-header name key-names",
        "key": "keys consumers hash",
        "file": "keys-file key-file",
    },
    "named-key": {
        "hash": "key secret value sha256",
    },
    "basic": {
        "file": "users-file auth-basic-user-file htpasswd users user-file passwords path",
    },
    "jwt": {
        "issuer": "iss issuers",
        "audience": "aud audiences",
        "algorithms": "alg algs algorithm signing-method",
        "jwks-url": "jwks jwks-uri remote-jwks jwk-set-url auth-jwt-key-request url",
        "key-file": "public-key key pem local-jwks auth-jwt-key-file file",
        "secret": "hmac shared-secret signing-secret",
        "leeway": "clock-skew clock-skew-seconds skew",
        "require": "claims required-claims scope scopes",
        "header": "claim-to-headers claims-to-headers headers",
        "name": "subject user-claim key-claim-name",
        "refresh": "cache-duration cache-ttl",
    },
    "forward-auth": {
        "url": "address uri endpoint server",
        "request-headers": "auth-request-headers headers allowed-headers",
        "response-headers": "auth-response-headers copy-headers allowed-upstream-headers auth-request-set",
        "on-failure": "failure-mode-allow failure-mode fail-open fail-closed",
        "identity": "user remote-user",
    },
    "client-certificate": {
        "allow": "subjects subject allowed cn",
        "name": "identity field san",
    },
    "geo": {
        "database": "db file path country-db mmdb maxmind database-file",
        "block": "deny blocklist blocked countries",
        "allow": "allowlist allowed",
        "unknown": "on-failure default fail-open",
        "status": "status-code code block-status",
        "message": "body block-message text",
    },
    "hsts": {
        "max-age": "sts-seconds ttl",
        "subdomains": "include-subdomains sts-include-subdomains include-sub-domains",
        "preload": "sts-preload",
    },
    "listener-http2": {
        "streams": "max-concurrent-streams http2-max-concurrent-streams max-streams",
        "window": "initial-stream-window-size",
        "connection-window": "initial-connection-window-size",
    },
    "websocket": {
        "idle": "timeout idle-timeout stream-idle-timeout",
    },
    "sticky-cookie": {
        "name": "cookie-name cookie",
        "ttl": "max-age cookie-ttl expires",
        "secret": "key hmac-secret",
    },
    "egress-proxy": {
        "url": "address host server",
        "username": "user login",
        "password": "pass",
    },
    "security-headers": {
        "frame-options": "x-frame-options frame-deny custom-frame-options-value",
        "content-type-options": "x-content-type-options content-type-nosniff nosniff",
        "content-security-policy": "csp",
        "opener-policy": "cross-origin-opener-policy coop",
        "resource-policy": "cross-origin-resource-policy corp",
    },
    "api-schema": {
        "file": "schema-file path schema openapi document spec url schema-content",
        "mismatch": "mode action on-failure validate-requests",
        "replies": "validate-responses responses",
        "unknown": "strict-mode strict",
    },
}
"""By object and key: words, separated by blanks."""

ABSENT: Final[Mapping[str, str]] = {
    "cache caching proxy-cache proxy-cache-path http-cache": (
        "gwc stores no replies: what clients and caches may keep, the reply's Cache-Control says"
    ),
    "acme letsencrypt lets-encrypt cert-resolver certificates-resolvers on-demand-tls": (
        "gwc fetches no certificates: let a client such as certbot write the files that `tls` of a listener "
        "names; new ones are taken over as they are written"
    ),
    "http3 h3 quic": "HTTP/3 is not spoken; HTTP/2 is, wherever HTTP/1.1 is",
    "fastcgi fastcgi-pass php-fastcgi uwsgi-pass scgi-pass memcached-pass ajp": (
        "upstreams speak HTTP: put a server in between that does"
    ),
    "tcp udp layer4 tcp-routers udp-routers": "gwc serves HTTP alone",
    "middleware middlewares filter filters http-filters plugin plugins policies handlers": (
        "there are no chains to put together: each policy is a key of the route, a group or `defaults`, "
        "and their order is fixed"
    ),
    "lua wasm content-by-lua access-by-lua js-content templates php": (
        "gwc runs no scripts; `agents` ask a service of yours about requests and replies"
    ),
    "providers docker kubernetes consul service-discovery dynamic": (
        "an upstream's targets are addresses and names; DNS says what a name stands for, `srv:` too"
    ),
    "ciphers cipher-suites ssl-ciphers curves ecdh-curve": (
        "versions, suites and groups are those of Mozilla's intermediate list; "
        "`min-version` can leave TLS 1.2 out"
    ),
    "fault fault-injection": "gwc injects no faults",
}
"""What people look for and gwc does not have: words, and the help that says so."""

VALUES: Final[Mapping[str, str]] = {
    "round-robin": "weighted weighted-round-robin wrr roundrobin",
    "least-requests": "least-connections least-conn least-request leastconn",
    "two-choices": "random p2c power-of-two power-of-two-choices random-choose",
    "latency": "ewma peak-ewma least-time fastest",
    "hash": "ip-hash consistent-hash consistent maglev ring-hash sticky",
    "http1": "h1 http",
    "http2": "h2 h2c grpc",
    "public": "anonymous everybody none off open",
    "required": "on require mandatory require-and-verify",
    "optional": "request verify-if-given optional-no-ca",
    "allow": "open fail-open pass",
    "deny": "closed fail-closed block reject",
    "reject": "refuse drop deny block error",
    "delay": "queue wait throttle nodelay",
    "log": "log-only dry-run report",
    "client-ip": "ip remote-addr binary-remote-addr source-ip remote-ip",
    "identity": "user consumer principal subject",
    "health": "healthz liveness live ping",
    "ready": "readyz readiness",
    "metrics": "prometheus stats stub-status",
    "connect-failure": "error connect connection-error",
    "reset": "reset-before-request disconnect",
    "timeout": "per-try-timeout gateway-timeout",
    "report": "warn ignore log log-only",
    "refuse": "reject enforce block",
    "br": "brotli",
    "gzip": "gz",
}
"""By value of a key that has a few: words for it. A word may mean another value of another key."""
