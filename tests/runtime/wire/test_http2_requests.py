"""Requests and replies of HTTP/2: what is served, what is refused and how, however the bytes come."""

from __future__ import annotations

import pytest

from ...e2e.http2 import PREFACE, Fields, frame, head
from .http2_rig import LONG, Talk, Told, talking

PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED, CANCEL = 1, 3, 5, 6, 7, 8
COMPRESSION_ERROR = 9
CUTS = pytest.mark.parametrize("cut", [0, 1, 13])

USUAL: Fields = ((":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a.test"))


@CUTS
def test_requests_side_by_side(cut: int) -> None:
    """Each gets its own reply, and one write carries those that are there."""

    async def work(talk: Talk, told: Told) -> None:
        asked = [talk.ask(head("/echo/" + str(each))) for each in range(20)]
        asked.append(talk.ask(head("/long")))
        await talk.push()
        for each, number in enumerate(asked[:-1]):
            reply = talk.replies[number]
            assert (reply.status, reply.ended) == (200, True)
            assert reply.body.startswith(f"GET /echo/{each} HTTP/2\r\nhost: a.test\r\n".encode())
            assert "date" in reply.fields
            assert reply.fields["content-length"] == str(len(reply.body))
        assert talk.replies[asked[-1]].body == LONG.encode()
        assert told.reasons == []
        if not cut:
            assert talk.transport.writes < 10

    talking(work, cut=cut)


def test_head_and_bodiless_replies() -> None:
    """HEAD gets the length and nothing of it."""

    async def work(talk: Talk, told: Told) -> None:
        number = talk.ask(head("/", method="HEAD"))
        asterisk = talk.ask(head("*", method="OPTIONS"))
        await talk.push()
        reply = talk.replies[number]
        assert (reply.status, reply.body, reply.ended) == (200, b"", True)
        assert reply.fields["content-length"] == "6"
        other = talk.replies[asterisk]
        assert (other.status, other.body, other.ended) == (204, b"", True)
        assert "content-length" not in other.fields

    talking(work)


MALFORMED: dict[str, Fields] = {
    "upper-case": (*USUAL, ("X-Upper", "a")),
    "no-token": (*USUAL, ("x y", "a")),
    "empty-name": (*USUAL, ("", "a")),
    "connection": (*USUAL, ("connection", "keep-alive")),
    "keep-alive": (*USUAL, ("keep-alive", "5")),
    "proxy-connection": (*USUAL, ("proxy-connection", "keep-alive")),
    "transfer-encoding": (*USUAL, ("transfer-encoding", "chunked")),
    "upgrade": (*USUAL, ("upgrade", "h2c")),
    "te": (*USUAL, ("te", "gzip")),
    "line-feed": (*USUAL, ("x", "a\nb: c")),
    "carriage-return": (*USUAL, ("x", "a\rb")),
    "nul": (*USUAL, ("x", "a\0b")),
    "space-before": (*USUAL, ("x", " a")),
    "space-after": (*USUAL, ("x", "a\t")),
    "pseudo-after-field": (*USUAL[:3], ("x", "a"), USUAL[3]),
    "pseudo-twice": (*USUAL, (":path", "/")),
    "pseudo-unknown": (*USUAL, (":other", "/")),
    "pseudo-of-replies": (*USUAL, (":status", "200")),
    "protocol": (*USUAL, (":protocol", "websocket")),
    "no-method": USUAL[1:],
    "no-scheme": (USUAL[0], *USUAL[2:]),
    "no-path": (*USUAL[:2], USUAL[3]),
    "empty-path": (*USUAL[:2], (":path", ""), USUAL[3]),
    "connect-with-path": ((":method", "CONNECT"), *USUAL[1:]),
    "no-pseudo": (("x", "a"),),
    "length-without-body": (*USUAL, ("content-length", "3")),
}


