"""The egress proxy of an upstream.

Owns the reading of the block, and what cannot go by a proxy: the proxy looks names up, so there are no SRV
records, and it connects over TCP, so there are no unix sockets.
"""

from __future__ import annotations

from gwc.schema.diagnostic import Diagnostic, Label, error
from gwc.schema.policies.egress import EgressRecord
from gwc.schema.values.url import Url, parse_url

from .context import Record, key_span, span_of


def resolved_egress(upstream: Record, found: list[Diagnostic]) -> EgressRecord | None:
    """The record, None where connections go straight to the targets."""
    record = upstream.get("egress-proxy")
    if record is None:
        return None
    url: str = record["url"]
    if "${" not in url:
        read = parse_url(url)
        if isinstance(read, Url) and (read.scheme != "http" or read.path != "/" or read.query is not None):
            found.append(
                error(
                    "GWC350",
                    span_of(record, "url"),
                    f"`{url}` is not `http://` with a host and a port",
                    label="CONNECT is asked of a host, in plain text",
                    help=f"write `http://{read.host}:{read.port}`",
                )
            )
    for key, other in (("username", "password"), ("password", "username")):
        if key in record and other not in record:
            found.append(
                error(
                    "GWC351",
                    key_span(record, key),
                    f"`{key}` stands without `{other}`",
                    label="one of the two",
                    help=f"write `{other}` too: the proxy asks for both",
                )
            )
    for target in upstream["targets"]:
        address: str = target["target"]
        kind = "SRV records" if address.startswith("srv:") else "a unix socket"
        if address.startswith(("srv:", "unix:")):
            found.append(
                error(
                    "GWC352",
                    span_of(target, "target"),
                    f"the proxy cannot be asked for {kind}",
                    label="it connects to `host:port`",
                    secondary=(Label(key_span(upstream, "egress-proxy"), "connections go by this proxy"),),
                    help="write `host:port`; the proxy looks the name up",
                )
            )
    return EgressRecord(url, record.get("username"), record.get("password"))
