"""What a request costs through a route with each policy, from its head to the end of its reply.

Prints JSON: microseconds of processor time of the event loop's thread for one request on a route that answers
by itself, without wires and logs; `over_plain` is what the policy adds, what it does to the reply and the
filtering itself included. What a filter takes to judge a request is `policies.py`'s. Counters are in shared
memory with its locks, as in a worker. The contestants run in turn, in short rounds; a figure is the lowest
tenth of the rounds, which is what it costs where nothing else runs.

`POLICIES` is the table: a name, what the route says, and what the request is.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

from gwc.compiler.pipeline import compile_text
from gwc.runtime.control.serving import Serving
from gwc.runtime.exchange import Exchange
from gwc.runtime.observe.observing import Silent
from gwc.runtime.reply import Reply
from gwc.runtime.snapshot import Snapshot
from gwc.runtime.state.buckets import Buckets
from gwc.runtime.state.cells import Cells
from gwc.schema.normalise import normalise
from gwc.schema.request import RawRequest, Rejection, RequestHead

REQUESTS: Final = 200
ROUNDS: Final = 120
ADDRESS: Final = "127.0.0.1:8080"
LISTENER: Final = f'listeners {{ listener "l" {{ address "{ADDRESS}" }} }}\n'

ORDER: Final = json.dumps(
    {"id": "550e8400-e29b-41d4-a716-446655440000", "items": [{"sku": "ABC-1", "n": 1}] * 5}
).encode()
DOCUMENT: Final = {
    "openapi": "3.1.0",
    "paths": {
        "/orders/{id}": {
            "get": {
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}},
                ]
            },
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["id", "items"],
                                "properties": {
                                    "id": {"type": "string", "format": "uuid"},
                                    "items": {
                                        "type": "array",
                                        "items": {
                                            "type": "object",
                                            "required": ["sku", "n"],
                                            "properties": {
                                                "sku": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]+$"},
                                                "n": {"type": "integer", "minimum": 1},
                                            },
                                        },
                                    },
                                },
                            }
                        }
                    }
                }
            },
        }
    },
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: method, fields, body."""

    method: str = "GET"
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


_GET: Final = Asked(fields=(("accept", "*/*"), ("user-agent", "bench"), ("x-api-key", "k" * 32)))
_PAGE: Final = replace(_GET, fields=(*_GET.fields, ("origin", "https://app.example.com")))
_POST: Final = Asked("POST", (("content-type", "application/json"),), ORDER)
_MANY: Final = "requests 1000000; burst 1000000000"

POLICIES: Final[dict[str, tuple[str, Asked]]] = {
    "cors": ('cors { origins "https://app.example.com"; credentials #true }', _PAGE),
    "cors_preflight": (
        'cors { origins "https://app.example.com"; methods "PUT"; headers "authorization" }',
        replace(
            _PAGE,
            method="OPTIONS",
            fields=(*_PAGE.fields, ("access-control-request-method", "PUT")),
        ),
    ),
    "security_headers": ("security-headers", _GET),
    "security_headers_and_cors": (
        'security-headers; cors { origins "https://app.example.com"; credentials #true }',
        _PAGE,
    ),
    "rate_limit_by_client": (f"rate-limit {{ {_MANY} }}", _GET),
    "rate_limit_by_client_silent": (f"rate-limit {{ {_MANY}; fields #false }}", _GET),
    "rate_limit_by_header_and_client": (
        f'rate-limit {{ {_MANY}; key "client-ip" header="x-api-key" }}',
        _GET,
    ),
    "rate_limit_two": (
        f'rate-limit "a" {{ {_MANY} }}; rate-limit "b" {{ {_MANY}; key header="x-api-key" }}',
        _GET,
    ),
    "rate_limit_refused": ('rate-limit { requests 1; per "24h" }', _GET),
    "concurrency": ("concurrency { requests 100 }", _GET),
    "concurrency_by_client": ('concurrency { requests 100; key "client-ip" }', _GET),
    "api_schema_parameters": ('api-schema "api.json"', _GET),
    "api_schema_body": ('api-schema "api.json"', _POST),
}


class Sink:
    """A client that takes everything and says nothing."""

    def send_head(self, reply: Reply, *, has_body: bool) -> None:
        """See Downstream."""

    def __getattr__(self, name: str) -> Any:
        return _nothing


def _nothing(*_: object, **__: object) -> None:
    """What a sink does."""


SINK: Final = Sink()


@dataclass(slots=True)
class Contestant:
    """A table made live, and the request it gets."""

    serving: Serving
    snapshot: Snapshot
    head: RequestHead
    body: bytes
    samples: list[float]


def main() -> None:
    """Measure and print."""
    print(json.dumps(asyncio.run(_measured()), indent=2))


async def _measured() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "api.json").write_text(json.dumps(DOCUMENT), "utf-8")
        plain = {"plain_get": ("", _GET), "plain_post": ("", _POST)}
        rows = {**plain, **POLICIES}
        made = {name: await _contestant(root, said, asked) for name, (said, asked) in rows.items()}
        for _ in range(ROUNDS):
            for each in made.values():
                each.samples.append(_round(each))
            await asyncio.sleep(0)
        figures = {name: round(quantiles(each.samples, n=10)[0], 2) for name, each in made.items()}
        for each in made.values():
            each.serving.timers.close()
    base = {"GET": figures["plain_get"], "OPTIONS": figures["plain_get"], "POST": figures["plain_post"]}
    return {
        "benchmark": "policy_path",
        "unit": "us of processor time per request",
        "plain": {name: figures[name] for name in plain},
        "policies": {
            name: {"us": figures[name], "over_plain": round(figures[name] - base[asked.method], 2)}
            for name, (_, asked) in POLICIES.items()
        },
        "cores": os.cpu_count(),
    }


async def _contestant(root: Path, said: str, asked: Asked) -> Contestant:
    """A gateway in this process with one route."""
    routes = f'routes {{ route "r" {{ {said}\nrespond {{ body "ok" }} }} }}'
    table = compile_text(LISTENER + routes, "kdl").table
    assert table is not None, said
    loop = asyncio.get_running_loop()
    serving = Serving(loop, Silent(), Cells.create(), buckets=Buckets.create(), root=root)
    snapshot = await serving.prepare(table, 1)
    serving.commit(snapshot)
    fields = [(b"host", b"api.example.com")]
    fields += [(name.encode(), value.encode()) for name, value in asked.fields]
    from ipaddress import ip_address

    raw = RawRequest(
        method=asked.method.encode(),
        target=b"/orders/7?limit=10",
        fields=tuple(fields),
        peer=ip_address("192.0.2.1"),
    )
    head = normalise(raw, table.entry(ADDRESS))
    assert not isinstance(head, Rejection)
    return Contestant(serving, snapshot, head, asked.body, [])


def _round(one: Contestant) -> float:
    """Microseconds a request."""
    serving, snapshot, head, body = one.serving, one.snapshot, one.head, one.body
    trace = bytes(16)
    gc.disable()
    started = time.thread_time_ns()
    for _ in range(REQUESTS):
        exchange = Exchange(serving, SINK, head, len(body), "192.0.2.1", trace, "HTTP/1.1")
        exchange.begin(snapshot, ADDRESS, None, None)
        if body:
            exchange.request_data(body)
            exchange.request_end([])
    taken = time.thread_time_ns() - started
    gc.enable()
    return taken / REQUESTS / 1000


if __name__ == "__main__":
    main()
