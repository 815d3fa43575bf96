"""The request's head as a target gets it: the same in HTTP/1.1 and in HTTP/2."""

from __future__ import annotations

from gwc.runtime.actions.headers import HeaderChanges
from gwc.runtime.forwarding import forwarded_fields, forwarded_head
from gwc.runtime.observe.record import RequestRecord
from gwc.schema.request import RequestHead
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.sampled_from(
    ["accept", "x-a", "cookie", "connection", "te", "via", "x-forwarded-for", "content-length", "upgrade"]
)
VALUES = st.sampled_from(["1", "x-a, close", "trailers", "a, b", "10.0.0.1"])


def head_of(fields: list[tuple[str, str]], method: str) -> RequestHead:
    """A head with these fields."""
    headers: dict[str, str] = {}
    for name, value in fields:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return RequestHead(
        listener="l",
        method=method,
        host="a.test",
        authority="a.test:8080",
        path="/p",
        query="q=1",
        headers=headers,
        fields=tuple(fields),
        scheme="http",
        client_ip=None,
        sni=None,
        sample=0,
    )


@given(
    st.lists(st.tuples(NAMES, VALUES), max_size=8),
    st.sampled_from(["GET", "POST"]),
    st.sampled_from([-1, 0, 7]),
    st.booleans(),
    st.booleans(),
)
def test_both_versions_say_the_same(
    fields: list[tuple[str, str]], method: str, length: int, trusted: bool, changed: bool
) -> None:
    """But for line, Host and framing, which are pseudo fields there, and `te: trailers`."""
    head, record = head_of(fields, method), RequestRecord()
    record.trace_id, record.span_id, record.request_id = "t" * 32, "s" * 16, "id"
    changes = (HeaderChanges(set=(("x-set", "1"),), remove=("accept",)),) if changed else ()
    to = "b.test", "/other", None
    text = forwarded_head(
        head, record, to, length=length, peer="10.9.9.9", trusted=trusted, flags="00", changes=changes
    )
    found = forwarded_fields(
        head, record, to, length=length, peer="10.9.9.9", trusted=trusted, flags="00", changes=changes
    )
    line, *lines = text.decode().removesuffix("\r\n\r\n").split("\r\n")
    assert line == f"{method} /other HTTP/1.1"
    old = [tuple(each.split(": ", 1)) for each in lines]
    assert found[:3] == [(":method", method), (":authority", "b.test"), (":path", "/other")]
    wants = "trailers" in [each.strip() for each in head.headers.get("te", "").split(",")]
    assert (("te", "trailers") in found) == wants
    assert [each for each in found[3:] if each[0] != "te"] == [
        each for each in old if each not in (("host", "b.test"), ("transfer-encoding", "chunked"))
    ]