@CUTS
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_heads(name: str, cut: int) -> None:
    """The stream is reset, the reason told, and the requests beside it are served."""

    async def work(talk: Talk, told: Told) -> None:
        before = talk.ask(head("/"))
        number = talk.ask(MALFORMED[name])
        after = talk.ask(head("/"))
        await talk.push()
        assert talk.replies[number].reset == PROTOCOL_ERROR
        assert [talk.replies[each].status for each in (before, after)] == [200, 200]
        assert told.reasons == ["http2-length" if "length" in name else "http2-head"]
        assert talk.goaway is None

    talking(work, cut=cut)


REFUSED_HEADS: dict[str, tuple[Fields, int, str]] = {
    "path": (head("/%zz"), 400, "path-escape"),
    "target-form": (head("x"), 400, "target-form"),
    "absolute": (head("http://a.test/"), 400, "target-form"),
    "host": (head("/", host="a b"), 400, "host-name"),
    "userinfo": (head("/", host="u@a.test"), 400, "host-userinfo"),
    "no-host": (USUAL[:3], 400, "host-missing"),
    "two-hosts": (head("/", ("host", "b.test")), 400, "host-disagreement"),
    "trace": (head("/", method="TRACE"), 405, "method-refused"),
    "connect": (((":method", "CONNECT"), (":authority", "a.test:443")), 405, "method-refused"),
    "method": (head("/", method="G T"), 400, "method-token"),
    "control": (head("/", ("x", "a\x01b")), 400, "field-value"),
    "long-target": (head("/" + "x" * 9000), 414, "target-length"),
    "many-fields": (head("/", *((f"x{each}", "y") for each in range(101))), 431, "fields-count"),
    "long-field": (head("/", ("x", "y" * 17_000)), 431, "field-length"),
    "long-list": (
        head("/", *((f"x{each}", "y" * 800) for each in range(90))),
        431,
        "head-length",
    ),
    "length": (head("/", ("content-length", "+3"), method="POST"), 400, "length-value"),
    "lengths": (
        head("/", ("content-length", "3"), ("content-length", "3"), method="POST"),
        400,
        "length-repeated",
    ),
    "expectation": (head("/", ("expect", "more")), 417, ""),
}


@CUTS
@pytest.mark.parametrize("name", REFUSED_HEADS)
def test_refused_requests(name: str, cut: int) -> None:
    """The same statuses and reasons as HTTP/1.1, as replies."""
    fields, status, reason = REFUSED_HEADS[name]

    async def work(talk: Talk, told: Told) -> None:
        before = talk.ask(head("/"))
        number = talk.ask(fields)
        await talk.push()
        after = talk.ask(head("/"))
        await talk.push()
        reply = talk.replies[number]
        assert (reply.status, reply.ended, reply.reset) == (status, True, None)
        assert talk.replies[before].status == talk.replies[after].status == 200
        assert told.reasons == ([reason] if reason else [])

    talking(work, cut=cut)


def test_hosts() -> None:
    """Host alone will do, beside `:authority` it agrees; the scheme has no other meaning."""

    async def work(talk: Talk, told: Told) -> None:
        asked = [
            talk.ask((*USUAL[:3], ("host", "b.test"))),
            talk.ask(head("/", ("host", "A.test."))),
            talk.ask(((":method", "GET"), (":scheme", "https"), *USUAL[2:])),
        ]
        await talk.push()
        assert [talk.replies[each].status for each in asked] == [200, 200, 200]

    talking(work)


def test_crumbs_of_cookies() -> None:
    """They are one field again, in their order."""

    async def work(talk: Talk, told: Told) -> None:
        number = talk.ask(head("/echo", ("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3")))
        await talk.push()
        assert b"\r\ncookie: a=1; b=2; c=3\r\nx: y\r\n" in talk.replies[number].body

    talking(work)


