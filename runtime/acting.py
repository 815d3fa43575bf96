"""What a route does, done: forwarding, redirects, fixed replies, files, builtins.

Owns the way from a route that is known to who answers. What the decision is `decide.py` says; what becomes of
a request on its way to a target is the exchange's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import getrandbits
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gwc.schema.request import RequestHead
from gwc.schema.table import BUILTINS, PRIVATE_BUILTINS

from .decide import Decision, decide
from .filter import Refuse
from .match import Match
from .mirror import Mirroring
from .own_replies import phrase
from .plan import Plan
from .reply import Reply
from .sticky import split_point
from .telling import Telling
from .tries import Tries

if TYPE_CHECKING:
    from .exchange import Exchange
    from .snapshot import ListenerPolicy, Snapshot

_NOBODY: Final[Mapping[str, str]] = MappingProxyType({})


def act(exchange: Exchange, snapshot: Snapshot, found: Match, address: str, plan: Plan) -> None:
    """The route's action, after its filters. `address` is where the request came in."""
    identity: Mapping[str, str] = _NOBODY
    if exchange.filtering is not None:
        context = exchange.filtering.context
        exchange.head = context.head
        if context.identity is not None:
            identity = context.identity.variables()
    head, record, settings = exchange.head, exchange.record, plan.settings
    if exchange.handshake is not None and not _may_switch(exchange, plan):
        return
    if plan.plain:
        assert plan.upstream is not None
        exchange.forward(plan.upstream, plan.times, head.authority, head.path, head.query)
        return
    point = 0
    if plan.action == "split":
        point = split_point(head, settings.sticky) if settings.sticky is not None else getrandbits(30)
    if plan.action == "builtin":
        _builtin(exchange, BUILTINS[plan.target], snapshot.policies.get(head.listener))
        return
    ids = record.trace_id, record.request_id
    port = snapshot.ports[address]
    decision = decide(snapshot.table, head, found, port=port, split_point=point, ids=ids, identity=identity)
    exchange.reply_changes = decision.response_headers
    _do(exchange, plan, decision)


def _may_switch(exchange: Exchange, plan: Plan) -> bool:
    """Whether a request for a WebSocket goes on. What the gateway answers itself it answers here too."""
    assert exchange.handshake is not None
    if not plan.upstreams:
        exchange.handshake = None
    elif plan.settings.websocket is None:
        exchange.fail("websocket-refused", "the route does not say `websocket`")
        return False
    elif exchange.handshake.fault:
        exchange.fail("websocket-handshake", exchange.handshake.fault)
        return False
    return True


def _do(exchange: Exchange, plan: Plan, decision: Decision) -> None:
    """Do what was decided."""
    if decision.kind == "rejected":
        assert decision.reason is not None
        exchange.fail(decision.reason)
    elif decision.kind == "redirect":
        assert decision.status is not None
        assert decision.location is not None
        location = f"location: {decision.location}".encode("latin-1")
        exchange.reply_own(Reply(decision.status, phrase(decision.status).encode(), [location], 0), b"")
    elif decision.kind == "respond":
        assert decision.status is not None
        body = decision.body.encode("utf-8")
        reply = Reply(decision.status, phrase(decision.status).encode(), [], len(body))
        reply.replace_fields(decision.headers)
        if body and not any(name == "content-type" for name, _ in decision.headers):
            reply.lines.append(b"content-type: text/plain; charset=utf-8")
        exchange.reply_own(reply, body)
    elif decision.kind == "static-files":
        assert plan.files is not None
        assert decision.path is not None
        plan.files.serve(exchange, decision.path)
    else:
        _forward(exchange, plan, decision)


def _forward(exchange: Exchange, plan: Plan, decision: Decision) -> None:
    """To an upstream, with a copy to others where the route says so."""
    assert decision.upstream is not None
    assert decision.host is not None
    assert decision.path is not None
    exchange.request_changes = decision.request_headers
    upstream, times = plan.upstreams[decision.upstream]
    if plan.tries is not None:
        exchange.tries = Tries(exchange, plan.tries)
        exchange.try_ends_at = exchange.tries.latest_head_at
    if plan.mirrors and exchange.handshake is None:
        exchange.mirroring = Mirroring(exchange, plan.mirrors)
    exchange.forward(upstream, times, decision.host, decision.path, decision.query)
    if exchange.mirroring is not None and exchange.request_ended:
        exchange.mirroring.end(exchange.trailers)


def _builtin(exchange: Exchange, name: str, policy: ListenerPolicy | None) -> None:
    """What the gateway answers by itself."""
    head = exchange.head
    if name == "not-found":
        exchange.fail("not-found")
    elif name not in PRIVATE_BUILTINS:
        reply, body = _of_this_worker(name, head, exchange.record.protocol, exchange.services.draining)
        exchange.reply_own(reply, body)
    elif policy is None or not policy.private:
        exchange.fail("not-private", f"`{name}` is told on private listeners alone")
    elif head.method not in ("GET", "HEAD"):
        exchange.answer(Refuse("file-method", fields=(("allow", "GET, HEAD"),)))
    else:
        telling = Telling(exchange, name)
        exchange.upstream_side = telling
        telling.begin()


def _of_this_worker(name: str, head: RequestHead, protocol: str, draining: bool) -> tuple[Reply, bytes]:
    """What needs nobody else: `echo`, `health`, `ready`."""
    if name == "echo":
        target = head.path if head.query is None else f"{head.path}?{head.query}"
        lines = [f"{head.method} {target} {protocol}", f"host: {head.authority}"]
        lines += [f"{field}: {value}" for field, value in head.fields]
        body = ("\r\n".join(lines) + "\r\n").encode("latin-1")
        return Reply(200, b"OK", [b"content-type: text/plain"], len(body)), body
    status = 503 if draining and name == "ready" else 200
    word = "draining" if status == 503 else "ok"
    body = f'{{"status":"{word}"}}\n'.encode()
    fields = [b"content-type: application/json", b"cache-control: no-store"]
    return Reply(status, phrase(status).encode(), fields, len(body)), body
