"""Which clients a route serves, by their addresses."""

from __future__ import annotations

from typing import NamedTuple

from ..networks import Networks


class AddressRules(NamedTuple):
    """`deny`: whoever is in it is refused. `allow`: whoever is not in it is refused, None: nobody is."""

    allow: Networks | None = None
    deny: Networks | None = None
