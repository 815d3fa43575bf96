"""What a trusted peer says of a request: who the client is, the request's id, the trace.

Owns which fields are believed, and that they are well formed. Whether the peer is trusted its listener says.
"""

from __future__ import annotations

import re

from gwc.schema.listener import ListenerSettings
from gwc.schema.normalise.client import is_trusted, plain_address
from gwc.schema.normalise.sample import trace_id_of
from gwc.schema.request import Address, RequestHead

from .observe.record import RequestRecord

_REQUEST_ID = re.compile(r"[0-9A-Za-z._~+/=:-]{1,128}")


def believe(
    record: RequestRecord, head: RequestHead, peer: Address | None, listener: ListenerSettings
) -> str | None:
    """Write down what a trusted peer says. Gives the flags of its trace (00 without one), None where the peer
    is not trusted.
    """
    if peer is None or not is_trusted(plain_address(peer), listener):
        return None
    if head.client_ip is not None:
        record.client_ip = str(head.client_ip)
    said = head.headers.get("x-correlation-id", "")
    if _REQUEST_ID.fullmatch(said):
        record.request_id = said
    parent = head.headers.get("traceparent", "")
    trace_id = trace_id_of(parent)
    if trace_id is None:
        return "00"
    record.trace_id = trace_id.hex()
    record.parent_span_id = parent[36:52]
    flags = parent[53:55]
    record.sampled = bool(int(flags, 16) & 1)
    return flags
