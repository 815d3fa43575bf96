"""The proxy that an upstream's connections go out by.

Owns the record that stands in a table.
"""

from __future__ import annotations

from typing import NamedTuple


class EgressRecord(NamedTuple):
    """A proxy that takes CONNECT. `url` is `http://host:port`; all texts may hold references. Without
    `username` no credentials are sent.
    """

    url: str
    username: str | None = None
    password: str | None = None
