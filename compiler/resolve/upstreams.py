"""Upstreams: from records to targets, TLS, connections, timeouts and look-ups.

Owns the rules inside an upstream: a certificate has its key, what is verified has a name, bounds do not
cross.
"""

from __future__ import annotations

from gwc.schema.diagnostic import Diagnostic, Label, error
from gwc.schema.table import UpstreamTls
from gwc.schema.values.address import SrvAddress, parse_target
from gwc.schema.values.place import parse_server_name

from .amounts import upstream_connections, upstream_names, upstream_timeouts
from .choosing import resolve_choosing
from .context import Record, key_span, span_of
from .egress import resolved_egress
from .resolved import Target, Upstream


def resolve_upstream(record: Record, found: list[Diagnostic]) -> Upstream:
    """One upstream, its own rules checked."""
    tls = None
    if "tls" in record:
        tls = _tls(record, record["tls"], found)
    protocol = record.get("protocol", "http1")
    if protocol == "auto" and tls is None:
        found.append(
            error(
                "GWC348",
                span_of(record, "protocol"),
                "`auto` has nothing to go by without `tls`",
                label="only TLS agrees on a version",
                help='write `protocol "http2"` where the targets speak HTTP/2 in plain text, or leave it out',
            )
        )
    names = upstream_names(record)
    if names.least_ttl_ms > names.most_ttl_ms:
        _refuse_crossing(record["names"], found)
    return Upstream(
        record["upstream"],
        tuple(Target(_address(target["target"]), target.get("weight", 1)) for target in record["targets"]),
        span_of(record, "upstream"),
        tls,
        upstream_connections(record),
        upstream_timeouts(record),
        names,
        protocol,
        resolve_choosing(record, found),
        resolved_egress(record, found),
    )


def _address(text: str) -> str:
    """The target's address; a name of SRV records in its one form."""
    if not text.startswith("srv:"):
        return text
    target = parse_target(text)
    return f"srv:{target.name}" if isinstance(target, SrvAddress) else text


def _tls(upstream: Record, record: Record, found: list[Diagnostic]) -> UpstreamTls:
    for key, other in (("certificate-file", "key-file"), ("key-file", "certificate-file")):
        if key in record and other not in record:
            found.append(
                error(
                    "GWC316",
                    key_span(record, key),
                    f"`{key}` stands without `{other}`",
                    label="one of the two",
                    help=f"write `{other}` too: a certificate is of no use without its key",
                )
            )
    verify = record.get("verify", True)
    if not verify and "ca-file" in record:
        found.append(
            error(
                "GWC324",
                key_span(record, "ca-file"),
                "`ca-file` has no effect where nothing is verified",
                label="nobody looks at the authorities",
                secondary=(Label(key_span(record, "verify"), "switched off here"),),
                help="take `verify` out, so that the certificate is verified, or else `ca-file`",
            )
        )
    if verify and "server-name" not in record:
        found += (
            error(
                "GWC317",
                span_of(target, "target"),
                "a unix socket has no name that a certificate could be for",
                secondary=(Label(key_span(upstream, "tls"), "TLS is spoken to it"),),
                help='write `server-name "…"` in `tls`',
            )
            for target in upstream["targets"]
            if target["target"].startswith("unix:")
        )
    name = record.get("server-name")
    return UpstreamTls(
        server_name=None if name is None else str(parse_server_name(name)),
        ca_file=record.get("ca-file"),
        certificate_file=record.get("certificate-file"),
        key_file=record.get("key-file"),
        verify=verify,
    )


def _refuse_crossing(record: Record, found: list[Diagnostic]) -> None:
    """Report bounds of which the lower one is above the upper one, one of them a default perhaps."""
    written = [key for key in ("least-ttl", "most-ttl") if key in record]
    at, *others = written
    found.append(
        error(
            "GWC318",
            span_of(record, at),
            "`least-ttl` is longer than `most-ttl`",
            label=f"this is `{at}`",
            secondary=tuple(Label(span_of(record, other), f"this is `{other}`") for other in others),
            help="make `least-ttl` shorter (`1s` by default) or `most-ttl` longer (`5m` by default)",
        )
    )
