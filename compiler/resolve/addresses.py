"""`allow` and `deny`: whose requests a route serves.

Owns how inner lists are laid over outer ones: each of the two replaces the outer one of its name.
"""

from __future__ import annotations

from typing import Final

from gwc.schema.networks import Networks, networks_of
from gwc.schema.policies.addresses import AddressRules
from gwc.schema.values.cidr import parse_cidr

from ..validate.record import Record

ADDRESS_KEYS: Final = ("allow", "deny")


def address_rules(outer: AddressRules | None, record: Record) -> AddressRules:
    """The record's own lists over the outer ones."""
    rules = outer or AddressRules()
    return rules._replace(**{key: _networks(record[key]) for key in ADDRESS_KEYS if key in record})


def _networks(written: tuple[str, ...]) -> Networks:
    return networks_of(tuple(dict.fromkeys(str(parse_cidr(text)) for text in written)))
