"""The gateway as a whole: workers, logs, its own addresses, tracing.

Owns the reading of the top-level settings and the rules between addresses: nothing listens where something
else does, and nobody but this machine reaches the admin API.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from gwc.schema.diagnostic import Diagnostic, Label, error
from gwc.schema.table import GatewayRecord, LogRecord, TracingRecord
from gwc.schema.values.address import TcpAddress, parse_address
from gwc.schema.values.bound import OFF

from .amounts import amount_of
from .context import Record, span_of
from .listeners import IMPLICIT, normal_address

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

_EVERY = {"0.0.0.0": 4, "[::]": 6}
"""Hosts that stand for every address, with their version of IP."""

OWN = ("admin", "metrics")
"""The keys of the gateway's own addresses."""


class _Taken(NamedTuple):
    """An address that something listens on, and where that was written."""

    address: str
    owner: str
    record: Record
    key: str
    item: int | None


def resolve_gateway(root: Record, found: list[Diagnostic]) -> GatewayRecord:
    """The record of the gateway, the rules between its addresses checked."""
    usual = GatewayRecord()
    addresses = {key: own_address(root, key) for key in OWN}
    if "admin" in root and addresses["admin"] is not None and not is_local(addresses["admin"]):
        found.append(
            error(
                "GWC501",
                span_of(root["admin"], "address"),
                f"the admin API on `{addresses['admin']}` could be reached from elsewhere",
                label="not a loopback address",
                help="write `unix:/run/gwc/admin.sock` or an address such as `127.0.0.1:9901`: "
                "whoever reaches it may do everything",
            )
        )
    _refuse_shared(root, found)
    tracing = root.get("tracing")
    return GatewayRecord(
        workers=root.get("workers", usual.workers),
        drain_ms=amount_of(root, "drain-timeout") if "drain-timeout" in root else usual.drain_ms,
        state_dir=root.get("state-dir"),
        admin=addresses["admin"] if "admin" in root else usual.admin,
        metrics=addresses["metrics"],
        connections=amount_of(root, "connections") if "connections" in root else usual.connections,
        watch=root.get("watch", usual.watch),
        access_log=_log(root.get("access-log"), usual.access_log),
        error_log=_log(root.get("error-log"), usual.error_log),
        audit_log=_log(root.get("audit-log"), usual.audit_log),
        tracing=None if tracing is None else _tracing(tracing),
    )


def own_address(root: Record, key: str) -> str | None:
    """The address under `admin` or `metrics` in its one form; None where there is none."""
    record = root.get(key)
    if record is None or record["address"] == OFF:
        return None
    return normal_address(record["address"])


def is_local(address: str) -> bool:
    """Whether nobody but this machine can reach an address; one with references may be anything: yes."""
    parsed = parse_address(address)
    if not isinstance(parsed, TcpAddress):
        return True
    ip = _ip(parsed.host)
    return parsed.host == "localhost" if ip is None else ip.is_loopback


def _log(record: Record | None, usual: LogRecord) -> LogRecord:
    if record is None:
        return usual
    path = record.get("path", usual.path)
    return LogRecord(
        path=None if path == OFF else path,
        format=record.get("format", usual.format),
        sample=amount_of(record, "sample") if "sample" in record else usual.sample,
        level=record.get("level", usual.level),
    )


def _tracing(record: Record) -> TracingRecord:
    usual = TracingRecord(record["endpoint"])
    return TracingRecord(
        endpoint=record["endpoint"],
        sample=amount_of(record, "sample") if "sample" in record else usual.sample,
        service=record.get("service", usual.service),
    )


def _refuse_shared(root: Record, found: list[Diagnostic]) -> None:
    """Report an address of the gateway's own that a listener, or the other one, has too."""
    taken = list(_listening(root.get("listeners", ())))
    for key in OWN:
        address = own_address(root, key)
        if address is None:
            continue
        other = next((each for each in taken if _meet(each.address, address)), None)
        if not root.get("listeners") and any(_meet(each, address) for each in IMPLICIT.addresses):
            found.append(
                error(
                    "GWC315",
                    span_of(root[key], "address"),
                    f"`{key}` would listen on `{address}`, which is taken",
                    label="by the listener that there is where none is written",
                    help="write a listener, or give this another port",
                )
            )
        if other is not None:
            found.append(
                error(
                    "GWC315",
                    span_of(root[key], "address"),
                    f"`{key}` would listen on `{address}`, which is taken",
                    secondary=(Label(span_of(other.record, other.key, other.item), f"by {other.owner}"),),
                    help="give one of them another port",
                )
            )
        taken.append(_Taken(address, f"`{key}`", root[key], "address", None))


def _listening(listeners: Sequence[Record]) -> Iterator[_Taken]:
    for record in listeners:
        for index, text in enumerate(record["address"]):
            owner = f"listener `{record['listener']}`"
            yield _Taken(normal_address(text), owner, record, "address", index)


def _meet(first: str, second: str) -> bool:
    """Whether two addresses cannot both be listened on: the same, or one of them every address."""
    if first == second:
        return True
    one, other = parse_address(first), parse_address(second)
    if not isinstance(one, TcpAddress) or not isinstance(other, TcpAddress) or one.port != other.port:
        return False
    return _is_part(one.host, other.host) or _is_part(other.host, one.host)


def _is_part(host: str, every: str) -> bool:
    """Whether `every` stands for all addresses, `host` among them; of names nothing is known."""
    version = _EVERY.get(every)
    if version is None:
        return False
    ip = _ip(host)
    return host == "localhost" if ip is None else ip.version == version


def _ip(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, None for a name."""
    from ipaddress import ip_address  # few configurations get here, and it takes 3 ms

    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None
