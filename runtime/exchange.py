"""One request and its reply, whatever versions of HTTP carry them.

Owns the course of a request: from its head through match and decision to a target, the way of bodies both
ways, deadlines, one more try where that is safe, and what is told when it is over. Speaks to both wires
through the interfaces of `sides.py` and knows the bytes of neither.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from random import getrandbits
from time import perf_counter, time
from typing import TYPE_CHECKING

from gwc.schema.listener import ListenerSettings
from gwc.schema.request import Address, RequestHead

from .acting import act
from .actions.headers import HeaderChanges, apply_changes
from .believing import believe
from .collecting import Collecting
from .filter import Answer, FilterContext, Refuse
from .filtering import Filtering
from .forwarding import Form, FormT_co
from .match import Match, NeedsBody, NoMatch, match
from .mirror import Mirroring
from .observe.reasons import REASONS
from .observe.record import RequestRecord
from .observe.spans import wanted
from .own_replies import phrase
from .plan import NO_TIMES, Plan, Times
from .preflight import is_preflight, preflight_match
from .refusing import refusal_reply
from .reply import Reply
from .retrying import MAX_TRIES, cause_of, is_left_alone
from .sides import Downstream, ReplySide, Services, Trailers, TunnelEnd, UpstreamSide
from .timers import NEVER
from .tls_session import TlsSession
from .to_https import STATUS, https_location
from .tries import Tries
from .tunnel import Handshake, Tunnel, accept_of

if TYPE_CHECKING:
    from .snapshot import ListenerPolicy, Snapshot
    from .upstream.choice import Chosen
    from .upstream.pool import Upstream
    from .upstream.targets import Target


class Exchange:
    """One request.

    Mutable, and nobody else's: `upstream_side` (the connection while there is one), `waiting` (pieces of the
    body that came before it), `request_ended`, `replied` (the reply's head is out), `over`; `deadline` with
    `late_reason`, which says what it would be late for; `record`, which is filled as things happen.

    `length` is that of the request's body: bytes, CHUNKED (-1), 0.
    """

    # PERF: defaults stand on the class and only what differs is set: 1 us less than thirty slots.
    upstream_side: ReplySide | None = None
    upstream: Upstream | None = None
    plan: Plan | None = None
    replied = False
    over = False
    deadline = NEVER
    slot = -1
    due = 0.0
    late_reason = ""
    wants_continue = False
    handshake: Handshake | None = None
    _tunnel: Tunnel | None = None
    trace_flags = "00"
    is_grpc = False
    _ends_at = NEVER
    _times = NO_TIMES
    _limit = 0
    _reply_limit = 0
    _wait_listed = False
    reply_changes: tuple[HeaderChanges, ...] = ()
    request_changes: tuple[HeaderChanges, ...] = ()
    _to: tuple[str, str, str | None] = ("", "", None)
    collecting: Collecting | None = None
    filtering: Filtering | None = None
    _client_full = False
    _target_full = False
    _held = False
    _is_believed = False
    _preflight = False
    _hsts = b""
    session: TlsSession | None = None
    waiting: tuple[bytes, ...] = ()
    tried: tuple[Target, ...] = ()
    chosen: Chosen | None = None
    retry_after_s = 0
    tries: Tries | None = None
    mirroring: Mirroring | None = None
    trailers: Trailers = []  # noqa: RUF012  # never changed, only replaced
    try_ends_at = NEVER

    def __init__(
        self,
        services: Services,
        downstream: Downstream,
        head: RequestHead,
        length: int,
        peer: str,
        trace_id: bytes,
        protocol: str,
    ) -> None:
        self.services = services
        self.downstream: Downstream | None = downstream
        self.head = head
        self.length = length
        self.peer = peer
        self.request_ended = length == 0
        self.started = perf_counter()
        record = self.record = RequestRecord()
        record.began = time()
        record.trace_id = record.request_id = trace_id.hex()
        record.method = head.method
        record.scheme = head.scheme
        record.host = head.host
        record.path = head.path
        record.query = head.query
        record.protocol = protocol
        record.listener = head.listener
        record.client_ip = peer
        headers = head.headers
        record.user_agent = headers.get("user-agent", "")
        record.referer = headers.get("referer", "")
        services.in_flight += 1
        services.observer.request_began()

    # --- from the client -------------------------------------------------------------------------------

    def take_session(self, session: TlsSession) -> None:
        """The request came over TLS."""
        self.session = self.record.session = session

    def begin(
        self, snapshot: Snapshot, address: str, peer: Address | None, trusted: ListenerSettings | None
    ) -> None:
        """Match, decide and do. `address` is where the request came in; `trusted` is the listener whose
        `trusted-proxies` the peer may be among, None where it has none.
        """
        head, record = self.head, self.record
        record.generation = snapshot.generation
        if trusted is not None:
            believed = believe(record, head, peer, trusted)
            if believed is not None:
                self._is_believed, self.trace_flags = True, believed
        tracing = snapshot.table.gateway[0].tracing
        if tracing is not None:
            told = record.sampled if record.parent_span_id else None
            record.sampled = wanted(record.trace_id, told, tracing)
            self.trace_flags = "01" if record.sampled else "00"
        if snapshot.policies:
            policy = snapshot.policies.get(head.listener)
            if policy is not None and self._is_redirected(policy):
                return
        if head.method == "OPTIONS" and is_preflight(head):
            meant = preflight_match(snapshot.table, head)
            if meant is not None:
                self._preflight = True
                self._take(snapshot, meant, address)
                return
        found = match(snapshot.table, head)
        if type(found) is Match:
            self._take(snapshot, found, address)
        elif type(found) is NoMatch:
            self.fail("no-route")
        else:
            assert isinstance(found, NeedsBody)
            self._collect(snapshot, address, found)

    def _is_redirected(self, policy: ListenerPolicy) -> bool:
        """What the listener says of every request; whether that was the answer."""
        self._hsts = policy.hsts
        location = https_location(self.head, policy.redirect_port)
        if location is None:
            return False
        line = f"location: {location}".encode("latin-1")
        self.reply_own(Reply(STATUS, phrase(STATUS).encode(), [line], 0), b"")
        return True

    def _take(self, snapshot: Snapshot, found: Match, address: str) -> None:
        """The route is known."""
        record = self.record
        plan = self.plan = snapshot.plans[found.alternative.route]
        record.route, record.match = plan.route, found.alternative.match
        settings = plan.settings
        self._reply_limit = settings.response_body_bytes
        self._limit = settings.request_body_bytes
        if plan.filters is None:  # PERF: the usual request asks nobody else
            if not self._limit or self.length <= self._limit:
                act(self, snapshot, found, address, plan)
            else:
                self.fail("body-length")
            return
        context = FilterContext(
            self.services, plan, self.head, record, self.peer, self.length, preflight=self._preflight
        )
        self.filtering = Filtering(
            self, plan.filters, context, lambda: act(self, snapshot, found, address, plan)
        )
        self.filtering.begin()

    def refused_by_length(self) -> bool:
        """Refuse a body that is said to be longer than the route takes."""
        if self._limit and self.length > self._limit:
            self.fail("body-length")
            return True
        return False

    def request_promised(self, length: int) -> None:
        """The body will be at least this long."""
        if self._limit and length > self._limit:
            self.fail("body-length")

    def request_data(self, data: bytes) -> None:
        """A piece of the request's body."""
        if self.over:
            return
        record = self.record
        record.request_bytes += len(data)
        if self.length < 0 and self._limit and record.request_bytes > self._limit:
            self.fail("body-length")
            return
        if self.collecting is not None:
            self.collecting.data(data)
        elif self.filtering is not None and self.filtering.request_change is not None:
            self.filtering.request_data(data)
        else:
            self.pass_request_data(data)

    def pass_request_data(self, data: bytes) -> None:
        """A piece of the body as it goes to the target."""
        side = self.upstream_side
        if not data or self.over:
            return
        if self.mirroring is not None:
            self.mirroring.data(data)
        if side is None:
            self.waiting += (data,)
            if self.downstream is not None:
                self.downstream.pause_reading()
        else:
            if self.tries is not None:
                self.tries.sent(data)
            side.send_data(data)
            self._extend()

    def request_end(self, trailers: Trailers) -> None:
        """The request is whole."""
        if self.collecting is not None:
            self.request_ended = True
            self.collecting.end()
        elif self.filtering is not None and self.filtering.request_change is not None:
            self.filtering.request_end(trailers)
        else:
            self.pass_request_end(trailers)

    def pass_request_end(self, trailers: Trailers) -> None:
        """The request is whole as it goes to the target."""
        self.request_ended = True
        self.trailers = trailers
        if self.over:
            return
        if self.mirroring is not None:
            self.mirroring.end(trailers)
        side = self.upstream_side
        if side is not None:
            side.send_end(self._passing(trailers, response=False))
            if self.record.first_byte_s is None:  # else both go on side by side
                self._wait_for_reply()

    def client_gone(self, reason: str = "client-gone") -> None:
        """The client's connection is lost, or too slow to be kept."""
        if self.over:
            return
        self.downstream = None
        if not self.replied:
            self.record.status = REASONS[reason]
        self.record.reason = reason
        self._finish()

    # --- bodies that decide ----------------------------------------------------------------------------

    def _collect(self, snapshot: Snapshot, address: str, found: NeedsBody) -> None:
        """A candidate asks for what only the body says: read it first, then match again."""
        plan = snapshot.plans[snapshot.table.alternatives[found.rank].route]
        self.plan = plan
        self._limit = limit = plan.settings.request_body_bytes
        if not self.refused_by_length():
            self.collect(limit or sys.maxsize, lambda body: self._match_again(snapshot, address, body))

    def _match_again(self, snapshot: Snapshot, address: str, body: bytes | None) -> None:
        """The body is there."""
        from gwc.schema.late import late_coordinates

        if body is None:
            self.fail("body-length")
            return
        self.head = replace(self.head, late=late_coordinates(self.head, body))
        found = match(snapshot.table, self.head)
        assert not isinstance(found, NeedsBody), "the body has been read"
        self.replace_body(body)
        if isinstance(found, NoMatch):
            self.fail("no-route")
        else:
            self._take(snapshot, found, address)

    def collect(self, most: int, then: Callable[[bytes | None], None]) -> None:
        """Wait for the whole body; `then` gets it, or None where it is longer than `most` and streams on."""
        if self.length > most:
            then(None)
            return
        self.collecting = Collecting(self, most, then)
        self.collecting.begin()

    def replace_body(self, body: bytes) -> None:
        """The whole body, as it goes to the target."""
        if self.length or body:
            self.length = len(body)
            self.waiting = (body,) if body else ()

    def change_request(self) -> None:
        """From now on the body passes through a filter's change; what came before does first."""
        assert self.filtering is not None
        pieces, self.waiting = self.waiting, ()
        ended, self.request_ended = self.request_ended, False
        self.length = -1
        for piece in pieces:
            self.filtering.request_data(piece)
        if ended:
            self.filtering.request_end(self.trailers)

    # --- to a target -----------------------------------------------------------------------------------

    def forward(self, upstream: Upstream, times: Times, host: str, path: str, query: str | None) -> None:
        """Send the request to an upstream."""
        record = self.record
        self.upstream = upstream
        self._times = times
        record.upstream = upstream.name
        self._ends_at = self.services.timers.now + times.total_s
        record.span_id = f"{getrandbits(64):016x}"
        self._to = host, path, query
        self._try()

    def forwarded(self, form: Form[FormT_co]) -> FormT_co:
        """The request's head as the target gets it, in the form of the version of HTTP that it speaks."""
        return form(
            self.head,
            self.record,
            self._to,
            length=self.length,
            peer=self.peer,
            trusted=self._is_believed,
            flags=self.trace_flags,
            changes=self.request_changes if self.filtering is None else self._all_request_changes(),
            websocket_key="" if self.handshake is None else self.handshake.key,
        )

    def _all_request_changes(self) -> tuple[HeaderChanges, ...]:
        """What becomes of the request's fields: the filters' changes, then the route's rules."""
        assert self.filtering is not None
        context = self.filtering.context
        if not context.set_fields and not context.removed and not context.changes:
            return self.request_changes
        removal = HeaderChanges(remove=tuple(context.removed))
        addition = HeaderChanges(set=tuple(context.set_fields))
        return (removal, addition, *context.changes, *self.request_changes)

    def _try(self) -> None:
        """Ask for a connection."""
        upstream = self.upstream
        assert upstream is not None
        self.record.attempts += 1
        self.acquire()

    def acquire(self) -> None:
        """Ask for a connection. The pool calls it too, when a name is known at last."""
        assert self.upstream is not None
        self._wait_listed = False
        wait_s = self.upstream.acquire(self)
        if wait_s is not None:
            self._wait_listed = True
            self.late_reason = "pending-timeout"
            self._until(wait_s)

    def connected(self, side: UpstreamSide, *, reused: bool, seconds: float | None = None) -> None:
        """A connection is there. Called by the pool, at once or later."""
        record = self.record
        if self._wait_listed:
            self._wait_listed = False
            self.services.timers.forget(self)
        self.upstream_side = side
        record.target = side.target.address
        record.reused = reused
        if seconds is not None:
            record.connect_s = seconds
        self.try_ends_at = self.services.timers.now + self._times.try_s
        if self.handshake is not None and not side.tunnels:
            self.fail("protocol-mismatch", "the target takes no WebSockets over HTTP/2")
            return
        if self.tries is not None:
            self.try_ends_at = self.tries.connected(side.target, self.waiting, self.try_ends_at)
        self._target_full = False
        side.start(self, self.length)
        if self.waiting:
            waiting, self.waiting = self.waiting, ()
            for piece in waiting:
                side.send_data(piece)
        if self.length:
            if self.request_ended:
                side.send_end(self._passing(self.trailers, response=False))
            elif self.downstream is not None:
                if self.wants_continue:
                    self.wants_continue = False
                    self.downstream.send_continue()
                if not self._held and not self._target_full:  # it may be full of what had waited
                    self.downstream.resume_reading()
        if self.request_ended:
            self._wait_for_reply()
        else:
            self.late_reason = "idle-timeout"
            self._until(self._times.idle_s)

    def _wait_for_reply(self) -> None:
        """The request is out: the reply's head is next."""
        self.late_reason = "first-byte-timeout"
        self._until(self._times.first_byte_s)

    def unavailable(self, reason: str, detail: str = "") -> None:
        """There is no connection to be had. Called by the pool, at once or later."""
        upstream = self.upstream
        assert upstream is not None
        if self.chosen is not None:
            self.chosen.failed(reason)
        if self.tries is not None:
            if not self.tries.after_failure(reason):
                self.fail(reason, detail)
            return
        retriable = cause_of(reason) == "connect-failure" and not self.over
        if retriable and self.record.attempts < min(MAX_TRIES, len(upstream.targets)):
            self._try()
        else:
            self.fail(reason, detail)

    # --- from a target ---------------------------------------------------------------------------------

    def reply_head(self, reply: Reply, length: int) -> None:
        """The reply's head. `length` is that of the body to come: negative where only its end tells."""
        if not self._take_reply(reply, length):
            return
        self.late_reason = "idle-timeout"
        if reply.is_event_stream or self.is_grpc:
            self._ends_at = NEVER
            self._times = self._times._replace(idle_s=self._times.stream_idle_s)
            self.services.streams.add(self)
        self._until(self._times.idle_s)
        if self.filtering is None:
            self._send_reply(reply, length)
        else:
            self.filtering.reply(reply, lambda: self._send_reply(reply, length))

    def switched(self, reply: Reply, side: TunnelEnd) -> None:
        """The target has agreed to the handshake, which its wire has judged. `side` is a tunnel's from here
        on, and so is the client's connection once filters have seen the 101. Only silence has a limit then.
        """
        assert self.handshake is not None
        assert self.plan is not None
        websocket = self.plan.settings.websocket
        assert websocket is not None
        taken = self._take_reply(reply, 0)
        assert taken, "a 101 has no body"
        self.late_reason = ""
        idle_s = websocket.idle_ms / 1000 if websocket.idle_ms else NEVER
        self._times = Times(NEVER, idle_s, NEVER, NEVER)
        self._ends_at = NEVER
        tunnel = self._tunnel = Tunnel(self, self.handshake.end, side, idle_s)
        self.services.streams.add(self)
        side.switch(tunnel, reply)
        if self.filtering is None:
            self._begin_tunnel(tunnel, reply)
        else:
            self.filtering.reply(reply, lambda: self._begin_tunnel(tunnel, reply))

    def _begin_tunnel(self, tunnel: Tunnel, reply: Reply) -> None:
        """The client's side too."""
        if self.downstream is None or self.over:
            return
        assert self.handshake is not None
        self._mark(reply)
        # Whatever rules have made of the reply, the handshake is the client's own.
        lines = [line for line in reply.lines if not line.lower().startswith(b"sec-websocket-accept:")]
        reply.lines = [*lines, b"sec-websocket-accept: " + accept_of(self.handshake.key)]
        self.replied = True
        self.services.observer.tunnel(self.record.route, 1)
        tunnel.begin(reply)

    def drained(self) -> None:
        """The route has changed, and its time for streams is over."""
        if self.over:
            return
        if self._tunnel is not None:
            self._tunnel.go_away("drained")
            return
        self.record.reason = "drained"
        self._leave_upstream()
        downstream, self.downstream = self.downstream, None
        self._finish()
        if downstream is not None:
            downstream.abort()

    def tunnel_over(self, reason: str) -> None:
        """The tunnel that this became is over."""
        self.record.reason = reason
        self.upstream_side = self.downstream = None
        self.services.observer.tunnel(self.record.route, -1)
        self._finish()

    def reply_whole(self, reply: Reply, body: bytes) -> None:
        """Head and body at once; the connection has been given back already. PERF: the usual small reply."""
        self.upstream_side = None
        if not self._take_reply(reply, len(body)):
            return
        if self.filtering is None:
            self._mark(reply)
            self.replied = True
            self._send_whole(reply, body)
            return
        self.filtering.reply(reply, lambda: self._send_filtered(reply, body))
        if self.over:
            return
        if body:
            self.reply_data(body)
        self.reply_end([])

    def _send_filtered(self, reply: Reply, body: bytes) -> None:
        """A whole reply after the filters; at once where none of them changes its body or is waited for."""
        assert self.filtering is not None
        if self.filtering.changes_reply or self.downstream is None or self.over:
            self._send_reply(reply, len(body))
            return
        self._mark(reply)
        self.replied = True
        self._send_whole(reply, body)

    def _send_reply(self, reply: Reply, length: int) -> None:
        """The reply's head, after the filters."""
        if self.downstream is None or self.over:
            return
        self._mark(reply)
        self.replied = True
        changed = self.filtering is not None and self.filtering.changes_reply
        self.downstream.send_head(reply, has_body=length != 0 or changed)

    def _take_reply(self, reply: Reply, length: int) -> bool:
        """Make a target's reply ours; False where it had to be given up."""
        if self.tries is not None and self.tries.after_reply(reply):
            return False
        record = self.record
        record.first_byte_s = perf_counter() - self.started
        limit = self._reply_limit
        if limit and length > limit:
            self.fail("reply-too-long")
            return False
        record.status = reply.status
        if self.chosen is not None:
            self.chosen.answered(self.head, reply)
        self.try_ends_at = NEVER
        return True

    def flush(self) -> None:
        """The reply's head goes out without waiting for its body."""
        if self.filtering is not None and self.filtering.changes_reply:
            self.filtering.flush()
        else:
            self.pass_flush()

    def pass_flush(self) -> None:
        """What there is of the reply goes out."""
        if self.downstream is not None:
            self.downstream.flush()

    def reply_data(self, data: bytes) -> None:
        """A piece of the reply's body."""
        if self.filtering is not None and self.filtering.changes_reply:
            self.filtering.data(data)
            if not self._held:
                self._extend()
        else:
            self.pass_reply_data(data)

    def pass_reply_data(self, data: bytes) -> None:
        """A piece of the body as it goes to the client."""
        record = self.record
        record.response_bytes += len(data)
        limit = self._reply_limit
        if limit and record.response_bytes > limit:
            self.fail("reply-too-long")
            return
        if self.downstream is not None and data:
            self.downstream.send_data(data)
            self._extend()

    def reply_end(self, trailers: Trailers) -> None:
        """The reply is whole; its connection has been given back already."""
        self.upstream_side = None
        if self.filtering is not None and self.filtering.changes_reply:
            self.filtering.end(trailers)
        else:
            self.pass_reply_end(trailers)

    def pass_reply_end(self, trailers: Trailers) -> None:
        """The reply is whole as it goes to the client."""
        if self.over:
            return
        downstream, self.downstream = self.downstream, None
        self._finish()
        if downstream is not None:
            downstream.send_end(self._passing(trailers, response=True))

    def upstream_lost(self, reason: str, detail: str = "") -> None:
        """The connection is gone before the reply was whole."""
        self.upstream_side = None
        if self.over:
            return
        if self.tries is not None:
            if not self.tries.after_failure(reason):
                self.fail(reason, detail)
            return
        record = self.record
        if (
            not self.replied
            and record.attempts < MAX_TRIES
            and is_left_alone(reason, reused=record.reused, length=self.length, method=self.head.method)
        ):
            self._try()
            return
        self.fail(reason, detail)

    def upstream_refused(self, sent: tuple[bytes, ...] | None, detail: str) -> None:
        """The target has not begun with the request, so it may be sent again. `sent` is all of the body that
        went there, None where that is not known any more.
        """
        self.upstream_side = None
        if self.over:
            return
        assert not self.replied
        if self.tries is not None:
            if not self.tries.after_refusal(sent):
                self.fail("stream-refused", detail)
            return
        if sent is None or self.record.attempts >= MAX_TRIES:
            self.fail("stream-refused", detail)
            return
        self.waiting = sent
        self._try()

    def upstream_full(self) -> None:
        """The target takes no more for now."""
        self._target_full = True
        if self.downstream is not None:
            self.downstream.pause_reading()

    def upstream_drained(self) -> None:
        """The target takes more."""
        self._target_full = False
        if self.downstream is not None and not self._held:
            self.downstream.resume_reading()
            self._extend()

    def downstream_full(self) -> None:
        """The client takes no more for now. While it does not, the target is not to blame."""
        self._client_full = True
        self._rest()

    def downstream_drained(self) -> None:
        """The client takes more."""
        self._client_full = False
        if not self._held:
            self._read_on()

    def hold(self) -> None:
        """A filter has to be waited for: nothing more is read meanwhile."""
        if self._held or self.over:
            return
        self._held = True
        self._rest()
        if self.downstream is not None and not self.request_ended:
            self.downstream.pause_reading()

    def let_go(self) -> None:
        """The filter has spoken."""
        self._held = False
        if self.over:
            return
        if not self._client_full:
            self._read_on()
        if self.downstream is not None and self.upstream_side is not None and not self._target_full:
            self.downstream.resume_reading()

    def _rest(self) -> None:
        """Read no more of the reply; the target is not to blame for the time."""
        if self.upstream_side is not None:
            self.upstream_side.pause_reading()
            self.upstream_side.deadline = self._ends_at

    def _read_on(self) -> None:
        """The reply again."""
        if self.upstream_side is not None:
            self.upstream_side.resume_reading()
            self._until(self._times.idle_s)

    # --- endings ---------------------------------------------------------------------------------------

    def fail(self, reason: str, detail: str = "") -> None:
        """Give the request up for `reason`: answer by ourselves, or cut what cannot be answered any more."""
        if self.over:
            return
        record = self.record
        record.reason, record.detail = reason, detail
        if record.upstream:
            self.services.observer.upstream_failed(record.upstream, record.target, reason)
        if self.chosen is not None and not (reason == "connection-lost" and record.reused):
            # What was late is the target's fault only while it was its turn.
            late = reason in ("request-timeout", "try-timeout")
            self.chosen.failed(self.late_reason if late else reason)
        self._leave_upstream()
        downstream = self.downstream
        if self.replied:
            self.downstream = None
            self._finish()
            if downstream is not None:
                downstream.abort()
            return
        if downstream is None:
            record.status = REASONS[reason]
            self._finish()
            return
        self.reply_own(*self._error(reason, None))

    def answer(self, said: Refuse | Answer) -> None:
        """What a filter answers instead of the route's action."""
        if self.over:
            return
        record = self.record
        record.reason = said.reason
        if isinstance(said, Refuse):
            record.detail = said.detail
            self.reply_own(*self._error(said.reason, said))
            return
        reply = Reply(said.status, phrase(said.status).encode(), [], len(said.body))
        reply.replace_fields(said.fields)
        self.reply_own(reply, said.body)

    def _error(self, reason: str, refusal: Refuse | None) -> tuple[Reply, bytes]:
        """The gateway's own reply for a reason."""
        tells = self.plan is not None and self.plan.settings.reasons
        retry_after_s = self.retry_after_s if reason == "breaker-open" else 0
        return refusal_reply(
            self.head, self.record, reason, refusal, tells=tells, retry_after_s=retry_after_s
        )

    def reply_own(self, reply: Reply, body: bytes) -> None:
        """Send a reply of our own and be done."""
        record = self.record
        if self.filtering is not None:
            body = self.filtering.own_reply(reply, body)
        record.status = reply.status
        self._mark(reply)
        self.replied = True
        if self.head.method == "HEAD" or reply.status in (204, 304):
            body = b""
            if reply.status == 204:
                reply.length = None
        self._send_whole(reply, body)

    def _mark(self, reply: Reply) -> None:
        """What every reply of a request gets: the route's header rules, and the request's id."""
        if self.tries is not None:
            self.tries.mark(reply)
        if self.filtering is not None and (set_fields := self.filtering.context.reply_fields):
            changed = HeaderChanges(set=tuple(set_fields))
            reply.replace_fields(apply_changes(reply.fields(), changed))
        if self.reply_changes:
            fields = reply.fields()
            for changes in self.reply_changes:
                fields = list(apply_changes(fields, changes))
            reply.replace_fields(fields)
        if self._hsts:
            # One policy for the host: what a target says of it would contradict.
            reply.lines = [line for line in reply.lines if line[:26].lower() != b"strict-transport-security:"]
            reply.lines.append(self._hsts)
        reply.lines.append(b"x-correlation-id: " + self.record.request_id.encode("latin-1"))

    def _send_whole(self, reply: Reply, body: bytes) -> None:
        """Head and body at once, and the request is over before they go: the next one may begin in it."""
        self.record.response_bytes = len(body)
        downstream, self.downstream = self.downstream, None
        self._finish()
        if downstream is not None:
            downstream.send_head(reply, has_body=bool(body))
            if body:
                downstream.send_data(body)
            downstream.send_end([])

    def expired(self) -> None:
        """A deadline has passed."""
        reason = self.late_reason
        now = self.services.timers.now
        if now >= self._ends_at:
            reason = "request-timeout"
        elif now >= self.try_ends_at:
            reason = "try-timeout"
        if self.tries is None or not self.tries.after_failure(reason):
            self.fail(reason)

    # --- another try -----------------------------------------------------------------------------------

    @property
    def left_s(self) -> float:
        """What is left of the time for the whole request."""
        return self._ends_at - self.services.timers.now

    def leave(self, sent: tuple[bytes, ...]) -> None:
        """Let go of the target; `sent` of the body goes out again with the next try."""
        self._leave_upstream()
        if self.chosen is not None:
            self.chosen.left()
            self.chosen = None
        self.try_ends_at = NEVER if self.tries is None else self.tries.latest_head_at
        self.record.grpc_status = None
        self.waiting = (*sent, *self.waiting)

    def move(self, upstream: Upstream, times: Times) -> None:
        """Another upstream is asked from now on, with the time limits that hold there."""
        record = self.record
        self.upstream, self._times = upstream, times
        self.tried = ()
        record.upstream, record.target = upstream.name, ""
        if self.tries is not None:
            self.try_ends_at = self.tries.latest_head_at
        if self.plan is not None and self.plan.settings.request_ms is None:
            self._ends_at = self.services.timers.now + times.total_s

    def wait_on(self, ends_at: float) -> None:
        """The try goes on until then, at the latest."""
        self.try_ends_at = ends_at
        if self.late_reason == "first-byte-timeout":
            self._until(self._times.first_byte_s)
        else:
            self._until(self._times.idle_s if self.upstream_side is not None else NEVER)

    def rest(self) -> None:
        """Nobody is asked for now. The request's own end holds meanwhile."""
        self._until(NEVER)

    def go_on(self) -> None:
        """Try anew."""
        if self.slot >= 0:
            self.services.timers.forget(self)
        self._try()

    def _leave_upstream(self) -> None:
        """Let go of the target: a connection in use is closed, a wait for one is ended."""
        side, self.upstream_side = self.upstream_side, None
        if side is not None:
            side.abort()
        elif self._wait_listed and self.upstream is not None:
            self._wait_listed = False
            self.upstream.abandon(self)

    def _finish(self) -> None:
        """Tell what happened; nothing happens any more."""
        self.over = True
        services = self.services
        self._leave_upstream()
        if self.chosen is not None:
            self.chosen.left()
        if self.tries is not None:
            self.tries.end()
        if self.mirroring is not None and not self.request_ended:
            self.mirroring.give_up()
        if self.slot >= 0:
            services.timers.forget(self)
        if self.filtering is not None:
            self.filtering.finish()
        services.in_flight -= 1
        record = self.record
        record.total_s = perf_counter() - self.started
        services.observer.request_done(record)

    def _until(self, seconds: float) -> None:
        """The deadline of what comes next, the request's own end at the latest."""
        timers = self.services.timers
        deadline = timers.now + seconds
        if deadline > self._ends_at:
            deadline = self._ends_at
        if deadline > self.try_ends_at:
            deadline = self.try_ends_at
        # PERF: a connection stays in the wheel from request to request, so its deadline is a number to set.
        timed: Exchange | ReplySide = self.upstream_side or self
        timed.deadline = deadline
        if deadline < NEVER and (timed.slot < 0 or deadline < timed.due):
            timers.watch(timed)

    def _extend(self) -> None:
        """Something moved: the idle deadline is later. It never comes nearer, so the wheel need not know."""
        if self.late_reason == "idle-timeout" and self.upstream_side is not None:
            deadline = self.services.timers.now + self._times.idle_s
            self.upstream_side.deadline = min(deadline, self._ends_at, self.try_ends_at)

    def _passing(self, trailers: Trailers, *, response: bool) -> Trailers:
        """The trailers that the route lets through."""
        if not trailers or self.plan is None:
            return []
        if response and self.is_grpc:
            return trailers  # they are the reply's status
        settings = self.plan.settings
        names = settings.response_trailers if response else settings.request_trailers
        return [(name, value) for name, value in trailers if name.decode("latin-1") in names]
