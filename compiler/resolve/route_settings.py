"""The settings of a route's requests: timeouts, limits, trailers, reasons, WebSockets, stickiness, policies.

Owns their reading, how inner ones are laid over outer ones (key by key), and which of them an action leaves
without an effect.
"""

from __future__ import annotations

from typing import Any, Final

from gwc.schema.diagnostic import Label, error
from gwc.schema.table import RouteSettings

from .addresses import ADDRESS_KEYS, address_rules
from .agents import resolve_use
from .amounts import amount_of, filled
from .authentication import authentication
from .context import Context, Record, key_span, span_of
from .fallback import resolve_fallback
from .geo import geo_policy
from .headers import UNCHANGEABLE_IN_REQUESTS
from .mirrors import resolve_mirrors
from .policies import POLICIES, own_policies
from .resolved import Action, Split, ToUpstream
from .retries import resolve_retries
from .websocket import resolved_websocket

SETTINGS: Final = frozenset(
    (
        "timeouts",
        "limits",
        "trailers",
        "reasons",
        "websocket",
        "drain-streams",
        "sticky",
        "retries",
        "fallback",
        "mirror",
        "agents",
        *ADDRESS_KEYS,
        "authenticate",
        "geo",
        *POLICIES,
    )
)
"""The keys of a route, group or `defaults` that are read here."""

TIMEOUTS: Final = {
    "request": "request_ms",
    "per-try": "per_try_ms",
    "first-byte": "first_byte_ms",
    "idle": "idle_ms",
    "stream-idle": "stream_idle_ms",
}
_LIMITS: Final = {"request-body": "request_body_bytes", "response-body": "response_body_bytes"}

USUAL: Final = RouteSettings()
"""Those of a route that says nothing."""

_OF_UPSTREAMS: Final[dict[str, Any]] = {
    name: USUAL._asdict()[name]
    for name in (
        "request_ms",
        "per_try_ms",
        "first_byte_ms",
        "idle_ms",
        "response_body_bytes",
        "request_trailers",
        "response_trailers",
        "sticky",
    )
}
"""What means nothing where the gateway answers by itself. Policies mean something everywhere."""

_NO_TRAILERS: Final = UNCHANGEABLE_IN_REQUESTS | {
    "authorization",
    "cache-control",
    "content-encoding",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "set-cookie",
    "www-authenticate",
}
"""Fields that come too late in a trailer: they frame, route, allow or describe (RFC 9110 section 6.5.1)."""


def overlaid_settings(context: Context, outer: RouteSettings, record: Record) -> RouteSettings:
    """The settings with the record's own over them."""
    settings = filled(outer, record.get("timeouts"), TIMEOUTS)
    settings = filled(settings, record.get("limits"), _LIMITS)
    own: dict[str, Any] = own_policies(context, record)
    for key, names in record.get("trailers", {}).items():
        _refuse_trailers(context, record["trailers"], key)
        own[f"{key}_trailers"] = tuple(dict.fromkeys(name.lower() for name in names))
    if "reasons" in record:
        own["reasons"] = record["reasons"]
    if "drain-streams" in record:
        own["drain_streams_ms"] = amount_of(record, "drain-streams")
    if "websocket" in record:
        own["websocket"] = resolved_websocket(context, record["websocket"])
    if "sticky" in record:
        own["sticky"] = _sticky(context, record["sticky"])
    if any(key in record for key in ADDRESS_KEYS):
        own["addresses"] = address_rules(settings.addresses, record)
    if "retries" in record:
        own["retries"] = resolve_retries(context, record["retries"])
    if "authenticate" in record:
        own["authentication"] = authentication(context, record["authenticate"])
    if "geo" in record:
        own["geo"] = geo_policy(context, record["geo"])
    if "mirror" in record:
        own["mirrors"] = resolve_mirrors(context, record["mirror"])
    if "agents" in record:
        own["agents"] = resolve_use(context, record["agents"], record)
    if "fallback" in record:
        own["fallback"] = resolve_fallback(context, record["fallback"])
    return context.share(settings._replace(**own) if own else settings)


def settings_in_force(settings: RouteSettings, action: Action) -> RouteSettings:
    """The settings without those that mean nothing to the action, so that equal routes are equal."""
    if isinstance(action, Split):
        return settings
    if isinstance(action, ToUpstream):
        return settings if settings.sticky is None else settings._replace(sticky=None)
    return settings._replace(**_OF_UPSTREAMS)


def _sticky(context: Context, record: Record) -> tuple[str, str]:
    """What of a request decides; of two, which are reported, the first counts."""
    ways = sorted(record, key=lambda key: key_span(record, key).start)
    if len(ways) > 1:
        context.report(
            error(
                "GWC334",
                key_span(record, ways[1]),
                "`sticky` has two ways to tell requests apart",
                label="the second",
                secondary=(Label(key_span(record, ways[0]), "the first"),),
                help="keep one: `client-ip`, a header or a cookie",
            )
        )
    way = ways[0]
    if way == "by":
        return "client-ip", ""
    return way, record[way].lower() if way == "header" else record[way]


def _refuse_trailers(context: Context, record: Record, key: str) -> None:
    for index, name in enumerate(record[key]):
        if name.lower() in _NO_TRAILERS:
            context.report(
                error(
                    "GWC333",
                    span_of(record, key, index),
                    f"`{name.lower()}` cannot be a trailer",
                    label="comes too late behind a body",
                    help="take it out: such a field counts in the head of a message alone",
                )
            )
