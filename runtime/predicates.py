"""Whether a test holds for a request.

Owns the meaning of every kind of test, docs/semantics.md, "Matching", one function a kind. Text is compared
byte for byte; what a request does not have satisfies only `present=#false` and `not`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from gwc.schema.glob import Glob, parse_glob
from gwc.schema.networks import is_among
from gwc.schema.normalise.cookie import cookie_value
from gwc.schema.normalise.query import query_value
from gwc.schema.request import Late, RequestHead
from gwc.schema.table import (
    CONTAINS,
    COOKIE,
    EQUAL,
    HEADER,
    PREFIX,
    PRESENT,
    RANGE,
    SUFFIX,
    RouteTable,
    Test,
)
from gwc.schema.template import match_template

_INTEGER: Final = re.compile("-?[0-9]{1,18}")
_UNREAD: Final = Late()


def all_hold(table: RouteTable, tests: tuple[Test, ...], head: RequestHead) -> bool:
    """Whether all tests hold."""
    for test in tests:  # noqa: SIM110  # PERF: a generator costs 300 ns
        if not _KINDS[test[0]](table, test, head):
            return False
    return True


def test_holds(table: RouteTable, test: Test, head: RequestHead) -> bool:
    """Whether one test holds. A late one on a head whose body nobody has read does not."""
    return _KINDS[test[0]](table, test, head)


def host_holds(table: RouteTable, kind: str, text: str, program: int, host: str) -> bool:
    """Whether a host pattern holds; `program` counts for a regular expression. None holds without a host."""
    if kind == "exact":
        return host == text
    if kind == "wildcard":
        return host.endswith(text[1:])
    return bool(host and table.program(program).matches(host))


def path_holds(table: RouteTable, kind: str, text: str, program: int, path: str) -> bool:
    """Whether a path pattern holds; `program` counts for a regular expression."""
    if kind == "exact":
        return path == text
    if kind == "prefix":
        stem = text.rstrip("/")
        return path == stem or path.startswith(stem + "/")
    if kind == "template":
        return match_template(text, path) is not None
    return bool(table.program(program).matches(path))


def _methods(_table: RouteTable, test: Test, head: RequestHead) -> bool:
    return head.method in test[2]


def _schemes(_table: RouteTable, test: Test, head: RequestHead) -> bool:
    return head.scheme in test[2]


def _sample(_table: RouteTable, test: Test, head: RequestHead) -> bool:
    return head.sample < test[3][0]


def _snis(_table: RouteTable, test: Test, head: RequestHead) -> bool:
    sni = head.sni
    return sni is not None and any(
        sni.endswith(text[1:]) if text.startswith("*.") else sni == text for text in test[2]
    )


def _listeners(_table: RouteTable, test: Test, head: RequestHead) -> bool:
    return head.listener in test[2]


def _field(table: RouteTable, test: Test, head: RequestHead) -> bool:
    kind, name, texts, numbers = test
    if kind == HEADER:
        value = head.headers.get(name)
    elif kind == COOKIE:
        value = cookie_value(head, name)
    else:
        value = query_value(head, name)
    operator = numbers[0]
    if operator == PRESENT:
        return (value is not None) == bool(numbers[2])
    if value is None:
        return False
    if operator == RANGE:
        return _in_range(value, numbers)
    if operator > RANGE:
        return any(table.program(program).matches(value) for program in numbers[2:])
    if numbers[1]:
        # bytes.lower knows ASCII only, unlike str.lower.
        value = value.encode("latin-1").lower().decode("latin-1")
    if operator == EQUAL:
        return value in texts
    if operator == PREFIX:
        return value.startswith(texts)
    if operator == SUFFIX:
        return value.endswith(texts)
    assert operator == CONTAINS
    return any(text in value for text in texts)


def _in_range(value: str, numbers: tuple[int, ...]) -> bool:
    if _INTEGER.fullmatch(value) is None:
        return False
    number = int(value)
    _, _, has_low, low, has_high, high = numbers
    return (not has_low or low <= number) and (not has_high or number <= high)


def _client_ip(table: RouteTable, test: Test, head: RequestHead) -> bool:
    address = head.client_ip
    if address is None:
        return False
    return is_among(address, table.networks[test[3][0]])


def _hosts(table: RouteTable, test: Test, head: RequestHead) -> bool:
    return _any_pattern(table, test, head.host, host_holds)


def _paths(table: RouteTable, test: Test, head: RequestHead) -> bool:
    return _any_pattern(table, test, head.path, path_holds)


def _any_pattern(
    table: RouteTable, test: Test, text: str, holds: Callable[[RouteTable, str, str, int, str], bool]
) -> bool:
    _, _, texts, numbers = test
    programs = iter(numbers)
    for place in range(0, len(texts), 2):
        kind = texts[place]
        program = next(programs) if kind == "regex" else 0
        if holds(table, kind, texts[place + 1], program, text):
            return True
    return False


def _not(table: RouteTable, test: Test, head: RequestHead) -> bool:
    return not all_hold(table, table.blocks[test[3][0]], head)


def _models(_table: RouteTable, test: Test, head: RequestHead) -> bool:
    model = (head.late or _UNREAD).model
    return model is not None and any(_glob(text).matches(model) for text in test[2])


# A memo: pure and bounded. The globs of a table are few and asked for each request of a model.
@lru_cache(maxsize=4096)
def _glob(text: str) -> Glob:
    glob = parse_glob(text)
    assert isinstance(glob, Glob), f"not a glob: {text!r}"
    return glob


def _stream(_table: RouteTable, test: Test, head: RequestHead) -> bool:
    return (head.late or _UNREAD).stream == bool(test[3][0])


def _tools(_table: RouteTable, test: Test, head: RequestHead) -> bool:
    return (head.late or _UNREAD).tools == bool(test[3][0])


_KINDS: Final[tuple[Callable[[RouteTable, Test, RequestHead], bool], ...]] = (
    _methods,
    _schemes,
    _sample,
    _snis,
    _listeners,
    _field,
    _field,
    _field,
    _client_ip,
    _hosts,
    _paths,
    _not,
    _models,
    _stream,
    _tools,
)
"""By kind of test, in the order of `gwc.schema.table`."""
