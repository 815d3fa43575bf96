"""The host of an address or URL: a name, an IPv4 address, or an IPv6 address in brackets.

Owns no rule of its own about names: those are the ones that hosts of requests have. What it adds: a
name whose last label is all digits has to be an IPv4 address, and the words for an IPv6 address without
brackets.
"""

from __future__ import annotations

import re
from typing import Final

from ..normalise.host import ConfiguredHostRefusal, normalise_configured_host
from .refusal import ValueRefusal, quoted

_NUMERIC: Final = re.compile(r"(?:.*\.)?[0-9]+")
_IPV4: Final = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!\Z)|\Z)){4}")
_NAME: Final = re.compile(r"[0-9a-z_-]{1,63}(?:\.[0-9a-z_-]{1,63})*")
_LONGEST: Final = 253


def parse_host(text: str, offset: int = 0) -> str | ValueRefusal:
    """The host in its one form: lower case, without a dot at the end, IPv6 as RFC 5952 writes it.

    `offset` is where it stands in what a person wrote.
    """
    if _IPV4.fullmatch(text):
        return text
    host: str | ConfiguredHostRefusal
    if _NAME.fullmatch(text) and len(text) <= _LONGEST:
        host = text
    elif "*" in text:
        return ValueRefusal(
            offset, len(text), f"{quoted(text)} is not a host", "write the name or address of one host"
        )
    else:
        host = normalise_configured_host(text)
    if isinstance(host, ConfiguredHostRefusal):
        advice = "write a name, an IPv4 address, or an IPv6 address in brackets without a zone"
        if host.kind == "unicode":
            name = host.instead
            advice = f"write `{name}`" if name else "write the name as it stands in the DNS, in A-labels"
        return ValueRefusal(offset, len(text), f"{quoted(text)} is not a host", advice)
    if not host.startswith("[") and _NUMERIC.fullmatch(host):
        return ValueRefusal(
            offset,
            len(text),
            f"{quoted(text)} is not an IPv4 address",
            "write four numbers from 0 to 255, without leading zeros",
        )
    return host


def is_ipv6(text: str) -> bool:
    """Whether `text` is an IPv6 address without brackets."""
    if text.count(":") < 2 or len(text) > 45 or "%" in text:
        return False
    from ipaddress import AddressValueError, IPv6Address

    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True
