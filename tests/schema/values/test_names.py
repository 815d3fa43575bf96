"""Names of methods, headers, cookies and things; priorities; values of header fields."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from gwc.schema.values.cookie_name import parse_cookie_name
from gwc.schema.values.field_value import parse_field_value
from gwc.schema.values.header_name import parse_header_name
from gwc.schema.values.method import parse_method
from gwc.schema.values.name import parse_name
from gwc.schema.values.priority import parse_priority
from gwc.schema.values.refusal import ValueRefusal
from hypothesis import given
from hypothesis import strategies as st

Parse = Callable[[str], object]


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_header_name, "X-Env", "x-env"),
        (parse_header_name, "!#$%&'*+-.^_`|~0aZ", "!#$%&'*+-.^_`|~0az"),
        (parse_cookie_name, "SID", "SID"),
        (parse_method, "GET", "GET"),
        (parse_method, "m-search", "m-search"),
        (parse_method, "M" * 32, "M" * 32),
        (parse_priority, "low", -100),
        (parse_priority, "normal", 0),
        (parse_priority, "high", 100),
        (parse_priority, "critical", 1000),
        (parse_name, "orders-read", "orders-read"),
        (parse_name, "team/orders:v2_x.y", "team/orders:v2_x.y"),
        (parse_name, "0" * 200, "0" * 200),
    ],
)
def test_values_are_read(parse: Parse, text: str, value: object) -> None:
    """Names keep their case, but those of headers, of which it does not count."""
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "piece", "message", "advice"),
    [
        (parse_header_name, "x-env:", ":", "a header name is written without a colon", "write `x-env`"),
        (parse_header_name, "x-env: prod", ":", "without a colon", '"x-env" "prod"'),
        (parse_header_name, ":path", ":path", "`:path` is a pseudo header, not a field", "`method`"),
        (parse_header_name, "x env", " ", "a header name cannot hold a space", "letters, digits"),
        (parse_header_name, "\u212a", "\u212a", "a header name cannot hold `\u212a`", "letters, digits"),
        (parse_header_name, "x\n", "\n", "a header name cannot hold `\\x0a`", "letters, digits"),
        (parse_header_name, "", "", "a header name is empty", "letters"),
        (parse_header_name, "a" * 258, "aa", "a header name is 258 characters long", "256"),
        (parse_cookie_name, "sid=1", "=", "a cookie name ends before the `=`", "apart"),
        (parse_cookie_name, "a;b", ";", "a cookie name cannot hold `;`", "letters"),
        (parse_method, "GET,HEAD", "GET,HEAD", "is several methods in one", '"GET" "HEAD"'),
        (parse_method, "G\u00c9T", "\u00c9", "a method cannot hold `\u00c9`", "letters"),
        (parse_method, "M" * 33, "M", "a method is 33 characters long", "32"),
        (parse_priority, "High", "High", "`High` is not in lower case", "write `high`"),
        (parse_priority, "-5", "-5", "`-5` is text, not a number", "without quotes"),
        (parse_priority, "urgent", "urgent", "`urgent` is not a priority", "`critical` (1000)"),
        (parse_priority, "", "", "a priority is empty", "`low`"),
        (parse_name, "orders read", " ", "a name cannot hold a space", "write `orders-read`"),
        (parse_name, "/api", "/", "a name cannot begin with `/`", "write `api`"),
        (parse_name, "\u00fc", "\u00fc", "a name cannot hold `\u00fc`", "letters, digits"),
        (parse_name, "", "", "a name is empty", "letters, digits"),
        (parse_name, "a" * 203, "aaa", "a name is 203 characters long", "200"),
        (parse_name, "a\n", "\n", "a name cannot hold `\\x0a`", "write `a`"),
        (parse_field_value, "a\r\nb: c", "\r", "cannot hold a carriage return", "one line"),
        (parse_field_value, "a\0", "\0", "cannot hold a NUL", "take it out"),
        (parse_field_value, " a", " ", "begins with a space", "take it out"),
        (parse_field_value, "a\t", "\t", "ends in a space", "take it out"),
        (parse_field_value, "${host}", "${host}", "there is no variable `${host}`", "`${req.host}`"),
    ],
)
def test_near_misses_are_told_what_to_write(
    parse: Parse, text: str, piece: str, message: str, advice: str
) -> None:
    """The span is what is wrong, the headline says why, the help what to write instead."""
    refusal = parse(text)
    assert isinstance(refusal, ValueRefusal), refusal
    assert text[refusal.offset : refusal.offset + refusal.length] == piece
    assert message in refusal.message
    assert advice in refusal.help


_PARSERS: list[Parse] = [
    parse_header_name,
    parse_cookie_name,
    parse_method,
    parse_priority,
    parse_name,
    parse_field_value,
]


@given(
    st.sampled_from(_PARSERS), st.one_of(st.text(max_size=20), st.text("aZ0:=-_/., \t|*${}\n", max_size=12))
)
def test_any_text_is_a_value_or_a_refusal_in_its_place(parse: Parse, text: str) -> None:
    """Nothing raises, and places lie inside the text."""
    result = parse(text)
    if isinstance(result, ValueRefusal):
        assert 0 <= result.offset <= result.offset + result.length <= len(text)


@given(st.text(max_size=30))
def test_names_that_are_suggested_are_names(text: str) -> None:
    """What is told to write instead of a name is one."""
    refusal = parse_name(text)
    if isinstance(refusal, ValueRefusal) and refusal.help.startswith("write `"):
        suggested = refusal.help.removeprefix("write `").removesuffix("`")
        assert parse_name(suggested) == suggested
