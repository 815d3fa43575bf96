"""What an agent may say, and what is refused as a whole; when it is left alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gwc.runtime.actions.headers import HeaderChanges
from gwc.runtime.filters.agent_grpc import content_of, message_of
from gwc.runtime.filters.agent_link import Breaker
from gwc.runtime.filters.agent_words import BadAnswer, Event, Verdict, read_answer


def read(said: Any, event: Event = "request-headers", *, end: bool = True, late: str = "") -> Verdict:
    """The verdict of an answer."""
    content = said if isinstance(said, bytes) else json.dumps(said).encode()
    return read_answer(content, event, end=end, late=frozenset(filter(None, [late])))


GOOD: list[tuple[Any, Event, Verdict]] = [
    (b"", "request-headers", Verdict()),
    ({}, "response-body", Verdict()),
    ({"action": "continue", "done": True}, "request-headers", Verdict(done=True)),
    ({"action": "block"}, "request-headers", Verdict("block", 403)),
    (
        {"action": "block", "status": 429, "headers": {"Retry-After": "1"}, "body": "eA==", "reason": "a\nb"},
        "response-headers",
        Verdict("block", 429, (("retry-after", "1"),), b"x", reason="a?b"),
    ),
    (
        {"action": "redirect", "location": "/a"},
        "request-body",
        Verdict("redirect", 302, (("location", "/a"),)),
    ),
    ({"body": ""}, "response-body", Verdict(body=b"")),
    (
        {"request": {"set": {"A": "1"}, "add": {"b": ["2", "3"]}, "remove": ["C"]}},
        "request-headers",
        Verdict(request=HeaderChanges(set=(("a", "1"),), add=(("b", "2"), ("b", "3")), remove=("c",))),
    ),
    (
        {"response": {"set": {"x": " \u00e9 "}}},
        "request-headers",
        Verdict(response=HeaderChanges(set=(("x", "\u00e9"),))),
    ),
]


@pytest.mark.parametrize(("said", "event", "wanted"), GOOD)
def test_answers(said: Any, event: Event, wanted: Verdict) -> None:
    """Each means what the page says."""
    assert read(said, event) == wanted


def test_more() -> None:
    """Only of a body that goes on."""
    assert read({"action": "more"}, "request-body", end=False).action == "more"


BAD: list[tuple[Any, Event]] = [
    (b"null", "request-headers"),
    (b"\xff", "request-headers"),
    (b"[" * 5000, "request-headers"),
    ({"action": 1}, "request-headers"),
    ({"action": "more"}, "request-body"),
    ({"action": "more"}, "request-headers"),
    ({"action": "more", "body": ""}, "request-body"),
    ({"action": "block", "location": "/"}, "request-headers"),
    ({"action": "block", "status": True}, "request-headers"),
    ({"action": "block", "status": 204}, "request-headers"),
    ({"action": "block", "status": "403"}, "request-headers"),
    ({"action": "block", "body": "?"}, "request-headers"),
    ({"action": "block", "body": 1}, "request-headers"),
    ({"action": "redirect", "location": ""}, "request-headers"),
    ({"action": "redirect", "location": "/", "status": 200}, "request-headers"),
    ({"action": "redirect", "location": "/\r\nx: y"}, "request-headers"),
    ({"done": 1}, "request-headers"),
    ({"reason": 1}, "request-headers"),
    ({"verdict": "ok"}, "request-headers"),
    ({"request": {}}, "response-headers"),
    ({"request": []}, "request-headers"),
    ({"request": {"replace": {}}}, "request-headers"),
    ({"request": {"remove": "x"}}, "request-headers"),
    ({"request": {"remove": ["host"]}}, "request-headers"),
    ({"request": {"set": {"x": 1}}}, "request-headers"),
    ({"request": {"set": {"x": "\u20ac"}}}, "request-headers"),
    ({"request": {"set": {"": "a"}}}, "request-headers"),
    ({"request": {"set": {"x": "a" * 9000}}}, "request-headers"),
    ({"request": {"add": {"x": ["a"] * 101}}}, "request-headers"),
    ({"response": {"set": {"Transfer-Encoding": "chunked"}}}, "request-headers"),
]


@pytest.mark.parametrize(("said", "event"), BAD)
def test_what_is_no_answer(said: Any, event: Event) -> None:
    """It is refused as a whole, with a reason that holds nothing of its values."""
    with pytest.raises(BadAnswer) as fault:
        read(said, event)
    assert "\n" not in fault.value.args[0]


def test_heads_that_are_out_cannot_be_changed() -> None:
    """What was said for them comes too late."""
    with pytest.raises(BadAnswer, match="too late"):
        read({"response": {"set": {"a": "b"}}}, "response-body", late="response")
    with pytest.raises(BadAnswer, match="too late"):
        read({"request": {"set": {"a": "b"}}}, "request-body", late="request")


def test_a_breaker() -> None:
    """It opens after failures in a row, lets one trial through at a time, and closes by one answer."""
    breaker = Breaker(2, 10.0)
    assert breaker.admits(0)
    assert not breaker.failed(0)
    assert breaker.admits(0)
    assert not breaker.held()
    assert [breaker.failed(1), breaker.failed(1)] == [False, True]
    assert not breaker.admits(10.9)
    assert breaker.admits(11)
    assert not breaker.admits(11), "one trial at a time"
    breaker.given_up()
    assert breaker.admits(11)
    assert not breaker.failed(11), "it was open before"
    assert not breaker.admits(20.9)
    assert breaker.admits(21)
    assert breaker.held()
    assert breaker.admits(21)


@pytest.mark.parametrize("length", [0, 1, 127, 128, 16_383, 16_384, 2_097_152])
def test_messages_of_grpc(length: int) -> None:
    """What is put in one comes out of it."""
    message = message_of(b"x" * length)
    assert int.from_bytes(message[1:5], "big") == len(message) - 5
    assert content_of(message[5:]) == b"x" * length


@pytest.mark.parametrize(
    "message", [b"\x0a", b"\x12\x01x", b"\x0a\x02x", b"\x0a\x01xx", b"\x0a" + b"\xff" * 9]
)
def test_what_is_no_message(message: bytes) -> None:
    """Another field, a length that is not so, something behind it."""
    with pytest.raises(BadAnswer):
        content_of(message)
