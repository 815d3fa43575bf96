"""`authenticate`: from the record to the table's.

Owns the rules inside one: `public` stands alone, a list of keys has keys. Which routes are closed because
others ask is `closing.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from gwc.schema.diagnostic import Label, error
from gwc.schema.policies.authentication import (
    ApiKeys,
    Authentication,
    Basic,
    Certificate,
    ForwardAuth,
    Jwt,
)

from .amounts import amount_of
from .context import Context, Record, key_span, span_of
from .headers import UNCHANGEABLE_IN_REQUESTS, Place, refuse_unchangeable

_WAYS = ("api-key", "basic", "jwt", "forward-auth", "client-certificate")
_KEYS = ("jwks-url", "key-file", "secret")
_SECRET_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}


def authentication(context: Context, record: Record) -> Authentication:
    """The policy of a record; an inner one takes the place of an outer one whole."""
    ways = [key for key in _WAYS if key in record]
    if "access" in record:
        for key in record:
            if key != "access":
                context.report(
                    error(
                        "GWC365",
                        key_span(record, key),
                        f"`{key}` has no effect beside `public`",
                        label="nobody is asked",
                        secondary=(Label(span_of(record, "access"), "lets in everybody"),),
                        help="keep one of the two",
                    )
                )
        return Authentication(public=True)
    if not ways:
        first = next(iter(record))
        context.report(
            error(
                "GWC365",
                key_span(record, first),
                "`authenticate` names no way to prove who one is",
                label="needs one beside it",
                help=f"add {', '.join(f'`{each}`' for each in _WAYS[:-1])} or `{_WAYS[-1]}`",
            )
        )
    for owner, key, index in _fields(record):
        name = (owner[key] if index is None else owner[key][index]).lower()
        if name in UNCHANGEABLE_IN_REQUESTS:
            refuse_unchangeable(context, name, (owner, key, index))
    usual = Authentication()
    return Authentication(
        realm=record.get("realm", usual.realm),
        identity_header=_lower(record.get("identity-header")),
        api_keys=tuple(_api_keys(context, each) for each in _all(record, "api-key")),
        basic=_basic(record["basic"]) if "basic" in record else None,
        jwts=tuple(_jwt(context, each) for each in _all(record, "jwt")),
        forward_auth=_forward_auth(record["forward-auth"]) if "forward-auth" in record else None,
        certificate=_certificate(record["client-certificate"]) if "client-certificate" in record else None,
    )


def _fields(record: Record) -> Iterator[Place]:
    """The names of fields that are set for the upstream."""
    if "identity-header" in record:
        yield record, "identity-header", None
    for tokens in _all(record, "jwt"):
        yield from ((each, "name", None) for each in _all(tokens, "header"))
    service = record.get("forward-auth", {})
    yield from (
        (service, "response-headers", index) for index in range(len(service.get("response-headers", ())))
    )


def _api_keys(context: Context, record: Record) -> ApiKeys:
    if "file" not in record and "key" not in record:
        context.report(
            error(
                "GWC368",
                span_of(record),
                "`api-key` has no keys",
                label="nobody could be let in",
                help='write `file="…"`, or `key "name" "sha256:…"` for each',
            )
        )
    places = (record.get("header"), record.get("query"), record.get("cookie"))
    header, query, cookie = places if any(places) else ("x-api-key", None, None)
    return ApiKeys(
        _lower(header),
        query,
        cookie,
        record.get("file"),
        tuple((each["name"], each["hash"]) for each in _all(record, "key")),
        record.get("forward", False),
    )


def _basic(record: Record) -> Basic:
    usual = Basic("")
    return Basic(
        record["file"],
        amount_of(record, "cache") if "cache" in record else usual.cache_ms,
        record.get("forward", False),
    )


def _jwt(context: Context, record: Record) -> Jwt:
    sources = [key for key in _KEYS if key in record]
    if len(sources) != 1:
        context.report(
            error(
                "GWC367",
                key_span(record, sources[1]) if sources else span_of(record),
                "`jwt` has no key" if not sources else f"`jwt` has `{sources[0]}` and `{sources[1]}`",
                label="nothing could be verified" if not sources else "the second",
                secondary=(Label(key_span(record, sources[0]), "the first"),) if sources else (),
                help="write one of `jwks-url`, `key-file` and `secret`",
            )
        )
    shared = "secret" in record
    algorithms = record.get("algorithms") or (("HS256",) if shared else ("RS256", "ES256"))
    for index, name in enumerate(record.get("algorithms", ())):
        if name.startswith("HS") != shared:
            context.report(
                error(
                    "GWC366",
                    span_of(record, "algorithms", index),
                    f"`{name}` does not go with `{'secret' if shared else (sources or ['jwks-url'])[0]}`",
                    label="needs a public key" if shared else "needs a secret",
                    help="a secret goes with `HS…` alone, a public key never: who has it could sign",
                )
            )
    if shared and "${" not in record["secret"]:
        length = len(record["secret"].encode("utf-8"))
        least = max(_SECRET_BYTES.get(name, 0) for name in algorithms)
        if length < least:
            context.report(
                error(
                    "GWC370",
                    span_of(record, "secret"),
                    f"this secret has {length} bytes",
                    label=f"at least {least} are needed",
                    help="make one with `openssl rand -base64 48`, and keep it in a variable or a file",
                )
            )
    usual = Jwt((), (), ())
    return Jwt(
        issuer=record["issuer"],
        audience=record["audience"],
        algorithms=tuple(dict.fromkeys(algorithms)),
        jwks_url=record.get("jwks-url"),
        key_file=record.get("key-file"),
        secret=record.get("secret"),
        refresh_ms=amount_of(record, "refresh") if "refresh" in record else usual.refresh_ms,
        leeway_ms=amount_of(record, "leeway") if "leeway" in record else usual.leeway_ms,
        cookie=record.get("cookie"),
        query=record.get("query"),
        name=record.get("name", usual.name),
        require=tuple((each["claim"], each.get("values", ())) for each in _all(record, "require")),
        headers=tuple((each["name"].lower(), each["claim"]) for each in _all(record, "header")),
        forward=record.get("forward", False),
    )


def _forward_auth(record: Record) -> ForwardAuth:
    usual = ForwardAuth("")
    wanted = record.get("request-headers")
    return ForwardAuth(
        record["url"],
        None if wanted is None else tuple(each.lower() for each in wanted),
        tuple(dict.fromkeys(each.lower() for each in record.get("response-headers", ()))),
        _lower(record.get("identity")),
        amount_of(record, "timeout") if "timeout" in record else usual.timeout_ms,
        record.get("on-failure", usual.on_failure),
    )


def _certificate(record: Record) -> Certificate:
    name = record.get("name", Certificate().name)
    allow = record.get("allow", ())
    return Certificate(
        name, tuple(each.lower() if name in ("dns", "fingerprint") else each for each in allow)
    )


def _all(record: Record, key: str) -> Sequence[Record]:
    return cast(Sequence[Record], record.get(key, ()))


def _lower(name: Any) -> str | None:
    return None if name is None else str(name).lower()
