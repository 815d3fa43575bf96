"""Names of targets: looked up, kept for their TTL, looked up again before that is over.

Owns for how long an answer counts, what happens while servers fail, and that no name leads where it must not.
Asking is `lookup.py`'s; what connects is the pool's. One object for each worker, without locks: one loop.

A name that is in use is looked up again in the background, so a request waits for the first answer alone.
Old answers serve while servers fail. A name that is not to be kept (`Names.keep`), and that nobody asked for
since its last answer nor within a minute, is forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import uniform
from typing import Final, Literal, NamedTuple, Protocol

from gwc.schema.table import UpstreamNames

from .address import IpAddress, forbidden, numeric
from .lookup import (
    Failure,
    FailureReason,
    Family,
    Found,
    FoundService,
    Lookup,
    ServiceRecord,
    only_reachable,
    reachable,
)

_AT_ONCE: Final = 128
"""Look-ups under way: each has a socket or two."""

_WANTED_S: Final = 60.0
_LONGEST_RETRY_S: Final = 30.0


class NameFailed(Exception):
    """There is no address for a name. `reason` is for programs, `detail` for logs."""

    def __init__(self, name: str, reason: FailureReason, detail: str) -> None:
        self.name: Final = name
        self.reason: Final = reason
        self.detail: Final = detail
        super().__init__(f"{name}: {reason}: {detail}")


class ServiceTarget(NamedTuple):
    """A server that SRV records name. The least `priority` comes first, the others where those fail.

    `weight` is at least 1: the protocol's 0 means a very small share, not none.
    """

    host: str
    port: int
    priority: int
    weight: int
    addresses: tuple[IpAddress, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A name leads elsewhere. Of SRV records `service` is true and the texts are `host:port`; the names that
    they lead to have changes of their own. `after` is empty where the name is gone."""

    name: str
    service: bool
    before: tuple[str, ...]
    after: tuple[str, ...]


class Tell(Protocol):
    """Where events go; the error log has this form."""

    def __call__(self, level: str, event: str, **fields: object) -> None:
        """One event."""


class _Key(NamedTuple):
    kind: Literal["host", "service"]
    name: str
    settings: UpstreamNames
    loopback: bool
    """Whether the name may lead to this machine."""


class _Entry:
    """What is known of a name.

    `parts` are the addresses of each family, `found` all of them that may be used, `records` those of a
    service. `misses` counts answers in a row that there is no such name, `failures` look-ups in a row without
    an answer. Until `until` (loop time) an answer or failure counts.
    """

    __slots__ = (
        "answered", "asked", "by_port", "failure", "failures", "found", "key", "misses", "parts", "records",
        "task", "timer", "until",
    )  # fmt: skip

    def __init__(self, key: _Key, now: float) -> None:
        self.key = key
        self.parts: dict[Family, tuple[str, ...]] = {}
        self.found: tuple[str, ...] = ()
        self.records: tuple[ServiceRecord, ...] = ()
        self.by_port: dict[int, tuple[IpAddress, ...]] = {}
        self.failure: Failure | None = None
        self.misses = 0
        self.failures = 0
        self.until = self.answered = self.asked = now
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None

    @property
    def usable(self) -> bool:
        return bool(self.found or self.records)

    def shown(self) -> tuple[str, ...]:
        """What it leads to, as text."""
        if self.key.kind == "host":
            return self.found
        return tuple(f"{record.host}:{record.port}" for record in self.records)

    def at(self, port: int) -> tuple[IpAddress, ...]:
        """The addresses with a port."""
        known = self.by_port.get(port)
        if known is None:
            known = self.by_port[port] = tuple(IpAddress(ip, port) for ip in self.found)
        return known


def _nowhere(level: str, event: str, **fields: object) -> None:
    """Events that nobody wants."""


