"""Where a listener sends requests that came in plain text.

Owns the location; the gateway's answer and `gwc explain` are the same.
"""

from __future__ import annotations

from typing import Final

from gwc.schema.request import RequestHead

STATUS: Final = 308
"""Method and body stay the same (RFC 9110 section 15.4.9)."""

_USUAL: Final = 443


def https_location(head: RequestHead, port: int | None) -> str | None:
    """The same host, path and query over `https`; None where the request may stay: the listener sends nobody
    away, a trusted proxy says that it came by `https`, or it names no host.
    """
    if port is None or head.scheme == "https" or not head.host:
        return None
    place = head.host if port == _USUAL else f"{head.host}:{port}"
    return f"https://{place}{head.path}" if head.query is None else f"https://{place}{head.path}?{head.query}"
