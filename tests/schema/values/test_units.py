"""Durations, sizes, rates and shares: values with units."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from gwc.schema.values.duration import LONGEST, format_duration, parse_duration
from gwc.schema.values.rate import Rate, parse_rate
from gwc.schema.values.refusal import ValueRefusal
from gwc.schema.values.share import format_share, parse_share
from gwc.schema.values.size import LARGEST, format_size, parse_size
from hypothesis import given
from hypothesis import strategies as st

Parse = Callable[[str], object]


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("30s", 30 * 10**9),
        ("250ms", 250 * 10**6),
        ("5us", 5_000),
        ("1m30s", 90 * 10**9),
        ("2h", 7200 * 10**9),
        ("1h0m1s", 3601 * 10**9),
        ("1s500ms", 1_500_000_000),
        ("3m5ms", 180_005_000_000),
        ("0s", 0),
        ("100000h", LONGEST),
    ],
)
def test_durations_are_whole_nanoseconds(text: str, nanoseconds: int) -> None:
    """Numbers with units, longer ones first, add up exactly."""
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("100B", 100),
        ("0B", 0),
        ("1kB", 1000),
        ("1KB", 1000),
        ("512KiB", 524_288),
        ("10MB", 10_000_000),
        ("10MiB", 10_485_760),
        ("1GB", 10**9),
        ("1GiB", 2**30),
        ("1TB", 10**12),
        ("1024TiB", LARGEST),
    ],
)
def test_sizes_are_bytes(text: str, size: int) -> None:
    """Decimal units are thousands, binary ones 1024s."""
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "count", "period"),
    [
        ("100/s", 100, 10**9),
        ("10/m", 10, 60 * 10**9),
        ("5/h", 5, 3600 * 10**9),
        ("1000/30s", 1000, 30 * 10**9),
        ("10/1m30s", 10, 90 * 10**9),
        ("1/ms", 1, 10**6),
    ],
)
def test_rates_are_a_count_in_a_time(text: str, count: int, period: int) -> None:
    """A unit alone is one of it; a duration may stand there too."""
    assert parse_rate(text) == Rate(count, period)


@pytest.mark.parametrize(
    ("text", "millionths"),
    [("5%", 50_000), ("0.25%", 2_500), ("0.0001%", 1), ("100%", 1_000_000), ("0%", 0), ("12.5%", 125_000)],
)
def test_shares_are_millionths(text: str, millionths: int) -> None:
    """Percent to four decimals are whole millionths."""
    assert parse_share(text) == millionths


@pytest.mark.parametrize(
    ("parse", "text", "message", "advice"),
    [
        (parse_duration, "30", "`30` has no unit", "write `30s`"),
        (parse_duration, "5000", "`5000` has no unit", "`5000ms` for milliseconds"),
        (parse_duration, "1.5s", "`1.5s` is not how a duration is written", "write `1500ms`"),
        (parse_duration, "0,5h", "`0,5h` is not how a duration is written", "write `30m`"),
        (parse_duration, "30S", "`30S` is not how a duration is written", "write `30s`"),
        (parse_duration, "30 s", "`30 s` is not how a duration is written", "write `30s`"),
        (parse_duration, "5min", "`5min` is not how a duration is written", "write `5m`"),
        (parse_duration, "1m1h", "`1m1h` is not how a duration is written", "write `1h1m`"),
        (parse_duration, "1h30", "`1h30` is not how a duration is written", "write `1h30m`"),
        (parse_duration, "7d", "`7d` is not how a duration is written", "write `168h`"),
        (parse_duration, "5\u00b5s", "`5\u00b5s` is not how a duration is written", "write `5us`"),
        (parse_duration, "-5s", "`-5s` has a sign", "such as `30s`"),
        (parse_duration, "", "a duration is empty", "such as `30s`"),
        (parse_duration, "soon", "`soon` is not a duration", "`h`, `m`, `s`, `ms` and `us`"),
        (parse_duration, "100001h", "`100001h` is longer than 100 000 hours", "no limit"),
        (
            parse_duration,
            "9" * 30 + "s",
            "`999999999999999999999999999999s` is longer than 100 000 hours",
            "no limit",
        ),
        (parse_duration, "\u0663s", "`\u0663s` is not a duration", "as in `1m30s`"),
        (parse_duration, "30s\n", "`30s\\x0a` is not a duration", "as in `1m30s`"),
        (parse_size, "10", "`10` has no unit", "write `10B`"),
        (
            parse_size,
            "10mb",
            "`10mb` does not say which unit is meant",
            "did you mean `10MB` (10 000 000 bytes) or `10MiB` (10 485 760 bytes)?",
        ),
        (parse_size, "10k", "`10k` does not say which unit is meant", "`10KiB` (10 240 bytes)"),
        (parse_size, "10mib", "`10mib` has no unit that is known", "write `10MiB`"),
        (parse_size, "10Mb", "`10Mb` is in bits", "sizes are in bytes: `10MB`"),
        (parse_size, "10Mbit", "`10Mbit` is in bits", "sizes are in bytes: `10MB`"),
        (parse_size, "1.5GiB", "`1.5GiB` is not how a size is written", "write `1536MiB`"),
        (parse_size, "10 MiB", "`10 MiB` is not how a size is written", "write `10MiB`"),
        (parse_size, "10 bytes", "`10 bytes` has no unit that is known", "write `10B`"),
        (parse_size, "0.0001KB", "`0.0001KB` is not a whole number of bytes", "write a number"),
        (parse_size, "2000TiB", "`2000TiB` is more than `1024TiB`", "no limit"),
        (parse_size, "", "a size is empty", "`KiB`"),
        (parse_rate, "100", "`100` does not say in which time", "write `100/s`"),
        (parse_rate, "100rps", "`100rps` is not how a rate is written", "write `100/s`"),
        (parse_rate, "10 / min", "`10 / min` is not how a rate is written", "write `10/m`"),
        (parse_rate, "100 per second", "`100 per second` is not how a rate is written", "write `100/s`"),
        (parse_rate, "10k/s", "`10k/s` is not how a rate is written", "write `10000/s`"),
        (parse_rate, "5/day", "`5/day` is not how a rate is written", "write `5/24h`"),
        (parse_rate, "10/30", "`10/30` is not how a rate is written", "write `10/30s`"),
        (parse_rate, "0/s", "`0/s` lets nothing through", "at least 1"),
        (parse_rate, "10/0s", "`10/0s` has a period of nothing", "such as `100/s`"),
        (parse_rate, "often", "`often` is not a rate", "such as `100/s`"),
        (parse_share, "5", "`5` has no `%`", "write `5%`"),
        (parse_share, "0.05", "`0.05` has no `%`", "or `5%` if a fraction of 1 was meant"),
        (parse_share, "0,5%", "`0,5%` is not how a share is written", "write `0.5%`"),
        (parse_share, ".5%", "`.5%` is not how a share is written", "write `0.5%`"),
        (parse_share, "5 percent", "`5 percent` is not how a share is written", "write `5%`"),
        (parse_share, "150%", "`150%` is more than everything", "at most `100%`"),
        (parse_share, "0.00001%", "`0.00001%` is finer than `0.0001%`", "four decimals"),
        (parse_share, "half", "`half` is not a share", "`0.25%`"),
    ],
)
def test_near_misses_are_told_what_to_write(parse: Parse, text: str, message: str, advice: str) -> None:
    """The headline says what is wrong with this text, the help what to write instead."""
    refusal = parse(text)
    assert isinstance(refusal, ValueRefusal)
    assert refusal.message == message
    assert advice in refusal.help


_PARSERS: list[Parse] = [parse_duration, parse_size, parse_rate, parse_share]
_TEXTS = st.one_of(
    st.text(max_size=20),
    st.text("0123456789.,%/ hmsudkKMGiBbTpx", max_size=12),
    st.tuples(
        st.from_regex(r"[0-9]{1,18}([.,][0-9]{0,6})? ?", fullmatch=True),
        st.sampled_from(
            ["s", "S", "min", "d", "mb", "MB", "Mb", "kib", "/s", "/min", " per h", "%", "rps", ""]
        ),
    ).map("".join),
)


@given(st.sampled_from(_PARSERS), _TEXTS)
def test_any_text_is_a_value_or_a_refusal_in_its_place(parse: Parse, text: str) -> None:
    """Nothing raises, places lie inside the text, and what is told to write is read."""
    result = parse(text)
    if isinstance(result, ValueRefusal):
        assert 0 <= result.offset <= result.offset + result.length <= len(text)
        written = re.match(r"(?:write|did you mean|sizes are in bytes:) `([0-9][^`]*)`", result.help)
        if written:
            assert not isinstance(parse(written[1]), ValueRefusal), result.help


@given(st.integers(0, LONGEST // 1000).map(lambda us: us * 1000))
def test_durations_come_back(nanoseconds: int) -> None:
    """A duration written by us is read as the same one."""
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@given(st.one_of(st.integers(0, LARGEST), st.integers(0, 1024).map(lambda number: number << 20)))
def test_sizes_come_back(size: int) -> None:
    """A size written by us is read as the same one."""
    assert parse_size(format_size(size)) == size


@given(st.integers(0, 1_000_000))
def test_shares_come_back(millionths: int) -> None:
    """A share written by us is read as the same one."""
    assert parse_share(format_share(millionths)) == millionths
