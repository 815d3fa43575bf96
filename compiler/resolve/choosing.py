"""How an upstream's targets are chosen: balance, sticky cookie, ejection, breaker, from record to table.

Owns the rules between these keys: what is hashed is said once and only where something is hashed; a secret is
long enough; what a setting speaks of happens.
"""

from __future__ import annotations

from typing import Final

from gwc.schema.diagnostic import Diagnostic, Label, error
from gwc.schema.policies.choosing import (
    Balance,
    Breaker,
    Choosing,
    Ejection,
    Health,
    Statuses,
    StickyCookie,
)
from gwc.schema.values.host import parse_host
from gwc.schema.values.refusal import ValueRefusal
from gwc.schema.values.statuses import parse_statuses

from .amounts import amount_of, filled
from .context import Record, key_span, span_of

_EJECTION: Final = {
    "consecutive-failures": "failures",
    "error-share": "share",
    "over": "over_ms",
    "requests": "requests",
    "time": "time_ms",
    "longest": "longest_ms",
    "most": "most",
}
_BREAKER: Final = {"failures": "failures", "open": "open_ms", "half-open": "half_open", "scope": "of"}
_HEALTH: Final = {
    "kind": "kind",
    "path": "path",
    "method": "method",
    "body": "body",
    "service": "service",
    "interval": "interval_ms",
    "timeout": "timeout_ms",
    "healthy": "healthy",
    "unhealthy": "unhealthy",
    "port": "port",
}
_OF_HTTP: Final = ("path", "method", "status", "body")
_HASHED: Final = ("by", "header", "cookie", "query")

LEAST_SECRET: Final = 16
"""Bytes of a secret."""


def resolve_choosing(record: Record, found: list[Diagnostic]) -> Choosing | None:
    """All of it; None where the upstream says nothing, or nothing but what is so anyway."""
    settings = Choosing()
    if "balance" in record:
        settings = settings._replace(balance=_balance(record["balance"], found))
    if "sticky-cookie" in record:
        settings = settings._replace(sticky_cookie=_sticky_cookie(record["sticky-cookie"], found))
    if "slow-start" in record:
        settings = settings._replace(slow_start_ms=amount_of(record, "slow-start"))
        if settings.balance.algorithm == "hash":
            at = Label(span_of(record["balance"], "algorithm"), "what is alike stays together")
            _no_effect(record, "slow-start", "beside `hash`", found, "nothing grows little by little", at)
    if "health" in record:
        settings = settings._replace(health=_health(record, record["health"], found))
    if "ejection" in record:
        settings = settings._replace(ejection=_ejection(record["ejection"], found))
    if "breaker" in record:
        breaker = filled(Breaker(), record["breaker"], _BREAKER)
        settings = settings._replace(breaker=breaker._replace(statuses=_statuses(record["breaker"], breaker)))
    if "panic" in record:
        settings = settings._replace(panic=amount_of(record, "panic"))
        if settings.ejection is None and settings.health is None:
            _no_effect(
                record, "panic", "without `health` or `ejection`", found, "no target is ever out of service"
            )
    return None if settings == Choosing() else settings


def _balance(record: Record, found: list[Diagnostic]) -> Balance:
    algorithm = record["algorithm"]
    ways = sorted((key for key in _HASHED if key in record), key=lambda key: key_span(record, key).start)
    if algorithm != "hash":
        for way in ways:
            _no_effect(record, way, f"beside `{algorithm}`", found, "only `hash` looks at the request")
        return Balance(algorithm)
    if len(ways) != 1:
        at, label, headline = span_of(record, "algorithm"), "", "`hash` is not told what to hash"
        others: tuple[Label, ...] = ()
        if ways:
            at, label, headline = key_span(record, ways[1]), "the second", "`hash` is told twice what to hash"
            others = (Label(key_span(record, ways[0]), "the first"),)
        advice = "write one: `client-ip`, `path`, a `header`, a `cookie` or a `query` parameter"
        found.append(error("GWC355", at, headline, label=label, secondary=others, help=advice))
        return Balance(algorithm, "client-ip")
    name = record[ways[0]]
    if "header" in record:
        return Balance(algorithm, "header", name.lower())
    if "cookie" in record:
        return Balance(algorithm, "cookie", name)
    return Balance(algorithm, "query", name) if "query" in record else Balance(algorithm, name)


def _sticky_cookie(record: Record, found: list[Diagnostic]) -> StickyCookie:
    secret = record["secret"]
    if "${" not in secret and len(secret.encode("utf-8", "surrogatepass")) < LEAST_SECRET:
        found.append(
            error(
                "GWC356",
                span_of(record, "secret"),
                f"the secret has less than {LEAST_SECRET} bytes",
                label="can be found by trying",
                help="take a random one (`openssl rand -hex 32`) and keep it in a variable: `${env:SECRET}`",
            )
        )
    cookie = StickyCookie(secret)
    if "name" in record:
        cookie = cookie._replace(name=record["name"])
    if "ttl" in record:
        cookie = cookie._replace(ttl_ms=amount_of(record, "ttl"))
    return cookie


def _health(upstream: Record, record: Record, found: list[Diagnostic]) -> Health:
    health = filled(Health(), record, _HEALTH)
    if "host" in record:
        health = health._replace(host=str(parse_host(record["host"])))
    mute = [key for key in _OF_HTTP if health.kind != "http" and key in record]
    mute += ["host"] if health.kind == "tcp" and "host" in record else []
    mute += ["service"] if health.kind != "grpc" and "service" in record else []
    for key in mute:
        at = Label(span_of(record, "kind"), "nothing of the kind is asked") if "kind" in record else None
        _no_effect(record, key, f"on probes over `{health.kind}`", found, "", *([] if at is None else [at]))
    if "port" in record and all(each["target"].startswith("unix:") for each in upstream["targets"]):
        _no_effect(record, "port", "on unix sockets", found, "there are no ports")
    return health._replace(statuses=_statuses(record, health))


def _ejection(record: Record, found: list[Diagnostic]) -> Ejection:
    ejection = filled(Ejection(), record, _EJECTION)
    if not ejection.share:
        for key in ("over", "requests"):
            if key in record:
                _no_effect(record, key, "without `error-share`", found, "nobody looks at shares")
        if not ejection.failures:
            _no_effect(record, "consecutive-failures", "", found, "nothing is left that ejects a target")
    return ejection._replace(statuses=_statuses(record, ejection))


def _statuses(record: Record, usual: Health | Ejection | Breaker) -> Statuses:
    if "status" not in record:
        return usual.statuses
    ranges = [parse_statuses(str(each)) for each in record["status"]]
    return tuple(each for each in ranges if not isinstance(each, ValueRefusal))


def _no_effect(
    record: Record, key: str, where: str, found: list[Diagnostic], label: str, *others: Label
) -> None:
    found.append(
        error(
            "GWC324",
            key_span(record, key),
            f"`{key}` has no effect {where}".strip(),
            label=label,
            secondary=others,
            help=f"take `{key}` out",
        )
    )
