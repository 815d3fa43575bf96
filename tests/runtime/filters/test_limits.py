"""`rate-limit` and `concurrency`: what is counted by, what becomes of requests over it, what replies say."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from gwc.compiler.pipeline import compile_text

from .serving import HEAD, Answer, World, asked, served


def route(said: str, name: str = "r") -> str:
    """One route with this policy."""
    return f'routes {{ route "{name}" {{ {said}; upstream "u" }} }}'


def statuses(config: str, *requests: tuple[str, ...]) -> list[int]:
    """The statuses of some requests, one after the other."""
    return [each.status for each in asked(config, requests)]


GET = ("GET", "/")


def test_so_many_and_no_more() -> None:
    """The burst passes, what comes then is 429 with the time to wait; replies say what is left."""
    limit = 'rate-limit "per-client" { requests 2; per "1m"; burst 3; message "slow \\"down\\"" }'
    answers = asked(route(limit), [GET] * 4)
    assert [each.status for each in answers] == [200, 200, 200, 429]
    assert [each.value("x-ratelimit-remaining") for each in answers] == ["2", "1", "0", "0"]
    assert [each.value("x-ratelimit-reset") for each in answers] == ["30", "60", "90", "90"]
    assert {each.value("x-ratelimit-limit") for each in answers} == {"3"}
    assert answers[0].value("ratelimit-policy") == '"per-client";q=2;w=60'
    assert [each.value("ratelimit") for each in answers[:2]] == [
        '"per-client";r=2;t=30',
        '"per-client";r=1;t=60',
    ]
    assert answers[3].value("retry-after") == "30"
    assert b'"error":"slow \\"down\\""' in answers[3].body


def test_the_target_says_nothing_of_limits() -> None:
    """What it says of its own is replaced; without `fields` it is left alone."""
    theirs = ("X-RateLimit-Limit: 7", "RateLimit: x", "RateLimit-Policy: y", "x-rate: z")
    limit = 'rate-limit { requests 9; per "1m" }'
    (ours,) = asked(route(limit), [GET], *theirs)
    assert [ours.values(name) for name in ("x-ratelimit-limit", "ratelimit", "ratelimit-policy")] == [
        ["9"],
        ['"1";r=8;t=7'],
        ['"1";q=9;w=60'],
    ]
    assert ours.value("x-rate") == "z"
    (quiet,) = asked(route("rate-limit { requests 9; fields #false }"), [GET], *theirs)
    assert quiet.value("x-ratelimit-limit") == "7"


def test_several_limits() -> None:
    """All must have room; what one refuses the others do not count; the nearest one is told."""
    limits = (
        'rate-limit "client" { requests 3; per "1h" }; '
        'rate-limit "key" { requests 1; per "1h"; key header="x-key" }'
    )
    keyed = [("GET", "/", f"x-key: {key}") for key in "aaaabcd"]
    answers = asked(route(limits), keyed)
    assert [each.status for each in answers] == [200, 429, 429, 429, 200, 200, 429]
    assert answers[0].value("ratelimit") == '"client";r=2;t=1200, "key";r=0;t=3600'
    assert answers[0].value("x-ratelimit-remaining") == "0"


CLIENT = "x-forwarded-for: {}"
KEYS = [
    ('"client-ip"', [CLIENT.format("192.0.2.1"), CLIENT.format("192.0.2.2")], True),
    ('"client-ip"', [CLIENT.format("192.0.2.1"), CLIENT.format("::ffff:192.0.2.1")], False),
    ('"client-ip"', [CLIENT.format("2001:db8::1"), CLIENT.format("2001:db8::2")], False),
    ('"client-ip"', [CLIENT.format("2001:db8::1"), CLIENT.format("2001:db8:0:1::1")], True),
    ('header="X-Key"', ["x-key: a", "x-key: b"], True),
    ('header="X-Key"', ["x-key: a", "x-other: a"], True),
    ('header="X-Key"', ["x-other: a", "x-other: b"], False),
    ('cookie="k"', ["cookie: k=a", "cookie: k=b"], True),
    ('cookie="k"', ["cookie: k=a; l=b", "cookie: k=a"], False),
    ('"client-ip" header="x-key"', ["x-key: a", "x-key: b"], True),
    ('"client-ip" header="x-key"', ["x-key: a", "x-key: a"], False),
    ('"all"', [CLIENT.format("192.0.2.1"), CLIENT.format("192.0.2.2")], False),
    ('"route"', [CLIENT.format("192.0.2.1"), CLIENT.format("192.0.2.2")], False),
    ('"identity"', [CLIENT.format("192.0.2.1"), CLIENT.format("192.0.2.2")], False),
]


@pytest.mark.parametrize(("key", "fields", "apart"), KEYS)
def test_keys(key: str, fields: list[str], apart: bool) -> None:
    """Two requests that differ in the key have a count each."""
    config = route(f'rate-limit {{ requests 1; per "1h"; key {key} }}')
    assert statuses(config, *(("GET", "/", field) for field in fields)) == [200, 200 if apart else 429]


def test_paths_and_methods() -> None:
    """A path counts as it is matched, whatever the query."""
    config = route('rate-limit { requests 1; per "1h"; key "path" }')
    found = statuses(config, ("GET", "/a"), ("GET", "/b"), ("GET", "/%61?x"), ("POST", "/b"))
    assert found == [200, 200, 429, 429]


SCOPES = """
defaults {{ rate-limit {{ requests 2; per "1h"; key {key} }} }}
routes {{
    route "a" {{ matches {{ path "/a" }}; upstream "u" }}
    route "b" {{ matches {{ path "/b" }}; upstream "u" }}
    group "g" {{
        rate-limit {{ requests 2; per "1h"; key {key} }}
        route "c" {{ matches {{ path "/c" }}; upstream "u" }}
        route "d" {{ matches {{ path "/d" }}; respond }}
    }}
    route "off" {{ matches {{ path "/off" }}; rate-limit "off"; upstream "u" }}
}}
"""


def test_one_count_where_it_is_written() -> None:
    """Routes share the count of the block that says the limit, unless the route is part of the key."""
    requests = [("GET", f"/{path}") for path in "abacdcd"] + [("GET", "/off")] * 4
    assert statuses(SCOPES.format(key='"client-ip"'), *requests) == [
        *(200, 200, 429, 200, 200, 429, 429),
        *(200,) * 4,
    ]
    assert statuses(SCOPES.format(key='"route"'), *requests) == [200] * 11


def test_limits_over_reloads() -> None:
    """A limit that did not change keeps its counts, whatever else does; a changed one begins anew."""

    async def talk(world: World) -> list[int]:
        limit = 'rate-limit { requests 2; per "1h" }'
        found = [(await world.ask()).status]
        await world.reload(route(f'{limit}; response-headers {{ set "x" "y" }}'))
        found += [(await world.ask()).status, (await world.ask()).status]
        await world.reload(route('rate-limit { requests 3; per "1h" }'))
        return [*found, (await world.ask()).status]

    assert served(route('rate-limit { requests 2; per "1h" }'), talk) == [200, 200, 429, 200]


def test_delaying() -> None:
    """Requests over the limit wait for their turn, those that would wait too long are refused at once."""
    config = route('rate-limit { requests 10; burst 1; over "delay"; delay-at-most "250ms" }')

    async def talk(world: World) -> tuple[list[int], float]:
        begun = time.monotonic()
        answers = await asyncio.gather(*(world.ask() for _ in range(5)))
        return sorted(each.status for each in answers), time.monotonic() - begun

    found, seconds = served(config, talk)
    assert found == [200, 200, 200, 429, 429]
    assert seconds > 0.19


def test_only_telling() -> None:
    """Over a limit that only tells, requests pass, and replies say that nothing is left."""
    answers = asked(route('rate-limit { requests 1; per "1h"; over "log" }'), [GET] * 3)
    assert [each.status for each in answers] == [200] * 3
    assert [each.value("x-ratelimit-remaining") for each in answers] == ["0"] * 3


def test_statuses() -> None:
    """Refusals have the status that is said."""
    assert statuses(route('rate-limit { requests 1; per "1h"; status 503 }'), GET, GET) == [200, 503]


def concurrent(config: str, number: int, *fields: str) -> list[Answer]:
    """The replies to requests that are sent at once, to an upstream that takes 0.1 s."""

    async def talk(world: World) -> Any:
        world.wait_s = 0.1
        return await asyncio.gather(*(world.ask("GET", "/", *fields) for _ in range(number)))

    found: list[Answer] = served(config, talk)
    return found


def test_so_many_at_once() -> None:
    """One more is refused at once, or waits for another to end."""
    config = route('concurrency { requests 2; status 429; message "busy" }')
    answers = sorted(concurrent(config, 4), key=lambda each: each.status)
    assert [each.status for each in answers] == [200, 200, 429, 429]
    assert b'"error":"busy"' in answers[3].body
    assert answers[3].value("retry-after") == "1"
    waiting = route('concurrency { requests 2; wait "5s" }')
    assert {each.status for each in concurrent(waiting, 6)} == {200}
    short = route('concurrency { requests 2; wait "20ms" }')
    assert sorted(each.status for each in concurrent(short, 4)) == [200, 200, 503, 503]


def test_room_comes_back() -> None:
    """However a request ends: replied to, refused, given up by the client."""
    config = route('concurrency { requests 1; key "client-ip" }; limits { request-body "1B" }')

    async def talk(world: World) -> list[int]:
        found = [(await world.ask()).status for _ in range(3)]
        found.append((await world.ask("POST", "/", body=b"long")).status)
        world.wait_s = 0.2
        host, _, port = world.address.rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        async with asyncio.timeout(5):
            while not world.serving.in_flight:  # noqa: ASYNC110  # another's number
                await asyncio.sleep(0.001)
        found.append((await world.ask()).status)
        writer.transport.abort()
        async with asyncio.timeout(5):
            while world.serving.in_flight:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        return [*found, (await world.ask()).status]

    assert served(config, talk) == [200, 200, 200, 413, 503, 200]


MISTAKES = [
    ('rate-limit { per "1m" }', [("GWC376", "rate-limit")]),
    ('concurrency { wait "1s" }', [("GWC376", "concurrency")]),
    ('rate-limit "a" { requests 1 }; rate-limit "a" { requests 2 }', [("GWC377", '"a"')]),
    ('rate-limit { requests 1; per "8760h"; burst 1000 }', [("GWC378", "1000")]),
    ('rate-limit { requests 1; delay-at-most "1s" }', [("GWC379", "delay-at-most")]),
    (
        'rate-limit { requests 1; over "log"; status 503; message "x" }',
        [("GWC379", "status"), ("GWC379", "message")],
    ),
    ("rate-limit { requests 0 }", [("GWC211", "0")]),
]


@pytest.mark.parametrize(("said", "wanted"), MISTAKES)
def test_mistakes(said: str, wanted: list[tuple[str, str]]) -> None:
    """What limits nothing, or says what has no effect, is an error at its place."""
    text = f"{HEAD}{route(said)}\n".replace("%listen%", "127.0.0.1:1").replace("%upstream%", "h:1")
    found = compile_text(text, "kdl").diagnostics
    assert [
        (each.code, text[each.span.start : each.span.end] if each.span else "") for each in found
    ] == wanted
