"""What the operations of the admin API do.

Owns the answers, made of what the supervisor, its workers and the metrics know. Who may ask, and what a
request is, `admin.py` knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from gwc.schema.table import RouteTable
from gwc.schema.version import VERSION

from ..observe.exposition import numbers_of, route_hits
from .disclosure import config_of, upstreams_of_route
from .metrics_server import Metrics
from .openapi import document

if TYPE_CHECKING:
    from .own_listeners import Own

_LOOK_EVERY_S: Final = 0.05
_DRAIN_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Call:
    """What came with a request: values of the path, numbers of the query, the body where there is one."""

    path: Mapping[str, str]
    query: Mapping[str, int]
    body: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a value for JSON, or bytes; `told` goes to the audit log."""

    value: object
    status: int = 200
    told: Mapping[str, object] = field(default_factory=dict)


class Refused(Exception):
    """What is not done; `code` for programs, `words` for people."""

    def __init__(self, status: int, code: str, words: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(words)
        self.status, self.code, self.words, self.headers = status, code, words, headers


class Routes:
    """The answers of one gateway, by operation."""

    def __init__(self, own: Own, metrics: Metrics) -> None:
        self._own = own
        self._supervisor = own.supervisor
        self._commands = own.commands
        self._shared = own.shared
        self._metrics = metrics
        self._by_name: dict[str, Callable[[Call], Awaitable[Answer]]] = {
            "status": self._status,
            "health": self._health,
            "config": self._config,
            "routes": self._routes,
            "upstreams": self._upstreams,
            "disable_target": partial(self._set_target, disabled=True),
            "enable_target": partial(self._set_target, disabled=False),
            "drain_target": self._drain_target,
            "start_probes": partial(self._probes, on=True),
            "cancel_probes": partial(self._probes, on=False),
            "active_requests": self._active,
            "recent_requests": self._recent,
            "explain": self._explain,
            "reload": self._reload,
            "drain": self._drain,
            "log_level": self._log_level,
            "reopen_logs": self._reopen,
            "metrics": self._all_metrics,
            "openapi": self._openapi,
        }

    async def answer(self, operation: str, call: Call) -> Answer:
        """What an operation answers; `Refused` where it does nothing."""
        return await self._by_name[operation](call)

    # --- looking -------------------------------------------------------------------------------------------

    async def _status(self, _: Call) -> Answer:
        status = await self._commands.status()
        own = self._own.addresses
        addresses = status["addresses"]
        assert isinstance(addresses, dict)
        return Answer(
            {
                "version": VERSION,
                **status,
                "addresses": {key: value for key, value in addresses.items() if key not in own},
                "admin": self._own.admin,
                "metrics": self._own.metrics,
                "disabled": [
                    {"upstream": upstream, "target": target}
                    for upstream, target in sorted(self._supervisor.disabled)
                ],
            }
        )

    async def _health(self, _: Call) -> Answer:
        it = self._supervisor
        serving = len(it.fleet.ready)
        word = (
            "draining"
            if it.draining
            else "starting"
            if not it.ready.is_set()
            else "ok"
            if serving
            else "no-workers"
        )
        said = {
            "status": word,
            "generation": 0 if it.reloads.committed is None else it.reloads.committed.generation,
            "workers": serving,
            "config_stale": it.reloads.stale,
        }
        return Answer(said, 200 if word == "ok" else 503)

    async def _config(self, call: Call) -> Answer:
        kept, table = self._served()
        told = await asyncio.to_thread(config_of, table, call.query["offset"], call.query["limit"])
        return Answer({"generation": kept.generation, "digest": kept.digest, **told})

    async def _routes(self, call: Call) -> Answer:
        kept, table = self._served()
        hits = await asyncio.to_thread(route_hits, list(self._shared.slabs.values()))
        first = call.query["offset"]
        routes = []
        for route in table.routes[first : first + call.query["limit"]]:
            found = hits.get(route.name)
            routes.append(
                {
                    "name": route.name,
                    "action": route.action,
                    "upstreams": upstreams_of_route(table, route),
                    "hits": found.hits if found else 0,
                    "last_hit": found.last if found else None,
                }
            )
        return Answer({"generation": kept.generation, "total": len(table.routes), "routes": routes})

    async def _upstreams(self, _: Call) -> Answer:
        kept, table = self._served()
        targets = await self._targets()
        return Answer(
            {
                "generation": kept.generation,
                "upstreams": [
                    {
                        "name": each.name,
                        "written": [
                            {"target": written, "weight": weight} for written, weight in each.targets
                        ],
                        "targets": list(targets.get(each.name, {}).values()),
                    }
                    for each in table.upstreams
                ],
            }
        )

    async def _active(self, call: Call) -> Answer:
        limit = call.query["limit"]
        said = await self._commands.of_workers("active", limit=limit)
        requests = [each for worker in said for each in _list(worker, "active")]
        requests.sort(key=lambda each: -each["duration_ms"])
        totals = [worker.get("total") for worker in said]
        total = sum(each for each in totals if isinstance(each, int))
        return Answer({"total": total, "requests": requests[:limit]})

    async def _recent(self, call: Call) -> Answer:
        said = await self._commands.of_workers("recent")
        requests = [each for worker in said for each in _list(worker, "recent")]
        requests.sort(key=lambda each: str(each["timestamp"]), reverse=True)
        return Answer({"requests": requests[: call.query["limit"]]})

    async def _explain(self, call: Call) -> Answer:
        from ..answers import answer
        from ..asking import NotARequest, ask

        _, table = self._served()
        body: dict[str, Any] = call.body
        try:
            asked = ask(
                table,
                body["method"],
                body["url"],
                headers=body.get("headers", ()),
                client_ip=body.get("client_ip", "127.0.0.1"),
                listener=body.get("listener"),
                sni=body.get("sni"),
            )
        except NotARequest as fault:
            choices = "".join(f"; listener {each}" for each in fault.choices)
            raise Refused(422, "no-request", f"{fault.message}{choices}") from None
        sent = body["body"].encode() if "body" in body else None
        return Answer(await asyncio.to_thread(answer, table, asked, sent, body.get("candidates", 10)))

    async def _all_metrics(self, _: Call) -> Answer:
        return Answer(await self._metrics.text())

    async def _openapi(self, _: Call) -> Answer:
        return Answer(document())

    # --- changing ------------------------------------------------------------------------------------------

    async def _reload(self, call: Call) -> Answer:
        to = call.query.get("to")
        done = await (self._commands.reload() if to is None else self._commands.reload_to(to))
        told = {key: done[key] for key in ("result", "generation", "reason")}
        return Answer(done, 409 if done["result"] == "failed" else 200, told)

    async def _drain(self, _: Call) -> Answer:
        return Answer(await self._commands.drain(), 202)

    async def _log_level(self, call: Call) -> Answer:
        level = call.body["level"]
        self._own.observer.set_level(level)
        await self._commands.of_workers("log-level", level=level)
        return Answer({"level": level}, told={"level": level})

    async def _reopen(self, _: Call) -> Answer:
        await self._commands.reopen_logs()
        return Answer({})

    async def _set_target(self, call: Call, *, disabled: bool) -> Answer:
        await self._found_target(call)
        await self._commands.set_target(call.path["name"], call.path["address"], disabled=disabled)
        return Answer(await self._found_target(call))

    async def _drain_target(self, call: Call) -> Answer:
        await self._found_target(call)
        name, address = call.path["name"], call.path["address"]
        loop = asyncio.get_running_loop()
        until = loop.time() + float(call.body.get("timeout_s", _DRAIN_S))
        while True:
            # Again and again, because a connection that ends its request meanwhile is idle then.
            await self._commands.set_target(name, address, disabled=True, hang_up=True)
            target = await self._found_target(call)
            if not target["active"] or loop.time() >= until or self._supervisor.draining:
                return Answer(target, told={"active": target["active"]})
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _probes(self, call: Call, *, on: bool) -> Answer:
        name, probes = call.path["name"], self._supervisor.probes
        if probes is None or not probes.is_probed(name):
            known = (await self._targets()).get(name)
            words = "has no `health`" if known is not None else "does not exist"
            raise Refused(404, "upstream", f"upstream `{name[:200]}` {words}")
        if on:
            await probes.start(name)
        else:
            probes.cancel(name)
        targets = (await self._targets()).get(name, {})
        return Answer({"upstream": name, "probing": on, "targets": list(targets.values())})

    # --- what is known -------------------------------------------------------------------------------------

    def _served(self) -> tuple[Any, RouteTable]:
        kept, table = self._supervisor.reloads.committed, self._supervisor.reloads.table
        if kept is None or table is None:
            raise Refused(503, "starting", "nothing is served yet")
        return kept, table

    async def _found_target(self, call: Call) -> dict[str, Any]:
        name, address = call.path["name"], call.path["address"]
        targets = (await self._targets()).get(name)
        if targets is None:
            raise Refused(404, "upstream", f"there is no upstream `{name[:200]}`")
        target = targets.get(address)
        if target is None:
            there = ", ".join(f"`{each}`" for each in list(targets)[:20]) or "none"
            raise Refused(404, "target", f"`{name}` has no target `{address[:200]}`; there is {there}")
        return target

    async def _targets(self) -> dict[str, dict[str, dict[str, Any]]]:
        """By upstream and address: what all workers together have."""
        slabs = list(self._shared.slabs.values())
        attempts = await asyncio.to_thread(numbers_of, slabs, "gwc_upstream_attempts_total")
        failures = await asyncio.to_thread(numbers_of, slabs, "gwc_upstream_failures_total")
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for _, status in await self._supervisor.ask_workers({"kind": "status"}):
            for name, targets in status.get("upstreams", {}).items():
                of_upstream = found.setdefault(name, {})
                for each in targets:
                    known = of_upstream.get(each["target"])
                    if known is None:
                        of_upstream[each["target"]] = {**each, "attempts": 0, "failures": {}}
                    else:
                        for key in ("connections", "active", "idle"):
                            known[key] += each[key]
                        known["disabled"] = known["disabled"] or each["disabled"]
        probes = self._supervisor.probes
        for name, of_upstream in found.items():
            for address, target in of_upstream.items():
                target["health"] = None if probes is None else probes.of(name, address)
        for (name, address), (count, *_) in attempts.items():
            if address in found.get(name, {}):
                found[name][address]["attempts"] = int(count)
        for (name, address, reason), (count, *_) in failures.items():
            if address in found.get(name, {}):
                found[name][address]["failures"][reason] = int(count)
        return found


def _list(said: Mapping[str, object], key: str) -> list[dict[str, Any]]:
    found = said.get(key)
    return found if isinstance(found, list) else []
