"""The reply for a reason: what a client gets of a request that the gateway gives up or refuses.

Owns how the reason, what a filter says of it, and the client's own form (gRPC, JSON, HTML) come together.
"""

from __future__ import annotations

from gwc.schema.request import RequestHead

from .filter import Refuse
from .grpc import in_head, is_grpc
from .observe.reasons import REASONS
from .observe.record import RequestRecord
from .own_replies import error_reply, phrase
from .reply import Reply


def refusal_reply(
    head: RequestHead,
    record: RequestRecord,
    reason: str,
    refusal: Refuse | None,
    *,
    tells: bool,
    retry_after_s: int,
) -> tuple[Reply, bytes]:
    """The reply and its body, in the form of gRPC where that was asked in. `tells`: the reply says why."""
    told = reason if tells else None
    status, message = REASONS[reason], None
    if refusal is not None:
        status, message = refusal.status or status, refusal.message
    accept = head.headers.get("accept", "")
    reply, body = error_reply(
        status, record.request_id, accept, reason=told, message=message, retry_after_s=retry_after_s
    )
    if refusal is not None and refusal.fields:
        named = {name for name, _ in refusal.fields}
        usual = (field for field in reply.fields() if field[0] not in named)
        reply.replace_fields((*usual, *refusal.fields))
    if not is_grpc(head.headers.get("content-type")):
        return reply, body
    reply, record.grpc_status = in_head(reply, phrase(status) if message is None else message)
    return reply, b""
