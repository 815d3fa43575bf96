"""Cross-origin requests: the reading of `cors`.

Owns what of its keys goes together. The form of an origin is `gwc.schema.values.origin`'s.
"""

from __future__ import annotations

from typing import Any, Final

from gwc.schema.diagnostic import Label, error
from gwc.schema.policies.cors import CorsRecord
from gwc.schema.values.origin import ANY, parse_origin

from .amounts import amount_of
from .context import Context, Record, key_span, span_of

_OTHERS: Final = {
    "credentials": "credentials",
    "max-age": "max_age_ms",
    "private-network": "private_network",
}


def resolve_cors(context: Context, record: Record, _scope: str) -> CorsRecord | None:
    """The policy; None where it is switched off."""
    if record.get("state") == "off":
        return None
    if "origins" not in record:
        context.report(
            error(
                "GWC374",
                span_of(record),
                "`cors` names no origin",
                label="nobody could use the route from elsewhere",
                help='add `origins "https://app.example.com"`, or `origins "*"` for every page',
            )
        )
        return None
    origins = tuple(dict.fromkeys(str(parse_origin(text)) for text in record["origins"]))
    lists: dict[str, Any] = {
        "origins": origins,
        "methods": tuple(dict.fromkeys(record.get("methods", ()))),
        "headers": tuple(dict.fromkeys(name.lower() for name in record.get("headers", ()))),
        "expose": tuple(dict.fromkeys(name.lower() for name in record.get("expose", ()))),
    }
    for key, values in lists.items():
        if ANY in values:
            _judge_any(context, record, key, len(values))
    others = {_OTHERS[key]: amount_of(record, key) for key in _OTHERS if key in record}
    return CorsRecord(**lists, **others)


def _judge_any(context: Context, record: Record, key: str, number: int) -> None:
    """`*` is all there is, and with credentials it is none for origins and for what pages may read."""
    at = span_of(record, key, record[key].index(ANY))
    if number > 1:
        context.report(
            error(
                "GWC373",
                at,
                f"`*` stands beside other `{key}`",
                label="means all, so the others say nothing",
                help="keep `*` alone, or take it out",
            )
        )
    if record.get("credentials") and key in ("origins", "expose"):
        what = "every page of the web" if key == "origins" else "every field"
        context.report(
            error(
                "GWC372",
                at,
                f'`{key} "*"` does not go with `credentials`',
                label=f"would be {what}",
                secondary=(Label(key_span(record, "credentials"), "with the user's cookies"),),
                help=f"list the {'origins' if key == 'origins' else 'fields'}; browsers refuse `*` here",
            )
        )
