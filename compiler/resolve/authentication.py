"""`authenticate`: from the record to the table's.

Owns the rules inside one: `public` stands alone, a list of keys has keys. Which routes are closed because
others ask is `closing.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from gwc.schema.diagnostic import Label, error
from gwc.schema.policies.authentication import ApiKeys, Authentication, Basic

from .amounts import amount_of
from .context import Context, Record, key_span, span_of

_WAYS = ("api-key", "basic")


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
    usual = Authentication()
    return Authentication(
        realm=record.get("realm", usual.realm),
        identity_header=_lower(record.get("identity-header")),
        api_keys=tuple(_api_keys(context, each) for each in _all(record, "api-key")),
        basic=_basic(record["basic"]) if "basic" in record else None,
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


def _all(record: Record, key: str) -> Sequence[Record]:
    return cast(Sequence[Record], record.get(key, ()))


def _lower(name: Any) -> str | None:
    return None if name is None else str(name).lower()
