"""Probes of targets: once for the whole gateway, whatever the number of workers.

Owns which targets are probed, how often, and when one counts as unhealthy; the workers are told. What one
probe is, `probing.py` knows. Where targets are, the workers say, who look names up; so nothing here runs for
a gateway whose upstreams ask for none of it. What is known of a target outlives a table in which its address,
its TLS and its `health` are the same.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import random, uniform
from typing import TYPE_CHECKING, Any, Final

from gwc.schema.policies.choosing import Health
from gwc.schema.table import RouteTable, UpstreamTls

from ..observe.slab import Slab
from ..pem_files import TlsFaulty
from ..secrets import Secrets, SecretsMissing
from ..upstream.standing import BREAKER_WORDS
from ..upstream.tls import client_context
from .channel import Body
from .probing import Spot, probe

if TYPE_CHECKING:
    from .supervisor import Supervisor

_LOOKED_EVERY_S: Final = 1.0
"""How often workers are asked what targets they have and how these stand."""

_JITTER: Final = 0.1
"""The share by which an interval varies, so that gateways do not probe in step."""

_FIRST_WITHIN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What has to stay the same for what is known to count."""

    spot: Spot
    health: Health
    tls: UpstreamTls | None


@dataclass(slots=True)
class Probed:
    """What is known of one target.

    `healthy` None: too little; it has requests then. `streak` counts successes in a row, failures below 0.
    `checked` is a Unix time, `said` why the last probe failed, "" where it did not.
    """

    wanted: _Wanted
    healthy: bool | None = None
    streak: int = 0
    checked: float | None = None
    said: str = ""
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    def judge(self, said: str | None) -> bool:
        """Take the outcome of a probe in; whether the target stands otherwise than before.

        As many in a row as the thresholds say change its standing; the first ones of a new target, too.
        """
        well = said is None
        self.checked, self.said = time.time(), said or ""
        self.streak = max(self.streak, 0) + 1 if well else min(self.streak, 0) - 1
        health, before = self.wanted.health, self.healthy
        if well and self.streak >= health.healthy:
            self.healthy = True
        elif not well and -self.streak >= health.unhealthy:
            self.healthy = False
        return self.healthy != before

    def as_json(self) -> dict[str, object]:
        """For the admin API."""
        word = "unknown" if self.healthy is None else "healthy" if self.healthy else "unhealthy"
        return {"state": word, "checked": self.checked, "reason": self.said}


