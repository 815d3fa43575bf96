"""Replies of the gateway's own: their form follows Accept, and nothing leaks."""

from __future__ import annotations

import json

import pytest
from gwc.runtime.own_replies import error_reply, prefers_html


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        ("", False),
        ("*/*", False),
        ("text/html", True),
        ("application/json", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("application/json, text/html;q=0.5", False),
        ("application/json;q=0.2, text/html;q=0.5", True),
        ("text/html;q=0", False),
        ("TEXT/HTML; level=1; q=0.7", True),
        ("text/html;q=nonsense", True),
    ],
)
def test_who_gets_html(accept: str, html: bool) -> None:
    """A browser gets HTML, a program JSON."""
    assert prefers_html(accept) is html


def test_json_body() -> None:
    """Status, words and the request's id, as JSON."""
    reply, body = error_reply(503, "abc-1", "")
    assert json.loads(body) == {"status": 503, "error": "Service Unavailable", "request_id": "abc-1"}
    assert reply.length == len(body)
    assert b"retry-after: 1" in reply.lines


def test_the_reason_is_told_where_it_is_asked_for() -> None:
    """The header is there then, and not else."""
    assert b"x-gwc-reason: no-route" in error_reply(404, "1", "", reason="no-route")[0].lines
    assert not any(line.startswith(b"x-gwc") for line in error_reply(404, "1", "")[0].lines)
