"""Where the gateway is looked at and steered: the listeners of the admin API and of metrics.

Owns which of them there are, by the command line and the table that is served, and that they follow a reload.
The sockets are `Sockets`', so an upgrade of gwc hands them over as it does those of traffic.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ..observe.exposition import CONTENT_TYPE
from ..observe.observer import Observer
from .addresses import Place, Unresolvable
from .admin import Admin
from .admin_routes import Call, Routes
from .commands import Commands
from .metrics_server import Metrics, refuse
from .own_http import OwnServer
from .own_places import DEFAULT, OFF, SOCKET_MODE, TOKEN, admin_place, default_address
from .run_settings import StartFailed
from .sharing import Shared
from .sockets import LISTENER_MODE, BindFailed
from .supervisor import Supervisor

_CLOSING_S: Final = 60.0
"""A reload that takes an address away answers over it before it goes."""

Which = Literal["admin", "metrics"]
_EVERY: Final[tuple[Which, ...]] = ("admin", "metrics")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An address; `asked`: somebody wrote it, so it must be."""

    address: str
    asked: bool


@dataclass(slots=True)
class _Open:
    wanted: _Wanted
    address: str
    place: Place
    server: OwnServer


_TOLD_AT_MOST: Final = 1_000
"""Routes that the builtin `config` tells of; the admin API has pages."""


class Own:
    """Both listeners of one gateway. Mutable: those that are open."""

    def __init__(
        self,
        supervisor: Supervisor,
        shared: Shared,
        observer: Observer,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """To be made where the loop runs."""
        self.supervisor = supervisor
        self.shared = shared
        self.observer = observer
        self.commands = Commands(supervisor)
        self._environment = environment
        self._metrics = Metrics(shared)
        self._routes = Routes(self, self._metrics)
        self._open: dict[Which, _Open] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def addresses(self) -> frozenset[str]:
        """The addresses that are these listeners', as `Sockets` has them."""
        return frozenset(each.address for each in self._open.values())

    @property
    def admin(self) -> str | None:
        """Where the admin API is."""
        return self._shown("admin")

    @property
    def metrics(self) -> str | None:
        """Where metrics are."""
        return self._shown("metrics")

    async def open(self) -> None:
        """At the start. `StartFailed` where an address that was asked for cannot be had; the default one may
        be another gateway's, which is told, and this gateway has no admin API then."""
        self.supervisor.fleet.telling = self._tell_builtin
        for which in _EVERY:
            wanted = self._wanted(which)
            if wanted is None:
                continue
            try:
                self._begin(which, wanted)
            except (BindFailed, Unresolvable) as failed:
                if wanted.asked:
                    raise StartFailed(f"{which}: {failed.reason}") from failed
                self._tell_missing(which, failed.reason)

    async def _tell_builtin(self, name: str) -> dict[str, str]:
        """What a builtin of a route tells, which is what the admin API and `metrics` tell."""
        import orjson

        if name == "metrics":
            return {"type": CONTENT_TYPE, "text": (await self._metrics.text()).decode()}
        answer = await self._routes.answer(name, Call({}, {"offset": 0, "limit": _TOLD_AT_MOST}, None))
        return {"type": "application/json", "text": orjson.dumps(answer.value).decode() + "\n"}

    async def follow(self) -> None:
        """After a reload: listen where the new table says. An address that cannot be had is told, and the old
        one stays."""
        for which in _EVERY:
            wanted, now = self._wanted(which), self._open.get(which)
            if wanted == (None if now is None else now.wanted):
                continue
            if wanted is not None:
                if now is not None:
                    del self._open[which]
                try:
                    self._begin(which, wanted)
                except (BindFailed, Unresolvable) as failed:
                    if now is not None:
                        self._open[which] = now
                    self._tell_missing(which, failed.reason)
                    continue
            else:
                del self._open[which]
            if now is not None:
                self._end(which, now)
        known = await self._targets()
        if known is not None:
            await self.supervisor.forget_targets(known)

    async def close(self) -> None:
        """Stop listening and hang up."""
        servers = [each.server for each in self._open.values()]
        await asyncio.gather(*(each.close() for each in servers), *self._closing)

    def _wanted(self, which: Which) -> _Wanted | None:
        gateway, settings = self.supervisor.reloads.gateway, self.supervisor.settings
        if which == "metrics":
            return None if gateway.metrics is None else _Wanted(gateway.metrics, asked=True)
        address = gateway.admin if settings.admin is None else settings.admin
        if address is None or address == OFF:
            return None
        return _Wanted(address, asked=address != DEFAULT)

    def _begin(self, which: Which, wanted: _Wanted) -> None:
        """Bind and serve. BindFailed, Unresolvable."""
        supervisor, sockets = self.supervisor, self.supervisor.sockets
        address, token, mode = wanted.address, None, LISTENER_MODE
        if which == "admin":
            mode = SOCKET_MODE
            if address == DEFAULT:
                kept = supervisor.reloads.keeping.directory
                address = default_address(None if kept is None else str(kept), self._environment)
            given = self._environment.get(TOKEN)
            if not admin_place(address, given, supervisor.settings.root).path:
                token = given
        held = sockets.bind(address, mode, shared=True)
        try:
            sockets.listen(address)
        except BindFailed:
            sockets.release(address)
            raise
        if which == "admin":
            admin = Admin(self._routes, held.place, token, self.observer.changed, supervisor.tell)
            server = OwnServer(held.sockets[0], admin.handle, admin.refuse, supervisor.tell)
        else:
            server = OwnServer(held.sockets[0], self._metrics.handle, refuse, supervisor.tell)
        self._open[which] = _Open(wanted, address, held.place, server)
        supervisor.tell("info", f"{which}-listening", address=held.place.shown)

    def _end(self, which: Which, old: _Open) -> None:
        """Stop an address in the background: the reload may have been asked for over it."""
        task = asyncio.get_running_loop().create_task(old.server.close(_CLOSING_S))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        self.supervisor.sockets.release(old.address)
        self.supervisor.tell("info", f"{which}-not-listening", address=old.place.shown)

    def _tell_missing(self, which: Which, reason: str) -> None:
        now = self._open.get(which)
        self.supervisor.tell(
            "warning" if now is None else "error",
            f"{which}-failed",
            reason=reason,
            still=None if now is None else now.place.shown,
            help="give each gateway of this machine a place of its own: --admin ADDR, --state-dir DIR or "
            "XDG_RUNTIME_DIR; --admin off for none"
            if which == "admin"
            else "",
        )

    async def _targets(self) -> set[tuple[str, str]] | None:
        """The targets that there are, None where nobody can say."""
        if not self.supervisor.disabled:
            return None
        said = await self.supervisor.ask_workers({"kind": "status"})
        if not said:
            return None
        return {
            (name, each["target"])
            for _, status in said
            for name, targets in status.get("upstreams", {}).items()
            for each in targets
        }

    def _shown(self, which: Which) -> str | None:
        found = self._open.get(which)
        return None if found is None else found.place.shown
