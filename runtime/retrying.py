"""Whether a request that failed is tried again, and after how long.

Owns the decisions, as plain functions, and the budget of further tries. Who carries them out is `tries.py`;
nothing here knows a connection.
"""

from __future__ import annotations

import re
from calendar import timegm
from typing import Final, Literal, TypeAlias

from gwc.schema.policies.retries import IDEMPOTENT, FieldCondition, RetriesRecord, RetryBudget

from .reply import Reply

MAX_TRIES: Final = 3
"""Targets that are tried where a connection cannot be made and no `retries` say otherwise."""

Cause: TypeAlias = Literal[
    "connect-failure", "reset", "timeout", "no-target", "overload", "status", "header", ""
]
"""What kind of failure it was; "" is none that another try could mend."""

Withheld: TypeAlias = Literal["method", "body", "budget", "retry-after", "deadline"]
"""Why a request is not tried again that otherwise would be."""

_CAUSES: Final[dict[str, Cause]] = {
    "connect-refused": "connect-failure",
    "connect-timeout": "connect-failure",
    "tls-failed": "connect-failure",
    "protocol-mismatch": "connect-failure",
    "egress-refused": "connect-failure",
    "egress-credentials": "connect-failure",
    "egress-reply": "connect-failure",
    "name-lookup": "connect-failure",
    "connection-lost": "reset",
    "stream-reset": "reset",
    "stream-refused": "reset",
    "protocol-error": "reset",
    "reply-head": "reset",
    "reply-framing": "reset",
    "reply-interim": "reset",
    "reply-upgrade": "reset",
    "try-timeout": "timeout",
    "first-byte-timeout": "timeout",
    "no-target": "no-target",
    "breaker-open": "no-target",
    "pending-full": "overload",
    "pending-timeout": "overload",
}

UNSENT: Final = frozenset(("connect-failure", "no-target", "overload"))
"""Failures before anything of a request was sent: whatever its method, it may go elsewhere."""


def cause_of(reason: str) -> Cause:
    """The kind of a failure. Of those that are none, a request's own end is the most usual."""
    return _CAUSES.get(reason, "")


def failed_by(reply: Reply, statuses: tuple[int, ...], headers: tuple[FieldCondition, ...]) -> Cause:
    """What of a reply counts as a failure."""
    if reply.status in statuses:
        return "status"
    if headers:
        fields = reply.fields()
        for name, value in headers:
            if any(each == name and value in (None, found) for each, found in fields):
                return "header"
    return ""


def is_left_alone(reason: str, *, reused: bool, length: int, method: str) -> bool:
    """Whether a kept connection was closed by the target in the very moment: nothing was served, so nothing
    is done twice.
    """
    return reused and reason == "connection-lost" and length == 0 and method in IDEMPOTENT


def back_off_s(retries: RetriesRecord, number: int, chance: float) -> float:
    """The wait before further try `number`, from 1: full jitter. `chance` is from 0 to 1."""
    most_ms = min(retries.first_ms << min(number - 1, 32), retries.most_ms)
    return most_ms / 1000 * chance


def asked_wait_s(reply: Reply, now: float) -> float | None:
    """How long a reply's Retry-After asks to wait (RFC 9110 section 10.2.3), None where it does not.

    `now` is Unix time.
    """
    for name, value in reply.fields():
        if name == "retry-after":
            if _SECONDS.fullmatch(value):
                return float(value)
            date = _DATE.fullmatch(value)
            if date is None:
                return None
            day, month, year, hour, minute, second = date.groups()
            when = timegm(
                (int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second))
            )
            return max(when - now, 0.0)
    return None


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_DATE: Final = re.compile(
    rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-9]{{2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}}) "
    r"([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT"
)
"""The one form that is sent (RFC 9110 section 5.6.7)."""

_CELLS: Final = 10
"""Seconds of a budget's window."""


class Budget:
    """How many requests of a route may be tried again, in one worker.

    Mutable: requests and further tries of the last ten seconds, by second.
    """

    def __init__(self, record: RetryBudget) -> None:
        self._record = record
        self._requests = [0] * _CELLS
        self._tries = [0] * _CELLS
        self._second = 0

    def asked(self, now: float) -> None:
        """Count a request. `now` is in seconds and never goes back."""
        self._requests[self._at(now)] += 1

    def allows(self, now: float) -> bool:
        """Whether one more try is within the budget; it counts then."""
        at = self._at(now)
        tries = sum(self._tries)
        allowed = tries < self._record.least or (tries + 1) * 1_000_000 <= self._record.share * sum(
            self._requests
        )
        self._tries[at] += allowed
        return allowed

    def close(self) -> None:
        """See Kept."""

    def _at(self, now: float) -> int:
        """The cell of this second, those of seconds that are over emptied."""
        second = int(now)
        for each in range(max(self._second + 1, second - _CELLS + 1), second + 1):
            self._requests[each % _CELLS] = self._tries[each % _CELLS] = 0
        self._second = second
        return second % _CELLS
