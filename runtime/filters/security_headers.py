"""Fields that tell browsers to be careful, on every reply of a route.

Owns how they get there: beside what a target says of the same, or in its place. The route's own rules for
replies come later and have the last word.
"""

from __future__ import annotations

from gwc.schema.policies.security_headers import SecurityHeadersRecord
from gwc.schema.table import RouteSettings

from ..filter import Filter, FilterContext, Phase
from ..reply import Reply
from .build import Making


def make(settings: RouteSettings, _making: Making) -> Filter | None:
    """The filter of a route that has `security-headers`."""
    record = settings.security_headers
    return None if record is None or not record.fields else SecurityHeaders(record)


class SecurityHeaders(Filter):
    """The fields of one route."""

    name = "security-headers"
    phase = Phase.ANSWER

    def __init__(self, record: SecurityHeadersRecord) -> None:
        self._lines = {
            name.encode("latin-1"): f"{name}: ".encode("latin-1") + value.encode("utf-8")
            for name, value in record.fields
        }
        self._all = list(self._lines.values())
        self._replace = record.replace

    def on_reply(self, context: FilterContext, reply: Reply) -> None:
        """Set them. PERF: the names of a reply are looked at once, without decoding."""
        lines = reply.lines
        ours = self._lines
        present = [line.partition(b":")[0].lower() for line in lines]
        clash = ours.keys() & present
        if not clash:
            lines += self._all
        elif self._replace:
            kept = [line for line, name in zip(lines, present, strict=True) if name not in ours]
            reply.lines = kept + self._all
        else:
            lines += [line for name, line in ours.items() if name not in clash]
