"""How long it takes to find a route: gwc beside Falcon, werkzeug and Starlette, from 100 to 100 000 routes.

Prints JSON, microseconds of CPU time a request. Each contestant gets the same routes and the same requests,
every one of which hits, and is asked for what it can do: host, path and method (gwc headers too); Falcon has
no hosts, so it gets a router for each, picked beforehand. A request's text is made anew for every question,
as a server does, and the time of making it is taken off again. What takes too long at a size is left out.
"""

from __future__ import annotations

import gc
import importlib
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from gwc.compiler.lower import lower
from gwc.compiler.source import source_from_text
from gwc.runtime.match import Match, match
from gwc.schema.artifact import dump, load
from gwc.schema.request import RequestHead
from gwc.schema.table import RouteTable

from .measure import ratios
from .resolved import resolved_config
from .workload import BenchRoute, make_routes

SIZES = (100, 1_000, 10_000, 100_000)
ROUNDS = 11
REQUESTS = (100, 1_000)
"""Distinct requests that are asked in turn: how much of the table is in the processor's caches."""

TOO_SLOW_S = 600.0
"""A contestant that takes longer to build is not asked at larger sizes."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request in bytes, and the route it is made for."""

    host: bytes
    path: bytes
    method: str
    headers: dict[str, str]
    route: BenchRoute


Prepare = Callable[[Question], Any]
Ask = Callable[[Any], object]
Build = Callable[[Sequence[BenchRoute]], tuple[Prepare, Ask]]


def main() -> None:
    """Measure and print."""
    report: dict[str, object] = {"benchmark": "match", "unit": "us"}
    growth: dict[str, dict[int, float]] = {}
    builders = _builders()
    for size in SIZES:
        routes = make_routes(size)
        contestants: dict[str, tuple[Prepare, Ask]] = {}
        for name, build in list(builders.items()):
            started = time.perf_counter()
            try:
                contestants[name] = build(routes)
            except (RecursionError, MemoryError) as failed:
                print(f"{name} at {size}: {failed!r}", file=sys.stderr)
                del builders[name]
                continue
            if time.perf_counter() - started > TOO_SLOW_S:
                del builders[name]
        # The collector would look at the millions of objects of the contestants before each measurement.
        gc.collect()
        gc.freeze()
        for count in REQUESTS:
            figures = _figures(contestants, questions(routes, count))
            report[f"{size} routes, {count} requests"] = figures | {"ratios": ratios(figures, "gwc")}
            growth.setdefault(f"gwc, {count} requests", {})[size] = figures["gwc"]
        if size == 10_000:
            report[f"{size} routes, gwc by kind"] = _by_kind(contestants["gwc"], routes)
        contestants.clear()
        gc.unfreeze()
    report["growth from 100 to 100 000 routes"] = {
        name: round(by_size[SIZES[-1]] / by_size[SIZES[0]], 2) for name, by_size in growth.items()
    }
    print(json.dumps(report, indent=2))


def questions(routes: Sequence[BenchRoute], count: int, seed: int = 3) -> list[Question]:
    """Requests for routes picked at random."""
    rnd = random.Random(seed)
    return [_question(rnd.choice(routes), rnd) for _ in range(count)]


def _question(route: BenchRoute, rnd: random.Random) -> Question:
    path = route.path.replace("{id}", str(rnd.randrange(10_000)))
    if route.kind == "path-prefix":
        path += f"/{rnd.randrange(100)}/details"
    headers = {"accept": "*/*", "user-agent": "bench/1", "accept-encoding": "gzip"}
    if route.tenant is not None:
        headers["x-tenant"] = route.tenant
    host = route.host.replace("*", "eu")
    return Question(host.encode(), path.encode(), rnd.choice(route.methods), headers, route)


def _figures(contestants: dict[str, tuple[Prepare, Ask]], asked: list[Question]) -> dict[str, float]:
    """Median microseconds a request, the contestants in turn."""
    samples: dict[str, list[float]] = {name: [] for name in contestants}
    some = {name: _bearable(prepare, ask, asked) for name, (prepare, ask) in contestants.items()}
    for _ in range(ROUNDS):
        for name, (prepare, ask) in contestants.items():
            samples[name].append(_time(prepare, ask, some[name]))
    return {name: round(median(values), 2) for name, values in samples.items()}


def _bearable(prepare: Prepare, ask: Ask, asked: list[Question]) -> list[Question]:
    """As many of the questions as take at most a tenth of a second; a slow contestant is asked fewer."""
    started = time.thread_time()
    for each in asked[:5]:
        ask(prepare(each))
    one = (time.thread_time() - started) / 5
    return asked[: max(5, int(0.1 / one))]


def _time(prepare: Prepare, ask: Ask, asked: list[Question]) -> float:
    """Microseconds of CPU time for one question, the making of the request taken off."""
    gc.disable()
    for each in asked:  # so that nobody pays for what another contestant left in the caches
        ask(prepare(each))
    started = time.thread_time()
    for each in asked:
        prepare(each)
    prepared = time.thread_time()
    for each in asked:
        ask(prepare(each))
    ended = time.thread_time()
    gc.enable()
    return ((ended - prepared) - (prepared - started)) / len(asked) * 1e6