@CUTS
@pytest.mark.parametrize(("said", "pieces"), [("3", [b"abcd"]), ("3", [b"ab"]), ("0", [b"a"]), ("3", [b""])])
def test_bodies_and_their_length(said: str, pieces: list[bytes], cut: int) -> None:
    """A body that is longer or shorter than Content-Length says is no message."""

    async def work(talk: Talk, told: Told) -> None:
        number = talk.http2.get_next_available_stream_id()
        block = talk.http2.encoder.encode(head("/", ("content-length", said), method="POST"))
        talk.deaf = True
        await talk.push()
        talk.transport.stuck = 1
        talk.connection.pause_writing()  # so that the reply is not out before the body
        data = frame(1, 4, number, block)
        for each in pieces[:-1]:
            data += frame(0, 0, number, each)
        await talk.push(data + frame(0, 1, number, pieces[-1]))
        assert told.reasons == ["http2-length"]
        assert not talk.connection.busy

    talking(work, cut=cut)


BROKEN: dict[str, tuple[bytes, int]] = {
    "long-frame": (frame(0, 0, 1, b"x" * 16_385), FRAME_SIZE_ERROR),
    "data-on-idle": (frame(0, 0, 7, b"x"), PROTOCOL_ERROR),
    "data-on-zero": (frame(0, 0, 0, b"x"), PROTOCOL_ERROR),
    "headers-on-zero": (frame(1, 5, 0, b"\x82"), PROTOCOL_ERROR),
    "headers-on-even": (frame(1, 5, 2, b"\x82"), PROTOCOL_ERROR),
    "naked-continuation": (frame(9, 4, 1, b"\x82"), PROTOCOL_ERROR),
    "frame-in-a-head": (frame(1, 1, 1, b"\x82") + frame(6, 0, 0, b"12345678"), PROTOCOL_ERROR),
    "goaway-in-a-head": (frame(1, 1, 1, b"\x82") + frame(7, 0, 0, b"\0" * 8), PROTOCOL_ERROR),
    "hpack-index": (frame(1, 5, 1, b"\xff\xff\x7f"), COMPRESSION_ERROR),
    "hpack-table-size": (frame(1, 5, 1, b"\x3f\xff\x7f\x82"), COMPRESSION_ERROR),
    "push-promise": (frame(5, 4, 1, b"\0\0\0\x02"), PROTOCOL_ERROR),
    "short-ping": (frame(6, 0, 0, b"1234"), FRAME_SIZE_ERROR),
    "ping-on-stream": (frame(6, 0, 1, b"12345678"), PROTOCOL_ERROR),
    "short-settings": (frame(4, 0, 0, b"12345"), FRAME_SIZE_ERROR),
    "settings-on-stream": (frame(4, 0, 1), PROTOCOL_ERROR),
    "settings-window": (frame(4, 0, 0, b"\0\x04\x80\0\0\0"), FLOW_CONTROL_ERROR),
    "settings-frame-size": (frame(4, 0, 0, b"\0\x05\0\0\0\x01"), PROTOCOL_ERROR),
    "settings-push": (frame(4, 0, 0, b"\0\x02\0\0\0\x02"), PROTOCOL_ERROR),
    "window-of-nothing": (frame(8, 0, 0, b"\0\0\0\0"), PROTOCOL_ERROR),
    "window-overflow": (frame(8, 0, 0, b"\x7f\xff\xff\xff"), FLOW_CONTROL_ERROR),
    "reset-on-idle": (frame(3, 0, 7, b"\0\0\0\x08"), PROTOCOL_ERROR),
    "short-reset": (frame(3, 0, 1, b"\0"), FRAME_SIZE_ERROR),
    "padding": (frame(1, 13, 7, b"\x05\x82"), PROTOCOL_ERROR),
}


@CUTS
@pytest.mark.parametrize("name", BROKEN)
def test_broken_frames(name: str, cut: int) -> None:
    """GOAWAY with the code of the fault; what was asked before is answered."""
    data, code = BROKEN[name]

    async def work(talk: Talk, told: Told) -> None:
        number = talk.ask(head("/"))
        await talk.push()
        assert talk.replies[number].status == 200
        talk.deaf = True
        await talk.push(data)
        assert (talk.goaway, told.reasons) == (code, ["http2-frame"])
        assert talk.transport.closed

    talking(work, cut=cut)


