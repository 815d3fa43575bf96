"""GWC430, GWC431, GWC432, GWC510: what the certificates of listeners hold (`gwc check --env`).

Not in the list of rules: files outside the configuration are read where that is asked for. Files that are not
there at all are told by `environment.py`.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from gwc.schema.certificate import Certificate, Unreadable, covers, read_certificate, read_public_key
from gwc.schema.diagnostic import Diagnostic, error, warning
from gwc.schema.template import EnvironmentReference, FileReference, Text, parse_value

from ..resolve import Resolution
from ..resolve.patterns import host_pattern
from ..validate.record import Record, span_of

SOON: Final = timedelta(days=30)
"""Before its end a certificate is to be renewed; automatic renewal begins about then."""


class _Shown(NamedTuple):
    """A listener with TLS: its name, its scope, and all names of its certificates."""

    name: str
    hosts: tuple[str, ...]
    names: tuple[str, ...]


def check_certificates(
    resolution: Resolution, environment: Mapping[str, str], root: Path, now: datetime | None = None
) -> Iterator[Diagnostic]:
    """The findings about certificates and keys, and hosts that none is for."""
    now = now or datetime.now(UTC)
    shown: list[_Shown] = []
    for listener in resolution.root.get("listeners", ()):
        tls = listener.get("tls")
        if tls is None:
            continue
        names: list[str] = []
        whole = True
        for record in tls["certificates"]:
            found = _read(record, "certificate", environment, root)
            if found is None:
                whole = False
                continue
            certificate = read_certificate(found)
            if isinstance(certificate, Unreadable):
                whole = False
                yield _useless(record, "certificate", certificate.why)
                continue
            names += certificate.names
            yield from _judge_time(record, certificate, now)
            yield from _judge_key(record, certificate, environment, root)
        if whole:
            scope = tuple(str(host_pattern(text).text) for text in listener.get("host", ()))
            shown.append(_Shown(listener["listener"], scope, tuple(names)))
            yield from _uncovered_scope(listener, scope, names)
    yield from _uncovered_routes(resolution, shown)


def _judge_time(record: Record, certificate: Certificate, now: datetime) -> Iterator[Diagnostic]:
    """Whether it counts now, and still does in a month."""
    at = span_of(record, "certificate")
    written = record["certificate"]
    if certificate.not_after <= now:
        said = f"certificate `{written}` has expired"
    elif certificate.not_before > now:
        said = f"certificate `{written}` is not valid yet"
    elif certificate.not_after - now < SOON:
        said = f"certificate `{written}` expires in {(certificate.not_after - now).days} days"
    else:
        return
    yield warning(
        "GWC431",
        at,
        said,
        label=f"from {certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d}",
        help="put a renewed one in its place: the gateway takes it up by itself",
    )


def _judge_key(
    record: Record, certificate: Certificate, environment: Mapping[str, str], root: Path
) -> Iterator[Diagnostic]:
    """Whether the key is the certificate's, and nobody else's."""
    key = "key" if "key" in record else "certificate"
    found = _read(record, key, environment, root)
    if found is None:
        return
    public = read_public_key(found)
    if isinstance(public, Unreadable):
        yield _useless(record, key, public.why)
    elif public != certificate.key:
        yield _useless(record, key, f"is not the key of `{record['certificate']}`")
    else:
        path = _path(record[key], environment, root)
        if path is not None and path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
            yield warning(
                "GWC510",
                span_of(record, key),
                f"everybody on this machine may read the private key `{record[key]}`",
                help=f"`chmod 600 {path}`, as the user that the gateway runs as",
            )


def _useless(record: Record, key: str, why: str) -> Diagnostic:
    return error(
        "GWC432",
        span_of(record, key),
        f"`{record[key]}` {why}",
        label="the gateway would not start, or keep its last good table",
    )


def _uncovered_scope(listener: Record, scope: tuple[str, ...], names: list[str]) -> Iterator[Diagnostic]:
    """A listener's own hosts that none of its certificates is for."""
    for index, host in enumerate(scope):
        if not _is_covered(host, names):
            yield warning(
                "GWC430",
                span_of(listener, "host", index),
                f"no certificate of this listener is for `{host}`",
                label="clients that ask for it are refused in the handshake",
                help=_there_are(names),
            )


def _uncovered_routes(resolution: Resolution, shown: list[_Shown]) -> Iterator[Diagnostic]:
    """Hosts of routes that can be asked for at a listener with TLS, and for which that has no certificate."""
    told: set[int] = set()
    for scoped in resolution.routes:
        for blocks in scoped.scope.levels:
            for block in blocks:
                if block.record is None or id(block.record) in told:
                    continue
                told.add(id(block.record))
                host = block.record.get("host")
                left = [scoped.scope.listeners, block.listeners]
                for index, text in enumerate(() if host is None else host.get("name", ())):
                    assert host is not None
                    name = host_pattern(text).text
                    for each in shown:
                        reachable = all(names is None or each.name in names for names in left)
                        # What is in the scope word for word has been told there.
                        if not reachable or name in each.hosts or not _is_in(name, each.hosts):
                            continue
                        if not _is_covered(name, each.names):
                            yield warning(
                                "GWC430",
                                span_of(host, "name", index),
                                f"no certificate of listener `{each.name}` is for `{name}`",
                                label="clients that ask for it are refused in the handshake",
                                help=_there_are(each.names),
                            )
                            break


def _is_covered(host: str, names: list[str] | tuple[str, ...]) -> bool:
    plain = host.strip("[]")
    return any(covers(name, plain) for name in names)


def _is_in(host: str, scope: tuple[str, ...]) -> bool:
    """Whether a host, or some below a wildcard, is in a scope."""
    return not scope or any(
        host == each
        or (each.startswith("*.") and host.lstrip("*").endswith(each[1:]))
        or (host.startswith("*.") and each.endswith(host[1:]))
        for each in scope
    )


def _there_are(names: list[str] | tuple[str, ...]) -> str:
    some = ", ".join(f"`{name}`" for name in list(dict.fromkeys(names))[:5])
    return f"they are for {some}; add one with `certificate`" if some else "they have no names at all"


def _read(record: Record, key: str, environment: Mapping[str, str], root: Path) -> bytes | None:
    """What a file holds; None where there is none to read, which is told elsewhere."""
    path = _path(record[key], environment, root)
    try:
        if path is None or not path.is_file():
            return None
        with path.open("rb") as file:
            return file.read(4 * 1024 * 1024)
    except OSError:
        return None


def _path(text: str, environment: Mapping[str, str], root: Path) -> Path | None:
    """The path with its references filled in; None where one of them is missing."""
    filled = ""
    for part in getattr(parse_value(text, variables=False), "parts", ()):
        if isinstance(part, Text):
            filled += part.text
        elif isinstance(part, EnvironmentReference):
            if part.name not in environment:
                return None
            filled += environment[part.name]
        elif isinstance(part, FileReference):
            try:
                filled += (root / part.path).read_text("utf-8").rstrip("\r\n")
            except (OSError, ValueError):
                return None
    return root / filled
