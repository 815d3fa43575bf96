"""One look-up of a name: the hosts file first, then the DNS servers of the system.

Owns what is asked and how an answer is read, as `getaddrinfo` would: `/etc/hosts`, `/etc/resolv.conf` with
its search list. It keeps nothing but the two files' content; for how long an answer counts is `names.py`'s.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from .address import forbidden

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver
    from dns.resolver import Answer

HOSTS: Final = Path("/etc/hosts")
RESOLV_CONF: Final = Path("/etc/resolv.conf")
HOSTS_TTL_S: Final = 5.0
"""How long an entry of the hosts file counts: the file is looked at again after that."""

_PAYLOAD: Final = 1232
"""Bytes of a reply over UDP that no network on the way has to split (DNS flag day 2020)."""

_LATE_S: Final = 0.25
"""How long one family's addresses wait for the other's (RFC 8305 has 50 ms, for a person who waits)."""

Family: TypeAlias = Literal["ipv4", "ipv6"]
FailureReason: TypeAlias = Literal["no-such-name", "timeout", "server-failed", "refused-address"]


@dataclass(frozen=True, slots=True)
class Found:
    """Addresses (none: the name has none of this family) and for how many seconds they count."""

    addresses: tuple[str, ...]
    ttl_s: float


class ServiceRecord(NamedTuple):
    """One SRV record (RFC 2782)."""

    priority: int
    host: str
    port: int
    weight: int


@dataclass(frozen=True, slots=True)
class FoundService:
    """SRV records, the best priority first, and for how many seconds they count."""

    records: tuple[ServiceRecord, ...]
    ttl_s: float


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer that could be used. `detail` is for logs."""

    reason: FailureReason
    detail: str


class Lookup:
    """Asks for names. `resolver` and `hosts` are for tests; without them the system's are used."""

    __slots__ = ("_configured", "_fixed", "_hosts", "_hosts_path", "_hosts_stamp", "_stamp")

    def __init__(self, resolver: Resolver | None = None, hosts: Path = HOSTS) -> None:
        self._fixed = resolver
        self._configured: Resolver | None = None
        self._stamp: object = None
        self._hosts_path = hosts
        self._hosts: Mapping[str, tuple[str, ...]] = {}
        self._hosts_stamp: object = None

    def local(self, host: str, family: Family) -> Found | None:
        """What the machine itself knows of a name; None where servers have to be asked.

        `localhost` is never asked for (RFC 6761): it is this machine, whether the file has it or not.
        """
        stamp = _stamp_of(self._hosts_path)
        if stamp != self._hosts_stamp:
            self._hosts = read_hosts(self._hosts_path)
            self._hosts_stamp = stamp
        known = self._hosts.get(host, ())
        addresses = tuple(ip for ip in known if (":" in ip) == (family == "ipv6"))
        if not addresses and host == "localhost":
            # The file may mean IPv4 alone.
            addresses = ("127.0.0.1",) if family == "ipv4" else () if known else ("::1",)
            return Found(addresses, HOSTS_TTL_S)
        return Found(addresses, HOSTS_TTL_S) if addresses else None

    @staticmethod
    def load() -> None:
        """Import what look-ups need; else the first one does, which takes 0.2 s."""
        import dns.asyncbackend
        import dns.asyncresolver

        dns.asyncbackend.get_backend("asyncio")

    async def families(
        self, host: str, wanted: tuple[Family, ...], timeout_s: float
    ) -> dict[Family, Found | Failure]:
        """Both families at once, from the servers. One with addresses does not wait long for the other."""
        tasks = {family: asyncio.create_task(self.addresses(host, family, timeout_s)) for family in wanted}
        try:
            done, left = await asyncio.wait(tasks.values(), return_when=asyncio.FIRST_COMPLETED)
            if left:
                first = next(iter(done)).result()
                enough = isinstance(first, Found) and first.addresses
                await asyncio.wait(left, timeout=_LATE_S if enough else None)
        finally:
            late = [task for task in tasks.values() if not task.done()]
            for task in late:
                task.cancel()
        return {
            family: Failure("timeout", f"no answer for {family}") if task in late else task.result()
            for family, task in tasks.items()
        }

    async def addresses(self, host: str, family: Family, timeout_s: float) -> Found | Failure:
        """The addresses of one family, from the servers, sorted."""
        answer = await self._ask(host, "A" if family == "ipv4" else "AAAA", timeout_s)
        if isinstance(answer, Failure):
            return Found((), 0.0) if answer.reason == "no-such-name" else answer
        # Sorted: servers turn the order round from answer to answer, which would look like a change.
        return Found(tuple(sorted({record.address for record in answer})), _ttl(answer))

    async def service(self, name: str, timeout_s: float) -> FoundService | Failure:
        """The SRV records of a name."""
        answer = await self._ask(name, "SRV", timeout_s)
        if isinstance(answer, Failure):
            return answer
        records = {
            ServiceRecord(
                record.priority,
                record.target.to_text(omit_final_dot=True).lower(),
                record.port,
                record.weight,
            )
            for record in answer
            # A target of `.` says that there is no such service.
            if len(record.target.labels) > 1 and record.port
        }
        if not records:
            return Failure("no-such-name", f"{name} says that there is no such service")
        return FoundService(tuple(sorted(records)), _ttl(answer))

    async def _ask(self, name: str, kind: str, timeout_s: float) -> Answer | Failure:
        """Every server in turn, until one knows or the time is over."""
        from dns import asyncbackend, exception, resolver

        try:
            return await self._resolver().resolve(
                name, kind, lifetime=timeout_s, search=True, backend=asyncbackend.get_backend("asyncio")
            )
        except (resolver.NXDOMAIN, resolver.NoAnswer) as error:
            return Failure("no-such-name", str(error))
        except exception.Timeout as error:
            return Failure("timeout", str(error))
        except (exception.DNSException, OSError, UnicodeError) as error:
            return Failure("server-failed", str(error) or type(error).__name__)

    def _resolver(self) -> Resolver:
        """One that has read resolv.conf as it is now."""
        if self._fixed is not None:
            return self._fixed
        stamp = _stamp_of(RESOLV_CONF)
        if self._configured is None or stamp != self._stamp:
            from dns.asyncresolver import Resolver

            self._configured = Resolver(str(RESOLV_CONF))
            self._configured.use_edns(0, 0, _PAYLOAD)
            self._stamp = stamp
        return self._configured