@CUTS
def test_not_the_preface(cut: int) -> None:
    """What only begins like it is a request of HTTP/1.1, and none."""

    async def work(talk: Talk, told: Told) -> None:
        talk.out()
        talk.deaf = True
        await talk.push(PREFACE[:-2] + b"xx")
        assert told.reasons == ["request-version"] or told.reasons == ["request-line"]

    talking(work, cut=cut)


@CUTS
def test_settings_first(cut: int) -> None:
    """What follows the preface is SETTINGS, or the connection ends."""

    async def work(talk: Talk, told: Told) -> None:
        talk.out()
        talk.deaf = True
        await talk.push(PREFACE + frame(6, 0, 0, b"12345678"))
        assert (talk.goaway, told.reasons) == (PROTOCOL_ERROR, ["http2-frame"])

    talking(work, cut=cut)


def test_settings_of_the_gateway() -> None:
    """Streams, windows and the list of fields are said at once, and push is nobody's."""

    async def work(talk: Talk, told: Told) -> None:
        await talk.push()
        assert {key: talk.settings[key] for key in (3, 4, 6, 9)} == {3: 100, 4: 65536, 6: 65536, 9: 1}
        assert talk.window_updates == [(0, (1 << 20) - 65535)]

    talking(work)


def test_a_smaller_table() -> None:
    """A client that keeps no table is told so in the next head, and reads on."""

    async def work(talk: Talk, told: Told) -> None:
        talk.http2.update_settings({1: 0})
        for _ in range(2):
            number = talk.ask(head("/"))
            await talk.push()
            assert talk.replies[number].body == b"fixed\n"

    talking(work)


@pytest.mark.parametrize("window", [1, 100, 16_385])
def test_windows_of_the_client(window: int) -> None:
    """Whatever its windows are, the reply comes whole, and never more of it than they have room for."""

    async def work(talk: Talk, told: Told) -> None:
        talk.http2.update_settings({4: window})
        number = talk.ask(head("/" if window == 1 else "/long"))
        await talk.push()
        reply = talk.replies[number]
        await talk.until(lambda: reply.ended)
        assert reply.body == (b"fixed\n" if window == 1 else LONG.encode())
        assert told.reasons == []

    talking(work)


def test_a_shut_stream_holds_up_no_other() -> None:
    """Its window is its own; the others' replies come, fairly in turn."""

    async def work(talk: Talk, told: Told) -> None:
        talk.http2.update_settings({4: 1000})
        shut = talk.ask(head("/long"))
        await talk.push()
        assert len(talk.replies[shut].body) == 1000
        talk.http2.update_settings({4: 65535})
        others = [talk.ask(head("/")) for _ in range(50)]
        await talk.push()
        assert all(talk.replies[each].ended for each in others)

    talking(work, reads=False)


def test_large_replies_take_turns() -> None:
    """Frames of two large replies come mixed."""

    async def work(talk: Talk, told: Told) -> None:
        first, second = talk.ask(head("/long")), talk.ask(head("/long"))
        talk.deaf = True
        data = talk.out()
        talk.connection.data_received(data)
        came = b"".join(talk.transport.written)
        order = []
        at = 0
        while at + 9 <= len(came):
            size = int.from_bytes(came[at : at + 3], "big")
            if came[at + 3] == 0:
                order.append(int.from_bytes(came[at + 5 : at + 9], "big"))
            at += 9 + size
        assert order[:4] == [first, second, first, second]

    talking(work)


def test_a_full_socket_gets_no_more() -> None:
    """While the socket takes nothing, nothing is written but what the protocol asks for."""

    async def work(talk: Talk, told: Told) -> None:
        await talk.push()
        talk.connection.pause_writing()
        asked = [talk.ask(head("/long")) for _ in range(10)]
        await talk.push()
        assert not any(talk.replies[each].status for each in asked)
        talk.connection.resume_writing()
        await talk.push()
        assert talk.replies[asked[0]].status == 200

    talking(work)


