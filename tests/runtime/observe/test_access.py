"""The access log: fields, masking, caps, sampling, and that no bytes can break a line."""

from __future__ import annotations

import json

import pytest
from gwc.runtime.observe.access import AccessLog
from gwc.runtime.observe.record import RequestRecord
from gwc.schema.table import LogRecord
from hypothesis import given
from hypothesis import strategies as st

from .telling import record_of

FIELDS = {
    *("timestamp", "trace_id", "request_id", "method", "path", "query", "protocol", "status"),
    *("request_bytes", "response_bytes", "duration_ms", "connect_ms", "first_byte_ms", "client_ip"),
    *(
        "user_agent",
        "identity",
        "referer",
        "host",
        "listener",
        "route",
        "match",
        "upstream",
        "target",
        "attempts",
    ),
    *("grpc_status", "reused", "reason", "generation", "instance"),
}
LATIN = st.text(alphabet=st.characters(codec="latin-1"), max_size=40)
TEXTS = (
    *("request_id", "trace_id", "method", "host", "path", "query", "protocol", "user_agent", "referer"),
    *("client_ip", "listener", "route", "upstream", "target", "reason"),
)


def log(form: str = "json", sample: int = 1_000_000) -> tuple[AccessLog, list[bytes]]:
    """An access log and the lines it has written."""
    lines: list[bytes] = []
    record = LogRecord("x", "text" if form == "text" else "json", sample)
    return AccessLog(record, "gw:1", lines.append), lines


def told(record: RequestRecord) -> dict[str, object]:
    """The line of a request, read back."""
    access, lines = log()
    access.tell(record)
    (line,) = lines
    assert line.endswith(b"}\n")
    found = json.loads(line)
    assert isinstance(found, dict)
    return found


def test_a_line_has_every_field() -> None:
    """All fields, with their units; null where it did not come to that."""
    line = told(record_of(connect_s=0.0012345, query="a=1", generation=3, reused=True))
    assert set(line) == FIELDS
    assert line["timestamp"] == "2025-10-09T08:53:20.250Z"
    assert line["duration_ms"] == 4.0
    assert line["connect_ms"] == 1.234
    assert line["first_byte_ms"] is None
    assert (line["query"], line["reused"], line["generation"], line["instance"]) == ("a=1", True, 3, "gw:1")
    assert told(record_of())["query"] is None
    assert told(record_of(query=""))["query"] == ""


def test_no_secret_is_told() -> None:
    """The canary stands in the query, in the referring page and in a matrix parameter; no form tells it."""
    record = record_of(
        query="a=1&token=CANARY&ke%79=CANARY",
        referer="https://u:CANARY@h/x?password=CANARY#access_token=CANARY",
        path="/a;sig=CANARY/b",
    )
    for form in ("json", "text"):
        access, lines = log(form)
        access.tell(record)
        assert b"CANARY" not in lines[0]
        assert b"***" in lines[0]


def test_long_text_is_cut_and_text_of_the_allowed_length_is_not() -> None:
    """4096 characters of a path or query, 512 of anything else."""
    line = told(
        record_of(path="/" * 5000, query="q" * 5000, user_agent="u" * 600, host="h" * 600, route="r" * 600)
    )
    lengths = {name: len(str(line[name])) for name in ("path", "query", "user_agent", "host", "route")}
    assert lengths == {"path": 4096, "query": 4096, "user_agent": 512, "host": 512, "route": 512}
    for name, longest in (("path", 4096), ("user_agent", 512), ("referer", 512), ("client_ip", 512)):
        assert len(str(told(record_of(**{name: "x" * longest}))[name])) == longest
        assert len(str(told(record_of(**{name: "x" * (longest + 1)}))[name])) == longest
    assert len(str(told(RequestRecord())["path"])) == 0
    bare = RequestRecord()
    bare.user_agent = "x" * 513
    assert len(str(told(bare)["user_agent"])) == 512


@pytest.mark.parametrize("fields", [{"reason": "no-route", "status": 404}, {"status": 500}, {"status": 503}])
def test_what_went_wrong_is_always_told(fields: dict[str, object]) -> None:
    """A sample of nothing still has refusals and failures."""
    access, lines = log(sample=0)
    access.tell(record_of(**fields))
    access.tell(record_of())
    assert len(lines) == 1


def test_a_sample_is_its_share_and_the_same_everywhere() -> None:
    """A tenth of the traces, give or take, and two gateways choose the same ones."""
    one, lines = log(sample=100_000)
    other, others = log(sample=100_000)
    for number in range(3000):
        record = record_of(trace_id=f"{number * 7919:032x}")
        one.tell(record)
        other.tell(record)
    assert 200 < len(lines) < 400
    assert lines == others


def test_the_text_form_reads_well() -> None:
    """Status, method, where to, how long, and who answered."""
    access, lines = log("text")
    access.tell(record_of(query="a=1"))
    assert lines == [
        b"2025-10-09T08:53:20.250Z 200 GET api.example.com/orders/7?a=1 4.0ms 244B 203.0.113.7 -> "
        b"orders orders 10.0.0.1:8080 req-1\n"
    ]


@given(
    st.fixed_dictionaries(dict.fromkeys(TEXTS, LATIN)), st.integers(0, 999), st.sampled_from(["json", "text"])
)
def test_any_bytes_make_one_line(texts: dict[str, str], status: int, form: str) -> None:
    """Whatever stands in a record: one line, of JSON if so asked, without a raw control character."""
    access, lines = log(form)
    access.tell(record_of(**texts, status=status))
    (line,) = lines
    text = line.decode()
    assert text.endswith("\n")
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in text[:-1])
    if form == "json":
        found = json.loads(line)
        assert set(found) == FIELDS
        assert found["host"] == texts["host"]
        assert found["user_agent"] == texts["user_agent"]
        assert found["method"] == texts["method"]


@given(st.text(max_size=20))
def test_even_text_that_bytes_cannot_make_is_told(text: str) -> None:
    """Characters beyond one byte and halves of surrogate pairs raise nothing."""
    for form in ("json", "text"):
        access, lines = log(form)
        access.tell(record_of(host=text, route=text, query=text, referer=text, path=text))
        assert lines[0].count(b"\n") == 1