def _by_kind(contestant: tuple[Prepare, Ask], routes: Sequence[BenchRoute]) -> dict[str, float]:
    """Figures for requests of one kind of path each."""
    found = {}
    for kind in ("path", "path-prefix", "path-template"):
        some = questions([route for route in routes if route.kind == kind], REQUESTS[-1])
        found[kind] = _figures({"gwc": contestant}, some)["gwc"]
    return found


# --- the contestants ---------------------------------------------------------------------------------------


def _builders() -> dict[str, Build]:
    builders: dict[str, Build] = {"gwc": _gwc}
    for name, module, build in (
        ("Falcon", "falcon", _falcon),
        ("werkzeug", "werkzeug", _werkzeug),
        ("Starlette", "starlette", _starlette),
    ):
        try:
            importlib.import_module(module)
        except ImportError:
            print(f"{name} is not installed", file=sys.stderr)
        else:
            builders[name] = build
    return builders


def _gwc(routes: Sequence[BenchRoute]) -> tuple[Prepare, Ask]:
    table = lower(resolved_config(routes), {"gwc.kdl": source_from_text("", "gwc.kdl")})
    loaded = load(dump(table))
    assert isinstance(loaded, RouteTable)

    def prepare(question: Question) -> RequestHead:
        return RequestHead(
            listener="public",
            method=question.method,
            host=question.host.decode(),
            authority="",
            path=question.path.decode(),
            query=None,
            headers=question.headers,
            fields=(),
            scheme="http",
            client_ip=None,
            sni=None,
            sample=0,
        )

    for question in questions(routes, 200):
        found = match(loaded, prepare(question))
        assert isinstance(found, Match), question
    return prepare, lambda head: match(loaded, head)


def _falcon(routes: Sequence[BenchRoute]) -> tuple[Prepare, Ask]:
    from falcon.routing import CompiledRouter

    routers: dict[str, Any] = {}
    resources: dict[tuple[str, str], Any] = {}
    for route in routes:
        router = routers.setdefault(route.host, CompiledRouter())
        path = route.path if route.kind != "path-prefix" else f"{route.path}/{{rest:path}}"
        methods = {f"on_{method.lower()}": lambda self, req, resp, **_: None for method in route.methods}
        resource = resources[route.host, path] = type("Resource", (), methods)()
        router.add_route(path, resource)

    def prepare(question: Question) -> tuple[Any, str, str]:
        return routers[question.route.host], question.path.decode(), question.method

    def ask(request: tuple[Any, str, str]) -> object:
        router, path, method = request
        found = router.find(path)
        return found is not None and found[1].get(method)

    for question in questions(routes, 50):
        assert ask(prepare(question)), question
    return prepare, ask


def _werkzeug(routes: Sequence[BenchRoute]) -> tuple[Prepare, Ask]:
    from werkzeug.routing import Map, Rule

    rules = []
    for route in routes:
        path = route.path.replace("{id}", "<id>")
        path += "/<path:rest>" if route.kind == "path-prefix" else ""
        host = route.host.replace("*", "<sub>")
        rules.append(Rule(path, endpoint=route.name, methods=route.methods, host=host))
    rules_map = Map(rules, host_matching=True, merge_slashes=False)
    rules_map.update()
    adapters = {host: rules_map.bind(host) for host in {route.host.replace("*", "eu") for route in routes}}

    def prepare(question: Question) -> tuple[Any, str, str]:
        return adapters[question.route.host.replace("*", "eu")], question.path.decode(), question.method

    def ask(request: tuple[Any, str, str]) -> object:
        adapter, path, method = request
        return adapter.match(path, method=method)

    for question in questions(routes, 50):
        assert ask(prepare(question)), question
    return prepare, ask


def _starlette(routes: Sequence[BenchRoute]) -> tuple[Prepare, Ask]:
    from starlette.routing import Host, Route, Router
    from starlette.routing import Match as Held

    by_host: dict[str, list[Any]] = {}
    for route in routes:
        path = route.path + ("/{rest:path}" if route.kind == "path-prefix" else "")
        made = Route(path, endpoint=_nothing, methods=list(route.methods), name=route.name)
        by_host.setdefault(route.host.replace("*", "{sub}"), []).append(made)
    hosts = [Host(host, app=Router(routes=of_host)) for host, of_host in sorted(by_host.items())]

    def prepare(question: Question) -> dict[str, Any]:
        return {
            "type": "http",
            "method": question.method,
            "path": question.path.decode(),
            "root_path": "",
            "headers": [(b"host", question.host)],
        }

    def ask(scope: dict[str, Any]) -> object:
        # What Router.app does before it calls an endpoint.
        for host in hosts:
            held, more = host.matches(scope)
            if held is Held.FULL:
                scope.update(more)
                for route in more["endpoint"].routes:
                    held, more = route.matches(scope)
                    if held is Held.FULL:
                        return more
        return None

    for question in questions(routes, 50):
        assert ask(prepare(question)), question
    return prepare, ask


def _nothing(request: object) -> None:
    """An endpoint that is never called."""


if __name__ == "__main__":
    main()