def test_too_many_streams() -> None:
    """What is over the limit is refused so that it may be sent again."""

    async def work(talk: Talk, told: Told) -> None:
        await talk.push()
        talk.connection.pause_writing()
        talk.http2.remote_settings[3] = 1000
        talk.http2.remote_settings.acknowledge()
        asked = [talk.ask(head("/")) for _ in range(101)]
        await talk.push()
        talk.connection.resume_writing()
        await talk.push()
        assert [talk.replies[each].reset for each in asked] == [None] * 100 + [REFUSED]
        assert all(talk.replies[each].status == 200 for each in asked[:100])
        assert told.reasons == ["http2-streams"]

    talking(work)


def test_drain_of_an_idle_connection() -> None:
    """Two GOAWAYs: the first lets in what is on its way, the second says where it ended."""

    async def work(talk: Talk, told: Told) -> None:
        number = talk.ask(head("/"))
        await talk.push()
        talk.connection.drain()
        late = talk.ask(head("/"))
        await talk.push()
        assert talk.replies[late].body == b"fixed\n"
        await talk.until(lambda: talk.transport.closed)
        assert talk.goaways == [(2**31 - 1, 0), (late, 0)]
        assert talk.replies[number].status == 200

    talking(work)


def test_streams_after_the_last() -> None:
    """They are refused, so that they are sent elsewhere; those before are served to their end."""

    async def work(talk: Talk, told: Told) -> None:
        talk.http2.update_settings({4: 100})
        number = talk.ask(head("/long"))
        await talk.push()
        talk.connection.drain()
        await talk.push()
        assert talk.goaways[-1] == (number, 0)
        late = talk.ask(head("/"))
        await talk.push()
        assert talk.replies[late].reset == REFUSED
        assert not talk.transport.closed
        talk.http2.increment_flow_control_window(100_000, number)
        talk.http2.increment_flow_control_window(100_000)
        await talk.push()
        assert talk.replies[number].body == LONG.encode()
        assert talk.transport.closed

    talking(work, reads=False)


def test_the_client_goes_away() -> None:
    """What it has asked for it still gets."""

    async def work(talk: Talk, told: Told) -> None:
        await talk.push()
        talk.connection.pause_writing()
        number = talk.ask(head("/"))
        await talk.push(frame(7, 0, 0, b"\0" * 8))
        talk.connection.resume_writing()
        await talk.push()
        assert talk.replies[number].body == b"fixed\n"
        assert talk.transport.closed

    talking(work)


def test_an_idle_connection() -> None:
    """It is closed with a GOAWAY, and not while a request is under way."""

    async def work(talk: Talk, told: Told) -> None:
        number = talk.ask(head("/"))
        await talk.push()
        await talk.until(lambda: talk.transport.closed)
        assert talk.goaways == [(number, 0)]

    talking(work, 'timeouts { idle "300ms" }')


def test_an_old_connection() -> None:
    """It is told to go, and gets all that it asked for."""

    async def work(talk: Talk, told: Told) -> None:
        await talk.push()
        await talk.until(lambda: talk.serving.timers.now - talk.connection._opened > 0.3)
        number = talk.ask(head("/"))
        await talk.push()
        assert talk.replies[number].body == b"fixed\n"
        await talk.until(lambda: talk.transport.closed)
        assert talk.goaways[0] == (2**31 - 1, 0)

    talking(work, 'timeouts { age "200ms" }')


def test_what_is_kept_of_streams_that_are_over() -> None:
    """A connection that is used for long does not grow."""

    async def work(talk: Talk, told: Told) -> None:
        for _ in range(150):
            asked = [talk.ask(head("/")) for _ in range(10)]
            await talk.push()
            assert all(talk.replies[each].ended for each in asked)
        http2 = talk.connection._http2
        assert len(http2._closed_streams) + len(http2.streams) <= 1024 + 100
        assert not talk.connection.busy

    talking(work)
