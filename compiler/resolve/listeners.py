"""Listeners: from records to settings.

Owns the rules between listeners: two with the same scope on one address, TLS and plain text on one address,
two sets of limits for one connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gwc.schema.diagnostic import Diagnostic, Label, error
from gwc.schema.listener import ListenerSettings, Network, PathOptions
from gwc.schema.normalise.host import normalise_configured_host
from gwc.schema.policies.tls import ListenerTls
from gwc.schema.span import Span
from gwc.schema.values.address import TcpAddress, parse_address
from gwc.schema.values.cidr import parse_cidr
from gwc.schema.values.refusal import ValueRefusal

from .amounts import listener_limits, listener_timeouts
from .context import Record, key_span, span_of
from .http2 import listener_http2
from .listener_tls import check_redirect, hsts_of, listener_tls, redirect_port, speaks_tls
from .resolved import Listener

IMPLICIT = ListenerSettings("default", ("127.0.0.1:8080",))
"""What listens where a configuration names no listener: loopback only."""


def resolve_listeners(records: Sequence[Record], found: list[Diagnostic]) -> tuple[Listener, ...]:
    """The listeners in document order, the rules between them checked."""
    settings = [_settings(record) for record in records]
    listeners = tuple(
        Listener(
            own,
            span_of(record, "listener"),
            record.get("proxy-protocol", False),
            listener_timeouts(record),
            listener_http2(record, found),
            listener_tls(record, found),
            redirect_port(own, settings) if check_redirect(record, found) else None,
            hsts_of(record, found),
            record.get("private", False),
        )
        for record, own in zip(records, settings, strict=True)
    )
    _refuse_conflicts(records, listeners, found)
    _refuse_disagreement(records, listeners, found)
    return listeners


def _settings(record: Record) -> ListenerSettings:
    options = record.get("path-normalisation", ())
    return ListenerSettings(
        name=record["listener"],
        addresses=tuple(dict.fromkeys(normal_address(text) for text in record["address"])),
        hosts=tuple(str(normalise_configured_host(host)) for host in record.get("host", ())),
        tls=speaks_tls(record),
        public_port=record.get("public-port"),
        trusted_proxies=tuple(_network(text) for text in record.get("trusted-proxies", ())),
        path_options=PathOptions(
            keep_encoded_slash="keep-encoded-slash" in options,
            keep_repeated_slashes="keep-repeated-slashes" in options,
            reject_changes="reject-changes" in options,
        ),
        limits=listener_limits(record),
    )


def normal_address(text: str) -> str:
    """The address in its one form, so that two spellings of one are one: `[0::1]:80` is `[::1]:80`."""
    address = parse_address(text)
    return f"{address.host}:{address.port}" if isinstance(address, TcpAddress) else text


def _network(text: str) -> Network:
    network = parse_cidr(text)
    assert not isinstance(network, ValueRefusal), "validation has read it already"
    return network


def _refuse_disagreement(
    records: Sequence[Record], listeners: Sequence[Listener], found: list[Diagnostic]
) -> None:
    """Limits, timeouts, PROXY protocol and how TLS is spoken are a connection's, which has no host yet: one
    set an address.
    """
    first_on: dict[str, tuple[Record, Listener]] = {}
    for record, listener in zip(records, listeners, strict=True):
        told: set[str] = set()
        for address in listener.settings.addresses:
            other_record, other = first_on.setdefault(address, (record, listener))
            for key, own, others in (
                ("proxy-protocol", listener.proxy_protocol, other.proxy_protocol),
                ("limits", listener.settings.limits, other.settings.limits),
                ("timeouts", listener.timeouts, other.timeouts),
                ("http2", listener.http2, other.http2),
                *_of_the_handshake(listener.secure, other.secure),
            ):
                if own == others or key in told:
                    continue
                told.add(key)
                found.append(
                    error(
                        "GWC314",
                        _where(record, key),
                        f"two listeners on `{address}` have different `{key}`",
                        label=f"listener `{listener.settings.name}`",
                        secondary=(Label(_where(other_record, key), f"listener `{other.settings.name}`"),),
                        help=f"write the same `{key}` in both: a connection has them before it has a host",
                    )
                )


def _of_the_handshake(
    own: ListenerTls | None, other: ListenerTls | None
) -> Iterator[tuple[str, object, object]]:
    """What a handshake has before it has a name: (key, one, the other) each. TLS and none is another
    rule's.
    """
    if own is not None and other is not None:
        yield "min-version", own.min_version, other.min_version
        yield "client-certificates", own.client_certificates, other.client_certificates
        yield "ca-file", own.ca_file, other.ca_file
        yield "handshake-timeout", own.handshake_ms, other.handshake_ms
        yield "handshakes", own.handshakes, other.handshakes


def _where(record: Record, key: str) -> Span:
    """Where a listener says something, by a key or by leaving it out."""
    if key in record:
        return key_span(record, key)
    if key in record.get("tls", {}):
        return key_span(record["tls"], key)
    return span_of(record, "listener")


def _refuse_conflicts(
    records: Sequence[Record], listeners: Sequence[Listener], found: list[Diagnostic]
) -> None:
    """Two listeners of one address: their scopes differ, and either both speak TLS or neither."""
    scopes: dict[tuple[str, str], tuple[Record, int | None]] = {}
    first_on: dict[str, tuple[Record, bool]] = {}
    for record, listener in zip(records, listeners, strict=True):
        settings = listener.settings
        written = [normal_address(text) for text in record["address"]]
        for address in settings.addresses:
            at_address = written.index(address)
            earlier = first_on.setdefault(address, (record, settings.tls))
            if earlier[1] != settings.tls:  # another port is the answer to that, whatever the scopes
                found.append(
                    error(
                        "GWC313",
                        span_of(record, "address", at_address),
                        f"address `{address}` would speak both `http` and `https`",
                        label=f"listener `{settings.name}`",
                        secondary=(
                            Label(
                                span_of(earlier[0], "listener"),
                                f"listener `{earlier[0]['listener']}` has it too",
                            ),
                        ),
                        help="give one of them another port",
                    )
                )
                continue
            for index, host in enumerate(settings.hosts) if settings.hosts else ((None, ""),):
                other = scopes.setdefault((address, host), (record, index))
                if other[0] is record:
                    continue
                scope = f"host `{host}`" if host else "every host"
                found.append(
                    error(
                        "GWC312",
                        span_of(record, "host", index) if host else span_of(record, "address", at_address),
                        f"two listeners take {scope} on `{address}`",
                        label=f"listener `{settings.name}`",
                        secondary=(
                            Label(
                                span_of(other[0], "host", other[1]) if host else span_of(other[0], "address"),
                                f"listener `{other[0]['listener']}` takes it already",
                            ),
                        ),
                        help="give one of them another `host` or another address",
                    )
                )
