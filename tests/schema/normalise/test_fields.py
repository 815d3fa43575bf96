"""Header fields: what is read, what is removed, what is refused."""

from __future__ import annotations

import pytest
from gwc.schema.normalise.fields import (
    Fields,
    header_name,
    hosts_of,
    is_forwarding,
    is_removed,
    read_fields,
)
from gwc.schema.request import Refusal
from hypothesis import given
from hypothesis import strategies as st

TOKEN = "!#$%&'*+-.^_`|~" + "".join(map(chr, [*range(48, 58), *range(65, 91), *range(97, 123)]))


def read(*fields: tuple[bytes, bytes]) -> Fields:
    """The fields, which must be readable."""
    result = read_fields(fields)
    assert isinstance(result, Fields), result
    return result


def reason(*fields: tuple[bytes, bytes]) -> str:
    """The reason of the refusal that the fields must get."""
    result = read_fields(fields)
    assert isinstance(result, Refusal)
    return result.reason


def test_names_and_values() -> None:
    """Sentence: names in lower case; values trimmed of spaces and tabs (and of nothing else)."""
    result = read((b"X-Thing", b" \ta b\t "), (b"ACCEPT", b"\xa0x\x85"), (b"empty", b""))
    assert result.joined == {"x-thing": "a b", "accept": "\xa0x\x85", "empty": ""}
    assert result.kept == [("x-thing", "a b"), ("accept", "\xa0x\x85"), ("empty", "")]


def test_repeated_fields() -> None:
    """Sentence: a repeated field's values joined with `, ` for matching only (fields stay as they came)."""
    result = read((b"a", b"1"), (b"b", b"2"), (b"A", b""), (b"a", b"3, 4"))
    assert result.joined == {"a": "1, , 3, 4", "b": "2"}
    assert result.kept == [("a", "1"), ("b", "2"), ("a", ""), ("a", "3, 4")]


def test_repeated_cookie() -> None:
    """Sentence: the Cookie fields joined with `; `."""
    assert read((b"cookie", b"a=1"), (b"Cookie", b"b=2")).joined == {"cookie": "a=1; b=2"}


@pytest.mark.parametrize(
    "name",
    b"Proxy X-Original-URL x-rewrite-url X-HTTP-Method-Override X-HTTP-Method X-Method-Override "
    b"X_Forwarded_For a_b _ Content_Length".split(),
)
def test_removed(name: bytes) -> None:
    """Sentence: names with `_` and override fields are absent."""
    assert read((name, b"x"), (b"a", b"1")) == Fields([("a", "1")], {"a": "1"}, [], False)
    assert is_removed(name.decode().lower())


@pytest.mark.parametrize(
    "name", ["accept", "x-original", "proxy-authorization", "connection", "te", "upgrade"]
)
def test_not_removed(name: str) -> None:
    """Sentence: hop-by-hop fields can be matched; every other field stays too."""
    assert not is_removed(name)
    assert not is_forwarding(name)
    assert read((name.encode(), b"x")).joined == {name: "x"}


@pytest.mark.parametrize("name", ["forwarded", "x-real-ip", "x-forwarded-for", "x-forwarded-anything"])
def test_forwarding(name: str) -> None:
    """Fields that speak of earlier hops are read and told apart."""
    assert is_forwarding(name)
    result = read((name.encode(), b"x"))
    assert result.forwarding
    assert result.kept == [(name, "x")]


def test_host_stands_apart() -> None:
    """Host is no field for matching: its values stand apart, trimmed."""
    assert read((b"Host", b" a\t"), (b"HOST", b"b"), (b"c", b"d")) == Fields(
        [("c", "d")], {"c": "d"}, [b"a", b"b"], False
    )
    assert hosts_of([(b"HoSt", b" a "), (b"\x00", b"\x00"), (b"hos\x74", b"b")]) == [b"a", b"b"]


@pytest.mark.parametrize("byte", range(0x100))
def test_every_byte(byte: int) -> None:
    """Names are tokens; values hold no control but a tab (RFC 9110 sections 5.1 and 5.5)."""
    in_name, in_value = (b"a" + bytes([byte]), b"x"), (b"a", b"x" + bytes([byte]) + b"y")
    if chr(byte) in TOKEN:
        assert isinstance(read_fields([in_name]), Fields)
    else:
        assert isinstance(read_fields([in_name]), Refusal)
    if (byte < 0x20 and byte != 0x09) or byte == 0x7F:
        assert reason(in_value) == "field-value"
    else:
        assert read(in_value).joined == {"a": f"x{chr(byte)}y"}


@pytest.mark.parametrize(
    "name", [b"", b" a", b"a ", b"a b", b":path", b"a:", b"caf\xc3\xa9", b"(a)", b"a\x00"]
)
def test_no_token(name: bytes) -> None:
    """A name that is not a token is refused, pseudo names among them, also one that would be removed."""
    assert reason((name, b"x")) == "field-name"
    assert reason((name + b"_(", b"x")) == "field-name"


def test_control_in_a_removed_field() -> None:
    """A value with a control is refused whatever its name: the message is not to be trusted."""
    assert reason((b"a_b", b"x\x00")) == "field-value"
    assert reason((b"host", b"x\x00")) == "field-value"


def test_limits() -> None:
    """100 fields, 16 KiB one field, 64 KiB all of them; one more byte or field is refused."""
    assert read(*[(b"a", b"")] * 100)
    assert reason(*[(b"a", b"")] * 101) == "fields-count"
    assert read((b"a", b"x" * 16_383))
    assert reason((b"a", b"x" * 16_384)) == "field-length"
    assert reason((b"a" * 16_384, b"x")) == "field-length"
    assert read(*[(b"a", b"x" * 16_383)] * 4)
    assert reason((b"b", b""), *[(b"a", b"x" * 16_383)] * 4) == "head-length"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("X-Thing", "x-thing"),
        ("a", "a"),
        ("", None),
        ("a b", None),
        (":path", None),
        ("é", None),
        ("a\n", None),
    ],
)
def test_configured_name(written: str, name: str | None) -> None:
    """A configured header's name is a token and compared in lower case."""
    assert header_name(written) == name


NAMES = st.sampled_from(
    [b"A", b"a", b"Cookie", b"Host", b"x_y", b"Proxy", b"X-Forwarded-For", b"a b"]
) | st.binary(max_size=4)


@given(st.lists(st.tuples(NAMES, st.binary(max_size=6)), max_size=6))
def test_any_fields_are_read(fields: list[tuple[bytes, bytes]]) -> None:
    """No fields raise, and the joined values are made of the kept ones."""
    result = read_fields(fields)
    if isinstance(result, Fields):
        assert set(result.joined) == {name for name, _ in result.kept}
        for name, value in result.joined.items():
            parts = [kept for kept_name, kept in result.kept if kept_name == name]
            assert value == ("; " if name == "cookie" else ", ").join(parts)
        again = read_fields([(n.encode("latin-1"), v.encode("latin-1")) for n, v in result.kept])
        assert again == result._replace(hosts=[])
