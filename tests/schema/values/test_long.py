"""Very long texts: judged as quickly as they are read."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from gwc.schema.glob import parse_glob
from gwc.schema.regex.program import choose
from gwc.schema.regex.refusal import RegexRefusal
from gwc.schema.template import parse_template, parse_value
from gwc.schema.values.address import parse_address
from gwc.schema.values.cidr import parse_cidr
from gwc.schema.values.cookie_name import parse_cookie_name
from gwc.schema.values.duration import parse_duration
from gwc.schema.values.field_value import parse_field_value
from gwc.schema.values.header_name import parse_header_name
from gwc.schema.values.host import parse_host
from gwc.schema.values.method import parse_method
from gwc.schema.values.name import parse_name
from gwc.schema.values.priority import parse_priority
from gwc.schema.values.rate import parse_rate
from gwc.schema.values.refusal import ValueRefusal
from gwc.schema.values.share import parse_share
from gwc.schema.values.size import parse_size
from gwc.schema.values.url import parse_url

_LONG = 200_000
_PIECES = [
    "1", "a", ".", ":", " ", "-", "*", "{", "${", "$${", "${a", "%", "1.", "1 ", "a:", "a,", "1s", "[", "/",
    "{a}/", "${env:A}", "\u00e9", "\n", "1/", "a@",
]  # fmt: skip


@pytest.mark.parametrize(
    "parse",
    [
        parse_address,
        parse_cidr,
        parse_cookie_name,
        parse_duration,
        parse_field_value,
        parse_glob,
        parse_header_name,
        parse_host,
        parse_method,
        parse_name,
        parse_priority,
        parse_rate,
        parse_share,
        parse_size,
        parse_template,
        parse_url,
        parse_value,
        choose,
    ],
)
def test_no_long_text_is_slow(parse: Callable[[str], object]) -> None:
    """200 000 characters of anything take milliseconds, and headlines stay short."""
    began = time.process_time()
    for piece in _PIECES:
        for text in (piece * (_LONG // len(piece)), "1" + piece * (_LONG // len(piece)) + "!"):
            if parse is choose and not text.isascii():
                continue
            result = parse(text)
            if isinstance(result, ValueRefusal | RegexRefusal):
                assert len(result.message) < 300
                assert len(result.help) < 600
    assert time.process_time() - began < 8
