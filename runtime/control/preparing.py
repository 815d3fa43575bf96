"""From a table to what a worker serves it with: all that can fail or take long, before anything changes.

Owns the order: secrets, upstreams, filters, certificates, names, plans. What it makes is a snapshot; that one
is served from it is `serving.py`'s.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from gwc.schema.policies.static_files import StaticFilesRecord
from gwc.schema.table import RouteTable, UpstreamRecord
from gwc.schema.values.address import TcpAddress, parse_address

from ..files.static_files import StaticFiles
from ..filter import FilterFaulty
from ..filtering import Chain
from ..filters.build import Making, filters_of, prepare_all
from ..filters.keeping import Keeping
from ..mirror import Copies, mirrors_of
from ..pem_files import TlsFaulty
from ..plan import Plan
from ..secrets import Secrets, SecretsMissing
from ..sides import Services
from ..snapshot import Snapshot
from ..state.buckets import Buckets
from ..tries import rules_of
from ..upstream.address import TargetFaulty, target_of
from ..upstream.choice import key_of
from ..upstream.egress import egress_of
from ..upstream.sticky_cookie import LEAST_SECRET
from ..upstream.targets import Counting, Member, Setup
from ..upstream.tls import client_context, server_name
from ..wire.protocols import offered
from ..wire.tls.contexts import ServerTls, server_tls
from .cells import CellsLike
from .doors import Doors
from .filling import all_missing, filled_in
from .loading import Pace
from .plans import plan_of, policies_of
from .upstreams import Upstreams


class PrepareFailed(Exception):
    """Raised where a table cannot be made live; `reason` says why, in words for the error log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Preparing:
    """Makes snapshots for one worker.

    Mutable: what filters keep over tables, and the names of their counters, in force and to be. `root` is the
    directory that relative paths begin at.
    """

    def __init__(
        self,
        services: Services,
        doors: Doors,
        upstreams: Upstreams,
        copies: Copies,
        cells: CellsLike,
        buckets: Buckets,
        root: Path,
        environment: Mapping[str, str] | None,
    ) -> None:
        self._services = services
        self._doors = doors
        self._upstreams = upstreams
        self._copies = copies
        self._cells = cells
        self._buckets = buckets
        self._root = root
        self._environment = os.environ if environment is None else environment
        self._keeping = Keeping()
        self._counters: tuple[str, ...] = ()
        self._counters_next: tuple[str, ...] = ()

    async def prepare(self, table: RouteTable, generation: int, pace: Pace | None = None) -> Snapshot:
        """Make everything that serving from `table` needs; nothing changes yet. Raises PrepareFailed."""
        self._cells.keep(self._in_use())
        secrets = Secrets(self._environment, self._root)
        pace = pace or Pace(resting=False)
        try:
            filled = await filled_in(table, secrets, pace)
            for listener in table.listeners:
                self._doors.clients_of(listener.name)
            setups = {record.name: await self._setup(record, secrets) for record in table.upstreams}
            addresses = dict.fromkeys(address for record in table.listeners for address in record.addresses)
            ports = {address: _port(secrets.text(address).reveal()) for address in addresses}
        except SecretsMissing as first:
            raise PrepareFailed(all_missing(table, secrets) or str(first)) from first
        except (TargetFaulty, TlsFaulty) as fault:
            raise PrepareFailed(str(fault)) from fault
        chains = await self._chains(table, secrets)
        secure = await self._secure(table, filled, addresses, secrets)
        files = [self._files(record, secrets) for record in table.static_files]
        await self._upstreams.look_up(setups.values())
        plans: list[Plan] = []
        by_number = tuple(setups.values())
        for number, route in enumerate(table.routes):
            settings = filled.settings_of_routes[route.settings]
            tries = rules_of(route.name, settings, self._keeping, by_number)
            mirrors = mirrors_of(route.name, settings, self._keeping, by_number, self._copies)
            plan = plan_of(filled, route, setups, chains[route.settings], tries, mirrors)
            plans.append(replace(plan, files=files[route.target]) if route.action == "static-files" else plan)
            if not number & 31 and pace.is_over():
                await pace.rest()
        return Snapshot(
            generation,
            filled,
            tuple(plans),
            {address: filled.entry(address) for address in addresses},
            {
                address: tuple(record for record in table.listeners if address in record.addresses)
                for address in addresses
            },
            ports,
            tuple(setups.values()),
            policies_of(filled),
            secure,
        )

    def commit(self) -> None:
        """What was prepared last is in force."""
        self._keeping.commit()
        self._counters = self._counters_next

    def _in_use(self) -> Iterator[str]:
        """The names of the counters that are in use; those of a table that never came are not."""
        yield from self._counters
        yield from self._doors.counters()
        yield from self._upstreams.counters()

    async def _setup(self, record: UpstreamRecord, secrets: Secrets) -> Setup:
        """An upstream with what a table says of it."""

        def fill(text: str) -> str:
            return secrets.text(text).reveal()

        # Reading the system's authorities takes 10 to 30 ms, for which no request should wait.
        tls = None
        if record.tls is not None:
            tls = await asyncio.to_thread(client_context, record.tls, fill, self._root, record.protocol)
        egress = None if record.egress is None else egress_of(record.egress, fill)
        if record.protocol != "http1":
            from ..wire.http2 import client  # noqa: F401  # now, and not in the first request's time
        members = []
        for written, weight in record.targets:
            destination = target_of(written, fill)
            name = None if record.tls is None else server_name(record.tls, destination, fill)
            members.append(Member(destination, weight, tls, name, record.protocol, egress))
        choosing = record.choosing
        secret = ""
        if choosing is not None and choosing.sticky_cookie is not None:
            secret = fill(choosing.sticky_cookie.secret)
            if len(secret.encode("utf-8", "surrogateescape")) < LEAST_SECRET:
                what = f"the secret of `sticky-cookie` has less than {LEAST_SECRET} bytes"
                raise PrepareFailed(f"upstream `{record.name}`: {what}")
        return Setup(
            self._upstreams.at(record.name),
            record.connections,
            record.timeouts,
            record.names,
            tuple(members),
            choosing,
            secret,
            ""
            if record.tls is None and record.egress is None
            else key_of((record.tls, record.protocol, record.egress)),
        )

    async def _chains(self, table: RouteTable, secrets: Secrets) -> list[Chain | None]:
        """The filters of all routes; routes with equal settings share them."""
        self._keeping.begin()
        names: dict[int, str] = {}
        for route in table.routes:
            names.setdefault(route.settings, route.name)
        counters: dict[str, Counting] = {}

        def counter(name: str) -> Counting:
            return counters.setdefault(name, self._cells.counter(name))

        def fill(text: str) -> str:
            return secrets.text(text).reveal()

        chains: list[Chain | None] = []
        try:
            for number, settings in enumerate(table.settings_of_routes):
                making = Making(
                    self._services.loop,
                    self._services.observer,
                    names.get(number, ""),
                    self._root,
                    fill,
                    counter,
                    self._keeping,
                    self._buckets,
                )
                chains.append(filters_of(settings, making) if number in names else None)
            await prepare_all(chains)
        except FilterFaulty as fault:
            raise PrepareFailed(fault.reason) from fault
        except SecretsMissing as first:
            raise PrepareFailed(all_missing(table, secrets) or str(first)) from first
        self._counters_next = tuple(counters)
        return chains

    async def _secure(
        self, table: RouteTable, filled: RouteTable, addresses: Iterable[str], secrets: Secrets
    ) -> dict[str, ServerTls]:
        """What handshakes are made with, for each address that speaks TLS. Files are read beside the loop."""
        found: dict[str, ServerTls] = {}
        for address in addresses:
            listeners = [
                (settings, record.secure)
                for settings, record in zip(filled.settings(), table.listeners, strict=True)
                if address in record.addresses and record.secure is not None
            ]
            if not listeners:
                continue
            first = next(record for record in table.listeners if address in record.addresses)
            protocols = offered(first.http2)

            def fill(text: str) -> str:
                return secrets.text(text).reveal()

            try:
                found[address] = await asyncio.to_thread(server_tls, listeners, protocols, fill, self._root)
            except SecretsMissing as first:
                raise PrepareFailed(all_missing(table, secrets) or str(first)) from first
            except TlsFaulty as fault:
                names = " and ".join(f"`{settings.name}`" for settings, _ in listeners)
                raise PrepareFailed(f"listener {names}: {fault}") from fault
        return found

    def _files(self, record: StaticFilesRecord, secrets: Secrets) -> StaticFiles:
        """What a route serves of a directory, which has to be there."""
        root = self._root / secrets.text(record.root).reveal()
        if not root.is_dir():
            raise PrepareFailed(f"static-files: {root} is no directory")
        return StaticFiles(record, str(root))


def _port(address: str) -> int | None:
    parsed = parse_address(address)
    return parsed.port if isinstance(parsed, TcpAddress) else None