def _ttl(answer: Answer) -> float:
    """The least TTL on the way from the name to its records, aliases too."""
    return float(answer.chaining_result.minimum_ttl)


def _stamp_of(path: Path) -> object:
    """Something that changes with the file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


def read_hosts(path: Path) -> dict[str, tuple[str, ...]]:
    """The addresses of each name of a hosts file (hosts(5)), names in lower case. Other lines are skipped."""
    found: dict[str, list[str]] = {}
    try:
        content = path.read_bytes()
    except OSError:
        return {}
    for line in content.decode("latin-1").splitlines():
        words = line.partition("#")[0].split()
        if len(words) < 2 or forbidden(words[0]) == "not an IP address":
            continue
        for name in words[1:]:
            ips = found.setdefault(name.lower().rstrip("."), [])
            if words[0] not in ips:
                ips.append(words[0])
    return {name: tuple(ips) for name, ips in found.items()}


def reachable(ip: str) -> bool:
    """Whether this machine has a route there. Nothing is sent: connecting a datagram looks it up."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((ip, 9))
    except OSError:
        return False
    return True


def only_reachable(addresses: tuple[str, ...], test: Callable[[str], bool] = reachable) -> tuple[str, ...]:
    """Of IPv4 and IPv6 addresses those of families that this machine has a route for; all if that is none.

    One address of each family is tried: a machine without IPv6 would else fail every other connect.
    """
    v4 = tuple(ip for ip in addresses if ":" not in ip)
    v6 = tuple(ip for ip in addresses if ":" in ip)
    if not v4 or not v6:
        return addresses
    with_v4, with_v6 = test(v4[0]), test(v6[0])
    return addresses if with_v4 == with_v6 else v4 if with_v4 else v6
