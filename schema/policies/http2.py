"""HTTP/2 of a listener's clients, as the table has it."""

from __future__ import annotations

from typing import NamedTuple


class ListenerHttp2(NamedTuple):
    """What a client may do that speaks HTTP/2. Listeners of one address have the same.

    `enabled`: it is spoken at all. `streams`: requests at once on a connection. `header_list_bytes`: the
    fields of a request, unpacked, each with 32 bytes more than it has (RFC 9113 section 10.5.1).
    `window_bytes` and `connection_window_bytes`: so much of request bodies is taken in before a target has
    taken it, of one stream and of all of a connection. `resets`: streams that a client may reset within 30
    seconds.
    """

    enabled: bool = True
    streams: int = 100
    header_list_bytes: int = 64 * 1024
    window_bytes: int = 64 * 1024
    connection_window_bytes: int = 1024 * 1024
    resets: int = 100
