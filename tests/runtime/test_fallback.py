"""Which upstream is turned to next, and what a reply says of it."""

from __future__ import annotations

from typing import cast

from gwc.runtime.fallback import Fallback, Others, has_failed, is_called_for
from gwc.runtime.plan import NO_TIMES
from gwc.runtime.reply import Reply
from gwc.runtime.upstream.pool import Upstream
from gwc.schema.policies.fallback import FallbackRecord
from hypothesis import given
from hypothesis import strategies as st


class Named:
    """An upstream by its name alone."""

    def __init__(self, name: str) -> None:
        self.name = name


def others(*names: str) -> Others:
    """Upstreams of these names."""
    return tuple((cast(Upstream, Named(name)), NO_TIMES) for name in names)


def turned(fallback: Fallback, current: str) -> list[str]:
    """The upstreams that are turned to from one, each of which fails."""
    found = []
    while (upstream := fallback.next(current, "reset")) is not None:
        current = upstream[0].name
        found.append(current)
    return found


@given(
    names=st.lists(st.sampled_from("abcdef"), unique=True),
    first=st.sampled_from("abcdef"),
    attempts=st.integers(0, 7),
)
def test_each_once_in_order(names: list[str], first: str, attempts: int) -> None:
    """Those that are named, but for the one that failed, and not more than said."""
    fallback = Fallback(FallbackRecord((), attempts=attempts), others(*names))
    wanted = [name for name in names if name != first]
    assert turned(fallback, first) == (wanted[:attempts] if attempts else wanted)
    assert fallback.first == (first if wanted else "")


def test_what_is_said() -> None:
    """Four fields, in place of those that the upstream sent itself."""
    fallback = Fallback(FallbackRecord(()), others("b"))
    assert fallback.next("a", "status-503") is not None
    reply = Reply(200, b"OK", [b"X-Fallback-Used: maybe", b"x-other: 1"], 0)
    fallback.mark(reply, "b")
    assert reply.fields() == [
        ("x-other", "1"),
        ("x-fallback-used", "true"),
        ("x-fallback-upstream", "b"),
        ("x-fallback-reason", "status-503"),
        ("x-original-upstream", "a"),
    ]


def test_what_calls_for_it() -> None:
    """By default no target, no connection, no reply in time or at all; statuses are named."""
    record = FallbackRecord((0,))
    assert [
        is_called_for(record, cause) for cause in ("no-target", "connect-failure", "reset", "timeout")
    ] == [True] * 4
    assert not is_called_for(record, "overload")
    assert not is_called_for(record, "")
    assert not has_failed(record, Reply(503, b"", [], 0))
    assert has_failed(FallbackRecord((0,), statuses=(503,)), Reply(503, b"", [], 0))
