"""Replies that the gateway makes itself: refusals, redirects, fixed replies.

Owns their text. An error's body is JSON or HTML, as Accept prefers, with the request's id and nothing of the
upstream, of the request or of the gateway's insides.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from html import escape
from http import HTTPStatus
from typing import Final

from .reply import Reply

_REASONS: Final = {status.value: status.phrase for status in HTTPStatus} | {
    499: "Client Closed Request",
}
ALLOWED: Final = b"allow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS"
"""The field for whoever asks which methods there are, or used one that is refused everywhere."""

_QUALITY = re.compile(r";[ \t]*q=([01](?:\.[0-9]{0,3})?)[ \t]*(?:;|\Z)", re.IGNORECASE)


def phrase(status: int) -> str:
    """The usual words for a status."""
    return _REASONS.get(status, "")


@lru_cache(maxsize=256)
def prefers_html(accept: str) -> bool:
    """Whether an Accept field wants text/html more than application/json (RFC 9110 section 12.5.1)."""
    html = json = 0.0
    for each in accept.split(","):
        kind, _, parameters = each.partition(";")
        quality = _QUALITY.search(";" + parameters) if parameters else None
        weight = float(quality[1]) if quality is not None else 1.0
        kind = kind.strip(" \t").lower()
        if kind in ("text/html", "application/xhtml+xml"):
            html = max(html, weight)
        elif kind in ("application/json", "application/*"):
            json = max(json, weight)
    return html > json


def error_reply(
    status: int,
    request_id: str,
    accept: str,
    *,
    reason: str | None = None,
    message: str | None = None,
    retry_after_s: int = 0,
) -> tuple[Reply, bytes]:
    """The reply for a status of the gateway's own. `reason` is told in `x-gwc-reason` where it is given;
    `message`, which a configuration may give, stands for the status' usual words in the body;
    `retry_after_s` in `retry-after`, which a 503 has anyway.
    """
    words = phrase(status)
    said = words if message is None else message
    lines = [b"cache-control: no-store"]
    if status == 204:
        body = b""
    elif prefers_html(accept):
        lines.append(b"content-type: text/html; charset=utf-8")
        body = (
            f"<!doctype html>\n<title>{status} {words}</title>\n<h1>{status} {escape(said)}</h1>\n"
            f"<p>Request <code>{request_id}</code></p>\n"
        ).encode()
    else:
        lines.append(b"content-type: application/json")
        text = json.dumps(said)
        body = f'{{"status":{status},"error":{text},"request_id":"{request_id}"}}\n'.encode()
    if status == 405:
        lines.append(ALLOWED)
    if status == 503:
        lines.append(b"retry-after: %d" % (retry_after_s or 1))
    if reason:
        lines.append(b"x-gwc-reason: " + reason.encode("ascii"))
    return Reply(status, words.encode("ascii"), lines, None if status == 204 else len(body)), body
