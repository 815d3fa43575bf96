"""The upstreams of a worker, which outlive a table: their targets, names that lead to them, how they stand.

Owns what holds for later tables too: which targets an administrator has disabled, and which are not well by
what probes say. How a target is chosen is `upstream/choice.py`'s, connections are `upstream/pool.py`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable, Iterator
from typing import Final

from gwc.schema.table import UpstreamNames

from ..sides import Services
from ..upstream.address import HostName, ServiceName
from ..upstream.names import Change, NameFailed, Names
from ..upstream.pool import Upstream
from ..upstream.targets import Setup, Target, Targets
from .cells import CellsLike

_NAMES_WAIT_S: Final = 1.0
"""How long a new table waits for names that it brings."""

_UNWATCHED: Final = {"state": "ready", "ejected_until": None, "breaker": None}
"""How a target stands that nobody watches."""


class Upstreams:
    """Mutable: the upstreams of the live table by name, their targets, and who of these is disabled or not
    well.
    """

    def __init__(self, services: Services, cells: CellsLike) -> None:
        self._services = services
        self._cells = cells
        self._live: dict[str, Upstream] = {}
        self._targets = Targets()
        self._names = Names(services.loop, tell=services.observer.error)
        self._names.subscribe(self._name_changed)
        self._disabled: frozenset[tuple[str, str]] = frozenset()
        self._unhealthy: dict[str, frozenset[str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Upstream]:
        """Those of the live table."""
        return iter(self._live.values())

    def at(self, name: str) -> Upstream:
        """The upstream of that name, a new one where the live table has none. The same name is the same
        upstream.
        """
        return self._live.get(name) or Upstream(
            name,
            self._services,
            self._targets,
            self._names,
            self._cells.counter(f"connections:{name}"),
            self._cells.counter(f"pending:{name}"),
            self._cells,
        )

    def targets(self) -> tuple[Target, ...]:
        """The targets of the live table."""
        return self._targets.all()

    def counters(self) -> Iterator[str]:
        """The names of the counters that are in use."""
        for name, upstream in self._live.items():
            yield from (f"connections:{name}", f"pending:{name}")
            if upstream.choice is not None:
                yield from upstream.choice.names()

    # --- another table -----------------------------------------------------------------------------------

    async def look_up(self, setups: Iterable[Setup]) -> None:
        """Ask for names that are new, so that the first request need not wait. Not for long: a name that does
        not answer is the requests' trouble, not the table's.
        """
        tasks = [
            self._services.loop.create_task(_asked(self._names, asked, setup.names))
            for setup in setups
            for asked in {member.asked for member in setup.members}
            if isinstance(asked, HostName | ServiceName)
        ]
        if tasks:
            await asyncio.to_thread(self._names.load)  # imports 0.2 s worth, which no request waits for
            await asyncio.wait(tasks, timeout=_NAMES_WAIT_S)

    def commit(self, setups: Iterable[Setup]) -> None:
        """These are the upstreams from now on. Requests under way keep what they have."""
        live = {}
        for setup in setups:
            setup.upstream.configure(setup)
            live[setup.upstream.name] = setup.upstream
            if any(isinstance(member.destination, ServiceName) for member in setup.members):
                self._spawn(self._look_up_again(setup.upstream))  # beside others nobody would wait for it
        self._live = live
        self._settle()

    def _settle(self) -> None:
        """After targets have changed: who uses which, and which names are to be watched."""
        self._targets.settle(self._live.values())
        self._names.keep(set().union(*(each.members.names() for each in self._live.values())))
        self._disable()
        self._tell_unhealthy()

    def _name_changed(self, change: Change) -> None:
        """A name leads elsewhere: upstreams that have it get other targets."""
        concerned = [each for each in self._live.values() if change.name in each.members.names()]
        if change.service:
            for upstream in concerned:
                self._spawn(self._look_up_again(upstream))
            return
        for upstream in concerned:
            upstream.refresh()
        self._settle()

    async def _look_up_again(self, upstream: Upstream) -> None:
        await upstream.members.look_up()
        upstream.refresh()
        self._settle()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self._services.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- which targets get requests ----------------------------------------------------------------------

    def set_disabled(self, disabled: Iterable[tuple[str, str]], *, hang_up: bool = False) -> None:
        """Send no requests to these targets, (upstream, address) each, and to all others again.

        It holds for later tables too. `hang_up`: idle connections of the disabled are closed.
        """
        self._disabled = frozenset(disabled)
        self._disable()
        if hang_up:
            for target in self._targets.all():
                for connection in tuple(target.idle) if target.disabled else ():
                    connection.close()

    def set_unhealthy(self, targets: Iterable[tuple[str, str]]) -> None:
        """What probes say: these targets, (upstream, address) each, are not well, and all others are."""
        found: dict[str, set[str]] = {}
        for upstream, address in targets:
            found.setdefault(upstream, set()).add(address)
        self._unhealthy = {name: frozenset(addresses) for name, addresses in found.items()}
        self._tell_unhealthy()

    def _disable(self) -> None:
        disabled = {
            id(target)
            for upstream in self
            for target in (upstream.targets if self._disabled else ())
            if (upstream.name, target.address) in self._disabled
        }
        for target in self._targets.all():
            before, target.disabled = target.disabled, id(target) in disabled
            if before != target.disabled:
                choice = self._live[target.place.upstream].choice
                if choice is not None:
                    choice.enabled(target, again=before)

    def _tell_unhealthy(self) -> None:
        for upstream in self:
            if upstream.choice is not None:
                upstream.choice.found_unhealthy(self._unhealthy.get(upstream.name, frozenset()))

    # --- what is seen ------------------------------------------------------------------------------------

    def shown(self) -> dict[str, object]:
        """All targets at this moment, by their upstream, as JSON."""
        return {
            upstream.name: [
                {
                    "target": target.address,
                    "connections": target.open,
                    "active": target.active,
                    "idle": len(target.idle),
                    "disabled": target.disabled,
                    **(upstream.choice.standing_of(target) if upstream.choice else _UNWATCHED),
                }
                for target in upstream.targets
            ]
            for upstream in self
        }

    def watched(self) -> dict[str, object]:
        """The targets of upstreams that watch theirs: where they are and how they stand, as JSON."""
        found: dict[str, object] = {}
        for upstream in self:
            choice = upstream.choice
            if choice is not None and choice.watches:
                found[upstream.name] = {
                    "breaker": choice.breaker,
                    "targets": [
                        {
                            "address": target.address,
                            "host": target.place.host,
                            "port": target.place.port,
                            "path": target.place.path,
                            "server_name": target.place.server_name,
                            "protocol": target.place.protocol,
                            **choice.standing_of(target),
                        }
                        for target in dict.fromkeys(upstream.targets)
                    ],
                }
        return found


async def _asked(names: Names, destination: HostName | ServiceName, settings: UpstreamNames) -> None:
    """Ask for a name; that it failed is told by the names themselves."""
    with contextlib.suppress(NameFailed):
        if isinstance(destination, HostName):
            await names.addresses(destination.host, destination.port, settings)
        else:
            await names.service(destination.name, settings)
