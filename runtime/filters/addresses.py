"""`allow` and `deny`: clients are refused by their address.

Owns the order of the two: `deny` counts before `allow`. Who the client is was settled by normalising.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Final

from gwc.schema.networks import Networks, is_among
from gwc.schema.policies.addresses import AddressRules
from gwc.schema.request import Address
from gwc.schema.table import RouteSettings

from ..filter import Filter, FilterContext, Phase, Refuse
from .build import Making

REASON: Final = "address-denied"


def make(settings: RouteSettings, _: Making) -> Filter | None:
    """The filter of a route that has such rules."""
    return None if settings.addresses is None else Addresses(settings.addresses)


class Addresses(Filter):
    """Refuses by address. A client without one, on a unix socket, is in no network."""

    name = "addresses"
    phase = Phase.ADDRESS

    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules

    def on_request(self, context: FilterContext) -> Refuse | None:
        """See Filter."""
        return refusal(self._rules, context.head.client_ip)


def refusal(rules: AddressRules, address: Address | None) -> Refuse | None:
    """What becomes of a client, None: it is served."""
    allow, deny = rules
    if deny is not None and address is not None and is_among(address, deny):
        rule = f"deny {_network_of(address, deny)}"
        return Refuse(REASON, rule, rule=rule)
    if allow is not None and (address is None or not is_among(address, allow)):
        return Refuse(REASON, "not in allow", rule="allow")
    return None


def _network_of(address: Address, networks: Networks) -> str:
    """The first of the networks as written that an address is in. Only for refusals: it looks at each."""
    return next(text for text in networks.written if address in ip_network(text))