class Names:
    """All names that a worker knows. Mutable; belongs to `loop`."""

    __slots__ = (
        "_callbacks",
        "_closed",
        "_entries",
        "_kept",
        "_lookup",
        "_loop",
        "_reachable",
        "_tell",
        "_turns",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        lookup: Lookup | None = None,
        tell: Tell = _nowhere,
        reachable: Callable[[str], bool] = reachable,
    ) -> None:
        self._loop = loop
        self._lookup = lookup or Lookup()
        self._tell = tell
        self._reachable = reachable
        self._entries: dict[_Key, _Entry] = {}
        self._callbacks: list[Callable[[Change], None]] = []
        self._kept: frozenset[str] = frozenset()
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._closed = False

    async def addresses(self, host: str, port: int, settings: UpstreamNames) -> tuple[IpAddress, ...]:
        """Where `host` (a name or IP address of the configuration) is; never empty. Errors: NameFailed.

        Waits only where nothing is known yet; all that ask meanwhile wait for the same look-up.
        """
        ip = numeric(host)
        if ip is not None:
            return (IpAddress(ip, port),)
        return (await self._known(_Key("host", host, settings, host == "localhost"))).at(port)

    def known(self, host: str, port: int, settings: UpstreamNames) -> tuple[IpAddress, ...] | None:
        """The same without waiting; None where `addresses` would wait or fail. PERF: 1 us."""
        entry = self._entries.get(_Key("host", host, settings, host == "localhost"))
        if entry is None or not entry.found:
            ip = numeric(host)
            return None if ip is None else (IpAddress(ip, port),)
        entry.asked = self._loop.time()
        return entry.at(port)

    async def service(self, name: str, settings: UpstreamNames) -> tuple[ServiceTarget, ...]:
        """The servers that the SRV records of `name` name, the best priority first. Errors: NameFailed.

        Servers whose own names lead nowhere are left out; none left is an error. What records say never
        leads to this machine.
        """
        entry = await self._known(_Key("service", name, settings, False))
        places = await asyncio.gather(
            *(self._of_record(record, settings) for record in entry.records), return_exceptions=True
        )
        found: list[ServiceTarget] = []
        failed: NameFailed | None = None
        for record, place in zip(entry.records, places, strict=True):
            if isinstance(place, NameFailed):
                failed = failed or place
            elif isinstance(place, BaseException):
                raise place
            else:
                found.append(
                    ServiceTarget(record.host, record.port, record.priority, max(record.weight, 1), place)
                )
        if not found:
            assert failed is not None, "an entry that is usable has records"
            raise NameFailed(name, failed.reason, str(failed))
        return tuple(found)

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Have `callback` called at each change; what is returned ends that. A callback must not fail."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def load(self) -> None:
        """Import what look-ups need (0.2 s), so that the first stalls nobody. For a worker's start."""
        self._lookup.load()

    def keep(self, names: Iterable[str]) -> None:
        """Of which hosts and services changes are to be told though nobody asks for them: the live table's.

        It replaces the names of before. Nothing is looked up by it: that begins with the first who asks.
        """
        self._kept = frozenset(names)

    def close(self) -> None:
        """Forget everything; whoever waits is cancelled."""
        self._closed = True
        for entry in list(self._entries.values()):
            self._drop(entry)
            if entry.task is not None:
                entry.task.cancel()

    # --- asking ---------------------------------------------------------------------------------------------

    async def _of_record(self, record: ServiceRecord, settings: UpstreamNames) -> tuple[IpAddress, ...]:
        """The addresses of a server that a record names: judged, though it may look like an IP address."""
        ip = numeric(record.host)
        if ip is None:
            return (await self._known(_Key("host", record.host, settings, False))).at(record.port)
        why = forbidden(ip)
        if why:
            raise NameFailed(record.host, "refused-address", f"{ip} is {why}")
        return (IpAddress(ip, record.port),)

    async def _known(self, key: _Key) -> _Entry:
        """The entry of a key once there is something to use. Errors: NameFailed."""
        now = self._loop.time()
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(key, now)
        entry.asked = now
        if entry.usable:
            return entry
        if entry.failure is None or now >= entry.until or entry.task is not None:
            # Shielded: one that no longer waits must not end it for the others.
            await asyncio.shield(self._begin(entry))
        if entry.usable:
            return entry
        assert entry.failure is not None, "a look-up ends with an answer or a failure"
        raise NameFailed(key.name, entry.failure.reason, entry.failure.detail)

    def _begin(self, entry: _Entry) -> asyncio.Task[None]:
        """The look-up of a name: the one under way, or a new one."""
        if entry.task is None:
            if entry.timer is not None:
                entry.timer.cancel()
                entry.timer = None
            entry.task = self._loop.create_task(self._look_up(entry))
        return entry.task

    async def _look_up(self, entry: _Entry) -> None:
        """One look-up, and when the next one is."""
        key = entry.key
        before = entry.shown()
        try:
            outcome = await (self._host(entry) if key.kind == "host" else self._service(key))
        except Exception as error:  # a bug must not leave those who wait without an answer for ever
            outcome = Failure("server-failed", f"{type(error).__name__}: {error}")
        finally:
            entry.task = None
        if self._closed:
            return
        wait_s = _settle(entry, outcome)
        now = self._loop.time()
        entry.answered = now
        entry.until = now + wait_s
        # Before its use runs out, and not all names of one answer at once.
        early = uniform(0.75, 0.9) if entry.failure is None else 1.0
        entry.timer = self._loop.call_later(wait_s * early, self._again, entry)
        if isinstance(outcome, Failure):
            self._tell(
                "warning", "name-lookup", name=key.name, reason=outcome.reason, detail=outcome.detail,
                kept=len(entry.shown()),
            )  # fmt: skip
        after = entry.shown()
        if set(before) != set(after):
            change = Change(key.name, key.kind == "service", before, after)
            for callback in tuple(self._callbacks):
                callback(change)

    def _again(self, entry: _Entry) -> None:
        """The time for the next look-up of a name; it is forgotten if nobody wants it.

        What serves while servers fail is kept: it could not be had again.
        """
        entry.timer = None
        wanted = entry.asked >= entry.answered or self._loop.time() - entry.asked < _WANTED_S
        if wanted or (entry.failures and entry.usable) or self._is_kept(entry.key):
            self._begin(entry)
        else:
            self._drop(entry)

    def _is_kept(self, key: _Key) -> bool:
        """Whether a name is to be kept: the live table has it, or a record of a service that is kept."""
        if key.name in self._kept:
            return True
        return key.kind == "host" and any(
            record.host == key.name
            for other, entry in self._entries.items()
            if other.kind == "service" and other.name in self._kept
            for record in entry.records
        )

    def _drop(self, entry: _Entry) -> None:
        self._entries.pop(entry.key, None)
        if entry.timer is not None:
            entry.timer.cancel()
            entry.timer = None

    async def _service(self, key: _Key) -> FoundService | Failure:
        async with self._turns:
            return await self._lookup.service(key.name, key.settings.timeout_ms / 1000)

    async def _host(self, entry: _Entry) -> Found | Failure:
        """The addresses of both families that may be used. A family without an answer keeps its last one."""
        key = entry.key
        wanted: tuple[Family, ...] = ("ipv4", "ipv6")
        if key.settings.family != "any":
            wanted = (key.settings.family,)
        local = [self._lookup.local(key.name, family) for family in wanted]
        answers: dict[Family, Found | Failure]
        if any(local):
            answers = {family: answer or Found((), 0.0) for family, answer in zip(wanted, local, strict=True)}
        else:
            async with self._turns:
                answers = await self._lookup.families(key.name, wanted, key.settings.timeout_ms / 1000)
        failures = [answer for answer in answers.values() if isinstance(answer, Failure)]
        if len(failures) == len(answers):
            return failures[0]
        parts = {
            family: answer.addresses if isinstance(answer, Found) else entry.parts.get(family, ())
            for family, answer in answers.items()
        }
        every = tuple(ip for family in wanted for ip in parts[family])
        if not every:
            return failures[0] if failures else Failure("no-such-name", f"{key.name} has no address")
        refused = {ip: why for ip in every if (why := forbidden(ip, loopback=key.loopback))}
        if refused:
            detail = ", ".join(f"{ip} is {why}" for ip, why in refused.items())
            if len(refused) == len(every):
                return Failure("refused-address", detail)
            self._tell("warning", "name-address-refused", name=key.name, detail=detail)
        entry.parts = {family: tuple(ip for ip in ips if ip not in refused) for family, ips in parts.items()}
        allowed = tuple(ip for ip in every if ip not in refused)
        ttl_s = min(
            answer.ttl_s if isinstance(answer, Found) else 0.0
            for family, answer in answers.items()
            if parts[family]
        )
        return Found(only_reachable(allowed, self._reachable), ttl_s)


def _settle(entry: _Entry, outcome: Found | FoundService | Failure) -> float:
    """Take an outcome in; for how many seconds it counts.

    A name that is gone is believed at the second answer in a row: one server of several may lag behind.
    Without an answer the last one serves on, and is asked for again after longer and longer times.
    """
    least_s = entry.key.settings.least_ttl_ms / 1000
    if not isinstance(outcome, Failure):
        entry.failure = None
        entry.misses = entry.failures = 0
        if isinstance(outcome, FoundService):
            entry.records = outcome.records
        elif set(entry.found) != set(outcome.addresses):
            entry.found = outcome.addresses
            entry.by_port = {}
        return max(least_s, min(outcome.ttl_s, entry.key.settings.most_ttl_ms / 1000))
    entry.failure = outcome
    if outcome.reason == "no-such-name":
        entry.failures = 0
        entry.misses += 1
        if entry.misses > 1:
            entry.found, entry.records, entry.parts, entry.by_port = (), (), {}, {}
        return least_s
    entry.failures += 1
    return max(least_s, min(least_s * (1 << min(entry.failures - 1, 10)), _LONGEST_RETRY_S))
