"""TLS of listeners, and what a listener says because of it: the redirect to `https`, and HSTS.

Owns the rules inside one listener (which keys need TLS, which need its absence) and the port that a redirect
names. What files hold is looked at by `gwc check --env` and by the runtime.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gwc.schema.diagnostic import Diagnostic, Label, error
from gwc.schema.listener import ListenerSettings
from gwc.schema.policies.tls import ListenerTls
from gwc.schema.values.address import TcpAddress, parse_address

from .amounts import amount_of
from .context import Record, key_span

HTTPS_PORT: Final = 443

_YEAR_MS: Final = 8760 * 3_600_000


def speaks_tls(record: Record) -> bool:
    """Whether a listener speaks TLS: it has `tls`, or says `https` (and is told that it needs `tls`)."""
    return "tls" in record or record.get("protocol") == "https"


def listener_tls(record: Record, found: list[Diagnostic]) -> ListenerTls | None:
    """The `tls` of a listener, None where it speaks plain text. Reports what does not go together."""
    block = record.get("tls")
    if block is None:
        if record.get("protocol") == "https":
            found.append(
                error(
                    "GWC340",
                    key_span(record, "protocol"),
                    "`https` needs a certificate",
                    label="this listener has no `tls`",
                    help='write `tls { certificate "cert.pem" key="key.pem" }`; where a balancer in front '
                    "ends TLS, leave `protocol` out and name it in `trusted-proxies`",
                )
            )
        return None
    if record.get("protocol") == "http":
        found.append(
            error(
                "GWC341",
                key_span(record, "protocol"),
                "a listener with `tls` does not speak `http`",
                label="in plain text",
                secondary=(Label(key_span(record, "tls"), "TLS is spoken"),),
                help="take one of the two out",
            )
        )
    mode = block.get("client-certificates", "off")
    _check_authorities(block, mode, found)
    usual = ListenerTls(())
    timeout = "handshake-timeout"
    return ListenerTls(
        certificates=tuple(
            (each["certificate"], each.get("key", each["certificate"])) for each in block["certificates"]
        ),
        min_version=block.get("min-version", usual.min_version),
        client_certificates=mode,
        ca_file=None if mode == "off" else block.get("ca-file"),
        handshake_ms=amount_of(block, timeout) if timeout in block else usual.handshake_ms,
        handshakes=block.get("handshakes", usual.handshakes),
    )


def _check_authorities(block: Record, mode: str, found: list[Diagnostic]) -> None:
    """Client certificates are verified against authorities, and those are of no use without them."""
    if mode == "off" and "ca-file" in block:
        found.append(
            error(
                "GWC342",
                key_span(block, "ca-file"),
                "`ca-file` has no effect where no client is asked for a certificate",
                help='write `client-certificates "required"` (or `"optional"`) too, or take `ca-file` out',
            )
        )
    elif mode != "off" and "ca-file" not in block:
        found.append(
            error(
                "GWC343",
                key_span(block, "client-certificates"),
                "client certificates are verified, but by no authority",
                label="`ca-file` is missing",
                help='write `ca-file "…"` with the authorities whose certificates clients may show',
            )
        )


def check_redirect(record: Record, found: list[Diagnostic]) -> bool:
    """Whether a listener sends everything to `https`."""
    wanted = bool(record.get("redirect-to-https", False))
    if wanted and speaks_tls(record):
        found.append(
            error(
                "GWC344",
                key_span(record, "redirect-to-https"),
                "`redirect-to-https` has no effect on a listener that speaks TLS",
                help="write it in the listener of plain `http`",
            )
        )
    return wanted


def hsts_of(record: Record, found: list[Diagnostic]) -> str | None:
    """What Strict-Transport-Security says, None where it is not sent (RFC 6797 section 6.1)."""
    block = record.get("hsts")
    if block is None:
        return None
    if not speaks_tls(record):
        found.append(
            error(
                "GWC344",
                key_span(record, "hsts"),
                "`hsts` has no effect on a listener without `tls`",
                help="browsers believe the field over `https` alone: write it in the listener with `tls`",
            )
        )
    milliseconds = amount_of(block, "max-age") if "max-age" in block else _YEAR_MS
    text = f"max-age={milliseconds // 1000}"
    if block.get("subdomains", False):
        text += "; includeSubDomains"
    return f"{text}; preload" if block.get("preload", False) else text


def redirect_port(plain: ListenerSettings, listeners: Sequence[ListenerSettings]) -> int:
    """The port of the first listener with TLS that takes a host of `plain`'s; 443 where there is none, or
    where its address is a reference or a path.
    """
    for each in listeners:
        if not each.tls or not _overlap(plain, each):
            continue
        if each.public_port is not None:
            return each.public_port
        parsed = parse_address(each.addresses[0])
        return parsed.port if isinstance(parsed, TcpAddress) else HTTPS_PORT
    return HTTPS_PORT


def _overlap(one: ListenerSettings, other: ListenerSettings) -> bool:
    """Whether some host is in both scopes."""
    if not one.hosts or not other.hosts:
        return True
    return any(_share(a, b) for a in one.hosts for b in other.hosts)


def _share(one: str, other: str) -> bool:
    if one.startswith("*.") and other.startswith("*."):
        return one.endswith(other[1:]) or other.endswith(one[1:])
    if one.startswith("*."):
        return other.endswith(one[1:])
    return one.endswith(other[1:]) if other.startswith("*.") else one == other


__all__ = ["check_redirect", "hsts_of", "listener_tls", "redirect_port", "speaks_tls"]
