"""Bounds of settings: what a timeout and a limit may be, and that only `off` turns one off."""

from __future__ import annotations

import pytest
from gwc.schema.values.bound import parse_limit, parse_part_size, parse_period, parse_timeout
from gwc.schema.values.refusal import ValueRefusal


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("1ms", 1), ("30s", 30_000), ("1m30s", 90_000), ("1000us", 1), ("24h", 86_400_000)],
)
def test_durations_are_whole_milliseconds(text: str, milliseconds: int) -> None:
    """As a timeout and where there is no `off`."""
    assert parse_period(text) == parse_timeout(text) == milliseconds


@pytest.mark.parametrize(("text", "size"), [("1B", 1), ("10MiB", 10 << 20), ("1KB", 1000)])
def test_limits_are_bytes(text: str, size: int) -> None:
    """Units as everywhere."""
    assert parse_limit(text) == size


def test_off_is_nothing() -> None:
    """The one word, in lower case; where a thing cannot be off it is refused."""
    assert parse_timeout("off") == parse_limit("off") == 0
    assert isinstance(parse_period("off"), ValueRefusal)
    assert isinstance(parse_part_size("off"), ValueRefusal)


@pytest.mark.parametrize("text", ["0s", "0ms", "0h", "OFF", "none", "infinite", "never", "-1", "false"])
def test_what_was_meant_for_off_is_told_so(text: str) -> None:
    """No number and no other word turns a timeout off; the help names the one that does."""
    refusal = parse_timeout(text)
    assert isinstance(refusal, ValueRefusal)
    assert "`off`" in refusal.help
    assert (refusal.offset, refusal.length) == (0, len(text))


@pytest.mark.parametrize("text", ["0B", "0MiB", "unlimited", "Off"])
def test_a_size_of_nothing_is_told_so(text: str) -> None:
    """Likewise for limits."""
    refusal = parse_limit(text)
    assert isinstance(refusal, ValueRefusal)
    assert "`off`" in refusal.help


@pytest.mark.parametrize("text", ["500us", "1ms1us", "30", "", "10 MiB", "x"])
def test_others_are_refused(text: str) -> None:
    """What is finer than a millisecond would come to nothing, or to something else than was written."""
    assert isinstance(parse_timeout(text), ValueRefusal)
    assert isinstance(parse_limit(text), ValueRefusal)


@pytest.mark.parametrize(("text", "size"), [("256B", 256), ("8KiB", 8192), ("16MiB", 16 << 20)])
def test_parts_of_a_head(text: str, size: int) -> None:
    """From 256 bytes to 16 MiB."""
    assert parse_part_size(text) == size


@pytest.mark.parametrize("text", ["0B", "255B", "17MiB"])
def test_parts_of_a_head_have_bounds(text: str) -> None:
    """The help says which."""
    refusal = parse_part_size(text)
    assert isinstance(refusal, ValueRefusal)
    assert "`256B`" in refusal.help
