"""A request that somebody describes: from method, URL and the rest to what the gateway would have received.

Owns how an address is chosen and what of a URL becomes Host, target and server name. Judging the request is
`normalise`'s matter: whatever was written is handed on byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from gwc.schema.listener import ListenerSettings
from gwc.schema.request import RawRequest
from gwc.schema.table import RouteTable

_URL = re.compile(r"(?s)(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?]*))?(?P<target>.*)")
_PORT = re.compile(r":([0-9]{1,5})\Z")
_DEFAULT_PORTS = {"http": 80, "https": 443}


Nearest = Callable[[str, Sequence[str]], str | None]
"""The known name that an unknown one is most like."""


def _no_nearest(name: str, known: Sequence[str]) -> str | None:
    return None


class NotARequest(ValueError):
    """What was described is no request to it. `choices` are listeners, one of which is to be named."""

    def __init__(self, message: str, choices: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message, self.choices = message, tuple(choices)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and the listeners of the address that it comes in by; `port` is that address's."""

    raw: RawRequest
    entry: tuple[ListenerSettings, ...]
    address: str
    port: int | None


def ask(
    table: RouteTable,
    method: str,
    url: str,
    *,
    headers: Sequence[str] = (),
    client_ip: str = "127.0.0.1",
    listener: str | None = None,
    sni: str | None = None,
    nearest: Nearest = _no_nearest,
) -> Asked:
    """The request that is described; `headers` are `Name: value`. `NotARequest` where it is none.

    `OPTIONS *` names no host; it gets one, because no HTTP/1.1 request is without.
    """
    parsed = _URL.fullmatch(url)
    assert parsed is not None, "the pattern takes every text"
    scheme, authority, target = (parsed["scheme"] or "").lower(), parsed["authority"], parsed["target"]
    asterisk = method == "OPTIONS" and url == "*"
    if authority is None and not asterisk:
        raise NotARequest(f"`{url}` is not a URL; write http://host/path or https://host/path")
    if authority is not None and scheme not in _DEFAULT_PORTS:
        raise NotARequest(f"`{scheme}` is neither http nor https")
    address = _address(table, scheme, authority or "", listener, nearest)
    entry = table.entry(address)
    tls = entry[0].tls
    try:
        peer = ip_address(client_ip)
    except ValueError:
        raise NotARequest(f"`{client_ip}` is not an IP address") from None
    fields = [_field(header) for header in headers]
    if not any(name.lower() == b"host" for name, _ in fields):
        fields.insert(0, (b"host", _bytes(authority if authority is not None else "localhost")))
    if sni is None and tls:
        host = _PORT.sub("", authority or "")
        sni = host.lower().rstrip(".") if not host.startswith("[") else None
    raw = RawRequest(
        method=_bytes(method),
        target=_bytes(target if not asterisk else "*") or b"/",
        fields=tuple(fields),
        peer=peer,
        tls=tls,
        sni=sni if tls else None,
    )
    return Asked(raw, entry, address, port_of(address))


def port_of(address: str) -> int | None:
    """The port of an address, None where it has none or leaves it to a reference."""
    found = _PORT.search(address)
    return int(found[1]) if found and not address.startswith("unix:") else None


def _address(table: RouteTable, scheme: str, authority: str, listener: str | None, nearest: Nearest) -> str:
    """The address a request comes in by: the listener's, the only one, or that of the URL's port."""
    settings = table.settings()
    wanted = int(found[1]) if (found := _PORT.search(authority)) else _DEFAULT_PORTS.get(scheme, 0)
    if listener is not None:
        named = next((each for each in settings if each.name == listener), None)
        if named is None:
            names = [each.name for each in settings]
            near = nearest(listener, names)
            hint = f"did you mean `{near}`?" if near else f"there is {', '.join(f'`{n}`' for n in names)}"
            raise NotARequest(f"there is no listener `{listener}`; {hint}")
        by_port = [each for each in named.addresses if port_of(each) == wanted]
        return (by_port or list(named.addresses))[0]
    addresses = list(dict.fromkeys(address for each in settings for address in each.addresses))
    if len(addresses) == 1:
        return addresses[0]
    secure = scheme == "https"
    fitting = [
        address
        for address in addresses
        if port_of(address) == wanted and table.entry(address)[0].tls == secure
    ] or [
        address
        for each in settings
        if each.public_port == wanted and each.tls == secure
        for address in each.addresses
    ]
    # Addresses with the same listeners, as one for IPv4 and one for IPv6, are all the same to a request.
    if len({tuple(each.name for each in table.entry(address)) for address in fitting}) == 1:
        return fitting[0]
    choices = [
        f"{each.name}  ({'https' if each.tls else 'http'} on {', '.join(each.addresses)})"
        for each in settings
        if not fitting or not set(fitting).isdisjoint(each.addresses)
    ]
    what = "several listeners have" if fitting else "no listener has"
    what = f"{what} port {wanted} for {scheme}" if scheme else "there are several listeners"
    raise NotARequest(f"{what}; say which one it is", choices)


def _field(header: str) -> tuple[bytes, bytes]:
    name, colon, value = header.partition(":")
    if not colon:
        raise NotARequest(f"`{header}` is not a header; write 'Name: value'")
    return _bytes(name.strip(" \t")), _bytes(value.strip(" \t"))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
