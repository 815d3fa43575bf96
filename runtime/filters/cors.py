"""Cross-origin requests: preflights are answered here, and replies say who may read them.

Owns the fields of CORS, by the rules of the Gateway API's filter. A request of an origin that is not listed
is served all the same; without the fields, its page cannot read the reply. What a target says of CORS is
dropped: two answers would contradict each other.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from gwc.schema.policies.cors import CorsRecord
from gwc.schema.request import RequestHead
from gwc.schema.table import RouteSettings
from gwc.schema.values.origin import normal_origin

from ..filter import Answer, Filter, FilterContext, Phase
from ..preflight import METHOD_FIELD, is_preflight
from ..reply import Reply
from .build import Making

_OWN: Final = b"access-control-"
_HEADERS_FIELD: Final = "access-control-request-headers"
_NETWORK_FIELD: Final = "access-control-request-private-network"
_ANY: Final = ("*",)
_PREFLIGHT_VARY: Final = "origin, access-control-request-method, access-control-request-headers"
_KEPT: Final = 1024
"""Origins whose verdict is remembered."""


def make(settings: RouteSettings, _making: Making) -> Filter | None:
    """The filter of a route that has `cors`."""
    return None if settings.cors is None else Cors(settings.cors)


class Cors(Filter):
    """What a route says to browsers about other origins."""

    name = "cors"
    phase = Phase.CORS

    def __init__(self, record: CorsRecord) -> None:
        self._record = record
        self._all = record.origins == _ANY
        self._exact = frozenset(record.origins)
        self._wild = tuple(
            (scheme + "://", rest[1:])
            for scheme, _, rest in (origin.partition("://") for origin in record.origins)
            if rest.startswith("*.")
        )
        self._allows = lru_cache(maxsize=_KEPT)(self._judge)
        self._credentials = [b"access-control-allow-credentials: true"] if record.credentials else []
        expose = ", ".join(record.expose)
        self._expose = [f"access-control-expose-headers: {expose}".encode("latin-1")] if expose else []

    def on_request(self, context: FilterContext) -> Answer | None:
        """A preflight ends here; its fields are put in as in every other reply."""
        return Answer(204) if is_preflight(context.head) else None

    def on_reply(self, context: FilterContext, reply: Reply) -> None:
        """The fields for this request, in place of those of the target."""
        head = context.head
        lines = reply.lines = [line for line in reply.lines if line[:15].lower() != _OWN]
        if context.own and reply.status == 204 and is_preflight(head):
            lines += [f"{name}: {value}".encode("latin-1") for name, value in self.preflight_fields(head)]
            return
        if not self._all:
            _add_vary(lines)
        allowed = self._allowed(head)
        if allowed is not None:
            lines.append(b"access-control-allow-origin: " + allowed.encode("latin-1"))
            lines += self._credentials
            lines += self._expose

    def preflight_fields(self, head: RequestHead) -> list[tuple[str, str]]:
        """The fields of the answer to a preflight; to an origin that is not listed it says nothing."""
        record = self._record
        found = [("vary", _PREFLIGHT_VARY)]
        allowed = self._allowed(head)
        if allowed is None:
            return found
        found.append(("access-control-allow-origin", allowed))
        if record.credentials:
            found.append(("access-control-allow-credentials", "true"))
        methods = ", ".join(record.methods)
        if record.methods == _ANY and record.credentials:
            methods = head.headers.get(METHOD_FIELD, "")
        headers = ", ".join(record.headers)
        if record.headers == _ANY:  # a plain `*` would not cover Authorization
            headers = head.headers.get(_HEADERS_FIELD, "")
        for name, value in (("methods", methods), ("headers", headers)):
            if value:
                found.append((f"access-control-allow-{name}", value))
        if record.private_network and head.headers.get(_NETWORK_FIELD) == "true":
            found.append(("access-control-allow-private-network", "true"))
        if record.expose:
            found.append(("access-control-expose-headers", ", ".join(record.expose)))
        found.append(("access-control-max-age", str(record.max_age_ms // 1000)))
        return found

    def _allowed(self, head: RequestHead) -> str | None:
        """What Access-Control-Allow-Origin says to this request, None where it is left out."""
        if self._all:
            return "*"
        origin = head.headers.get("origin")
        return origin if origin is not None and self._allows(origin) else None

    def _judge(self, origin: str) -> bool:
        """Whether pages of an origin, as a browser names it, may read replies."""
        normal = normal_origin(origin)
        if normal is None:
            return False
        if normal in self._exact:
            return True
        return any(
            normal.startswith(scheme) and normal.endswith(rest) and len(normal) > len(scheme) + len(rest)
            for scheme, rest in self._wild
        )


def _add_vary(lines: list[bytes]) -> None:
    """Say that the reply depends on Origin, if nobody has said so."""
    for number, line in enumerate(lines):
        if line[:5].lower() == b"vary:":
            told = [each.strip(b" \t").lower() for each in line[5:].split(b",")]
            if b"origin" not in told and b"*" not in told:
                lines[number] = line + b", origin" if any(told) else b"vary: origin"
            return
    lines.append(b"vary: origin")