class Probes:
    """All probes of one gateway. Mutable: what is probed, what is cancelled, what is known."""

    def __init__(self, supervisor: Supervisor, slab: Slab, root: Path) -> None:
        self._supervisor = supervisor
        self._slab = slab
        self._root = root
        self._loop = asyncio.get_running_loop()
        self._known: dict[tuple[str, str], Probed] = {}
        self._cancelled: dict[str, Health] = {}
        self._looking: asyncio.Task[None] | None = None
        self._shown: set[tuple[str, tuple[str, ...]]] = set()

    # --- what others ask -----------------------------------------------------------------------------------

    @property
    def told(self) -> Body:
        """What a worker is told."""
        unhealthy = sorted(key for key, each in self._known.items() if each.healthy is False)
        return {"kind": "unhealthy", "targets": unhealthy}

    def of(self, upstream: str, address: str) -> dict[str, object] | None:
        """What is known of a target; None where it is not probed."""
        found = self._known.get((upstream, address))
        return None if found is None else found.as_json()

    def is_probed(self, upstream: str) -> bool:
        """Whether an upstream asks for probes."""
        return upstream in self._healths()

    def is_cancelled(self, upstream: str) -> bool:
        """Whether the probes of an upstream rest."""
        return upstream in self._cancelled

    async def start(self, upstream: str) -> None:
        """Probe all targets of an upstream now, and from now on; returns when each has answered or not."""
        self._cancelled.pop(upstream, None)
        await self._look()
        mine = [each for each in self._known.values() if each.wanted.spot.upstream == upstream]
        await asyncio.gather(*(self._probe(each) for each in mine))

    def cancel(self, upstream: str) -> None:
        """Probe no more until started again, and forget what was found: the targets have requests again."""
        health = self._healths().get(upstream)
        if health is not None:
            self._cancelled[upstream] = health
        for key in [key for key in self._known if key[0] == upstream]:
            self._forget(key)
        self._broadcast()

    # --- its life ------------------------------------------------------------------------------------------

    async def follow(self) -> None:
        """Another table is served."""
        healths = self._healths()
        self._cancelled = {
            name: health for name, health in self._cancelled.items() if healths.get(name) == health
        }
        if not self._watches():
            self.close()
            return
        await self._look()
        if self._looking is None:
            self._looking = self._loop.create_task(self._look_on())

    def close(self) -> None:
        """Probe nothing any more."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        for key in list(self._known):
            self._forget(key)

    def _table(self) -> RouteTable | None:
        return self._supervisor.reloads.table

    def _healths(self) -> dict[str, Health]:
        """The upstreams that ask for probes."""
        table = self._table()
        return {
            each.name: each.choosing.health
            for each in (() if table is None else table.upstreams)
            if each.choosing is not None and each.choosing.health is not None
        }

    def _watches(self) -> bool:
        """Whether anything can be told of how targets stand."""
        table = self._table()
        return any(
            each.choosing is not None
            and (each.choosing.health or each.choosing.ejection or each.choosing.breaker)
            for each in (() if table is None else table.upstreams)
        )

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(_LOOKED_EVERY_S)
            await self._look()

    async def _look(self) -> None:
        """Ask the workers for their targets: probe those that are new, forget those that are gone."""
        answers = await self._supervisor.ask_workers({"kind": "watched"})
        if not answers:
            return  # they are being replaced
        table = self._table()
        assert table is not None
        records = {each.name: each for each in table.upstreams}
        wanted: dict[tuple[str, str], _Wanted] = {}
        for _, said in answers:
            for spot in _spots(said.get("upstreams", {})):
                record = records.get(spot.upstream)
                health = None if record is None or record.choosing is None else record.choosing.health
                if record is not None and health is not None and spot.upstream not in self._cancelled:
                    wanted[spot.upstream, spot.address] = _Wanted(spot, health, record.tls)
        before = self.told
        for key, known in list(self._known.items()):
            if wanted.get(key) != known.wanted:
                self._forget(key)
        for key, each in wanted.items():
            if key not in self._known:
                new = self._known[key] = Probed(each)
                new.task = self._loop.create_task(self._probe_on(new))
        if self.told != before:
            self._broadcast()
        self._show(answers)

    def _forget(self, key: tuple[str, str]) -> None:
        gone = self._known.pop(key)
        if gone.task is not None:
            gone.task.cancel()

    # --- probes --------------------------------------------------------------------------------------------

    async def _probe_on(self, it: Probed) -> None:
        interval_s = it.wanted.health.interval_ms / 1000
        await asyncio.sleep(random() * min(interval_s, _FIRST_WITHIN_S))
        while True:
            await self._probe(it)
            await asyncio.sleep(interval_s * uniform(1 - _JITTER, 1 + _JITTER))

    async def _probe(self, it: Probed) -> None:
        spot, health = it.wanted.spot, it.wanted.health
        try:
            tls = self._tls(it.wanted.tls)
        except (TlsFaulty, SecretsMissing) as fault:
            said: str | None = str(fault)
        else:
            said = await probe(spot, health, tls)
        if self._known.get((spot.upstream, spot.address)) is not it:
            return  # it was forgotten meanwhile
        first = it.healthy is None
        if not it.judge(said):
            return
        if not (first and it.healthy):
            level, event = ("info", "target-healthy") if it.healthy else ("warning", "target-unhealthy")
            self._supervisor.tell(
                level, event, upstream=spot.upstream, target=spot.address, reason=said or ""
            )
            self._broadcast()

    def _tls(self, record: UpstreamTls | None) -> ssl.SSLContext | None:
        if record is None:
            return None
        secrets = Secrets(os.environ, self._root)
        return client_context(record, lambda text: secrets.text(text).reveal(), self._root)

    def _broadcast(self) -> None:
        """Tell every worker; one that is being brought up is told by whoever brings it."""
        for each in (*self._supervisor.fleet.current, *self._supervisor.fleet.retiring):
            if each is not None and each.generation:
                each.channel.tell(self.told)

    # --- metrics -------------------------------------------------------------------------------------------

    def _show(self, answers: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Put what the workers say of their targets into the metrics; what is gone has no number any more."""
        shown: set[tuple[str, tuple[str, ...]]] = set()

        def put(name: str, number: float, *labels: str) -> None:
            self._slab.put(name, number, labels)
            shown.add((name, labels))

        for _, said in answers:
            for upstream, known in said.get("upstreams", {}).items():
                if known["breaker"] is not None:
                    put("gwc_upstream_breaker_state", BREAKER_WORDS.index(known["breaker"]), upstream, "")
                for target in known["targets"]:
                    address = target["address"]
                    well = target["state"] in ("ready", "disabled", "breaker-half-open")
                    put("gwc_upstream_target_healthy", int(well), upstream, address)
                    if target["breaker"] is not None:
                        state = BREAKER_WORDS.index(target["breaker"])
                        put("gwc_upstream_breaker_state", state, upstream, address)
        for name, labels in self._shown - shown:
            self._slab.put(name, float("nan"), labels)
        self._shown = shown


def _spots(upstreams: Mapping[str, Any]) -> Iterable[Spot]:
    for name, known in upstreams.items():
        for each in known["targets"]:
            yield Spot(
                name,
                each["address"],
                each["host"],
                each["port"],
                each["path"],
                each["server_name"],
                each["protocol"],
            )
