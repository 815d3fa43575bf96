"""Further tries of a request that failed, as a table has them.

Owns the record and its defaults. What is made of it is the runtime's business.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

Cause: TypeAlias = Literal["connect-failure", "reset", "timeout"]
"""How a try can fail without a reply."""

FieldCondition: TypeAlias = tuple[str, str | None]
"""A field's lower-case name, and the value that one of its lines must have; None: it need only be there."""

IDEMPOTENT: Final = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
"""RFC 9110 section 9.2.2, of the methods that are forwarded."""

KEPT_BYTES: Final = 64 * 1024
"""How long a body may be that is kept to be sent again, where nothing else is said."""


class RetryBudget(NamedTuple):
    """`share`: further tries as a share of requests, in millionths; `least` are always allowed. Both in a
    window of ten seconds.
    """

    share: int
    least: int = 10


class RetriesRecord(NamedTuple):
    """`times` more tries after the first. A try has failed for one of the causes `on`, with one of the
    `statuses`, or with a reply that has one of the `headers`.

    The wait before the nth further try is at most `first_ms` times two to the n - 1, at most `most_ms`. A
    reply's Retry-After counts instead where it says no more than `retry_after_ms`, 0: it is not looked at.
    Bodies up to `body_bytes` are kept to be sent again, 0: none.
    """

    times: int
    on: tuple[Cause, ...] = ("connect-failure", "reset", "timeout")
    statuses: tuple[int, ...] = ()
    headers: tuple[FieldCondition, ...] = ()
    first_ms: int = 25
    most_ms: int = 250
    retry_after_ms: int = 0
    body_bytes: int = KEPT_BYTES
    methods: tuple[str, ...] = IDEMPOTENT
    budget: RetryBudget | None = None
