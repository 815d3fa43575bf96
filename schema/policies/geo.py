"""Which countries a route serves."""

from __future__ import annotations

from typing import NamedTuple


class Geo(NamedTuple):
    """`block`: requests from there are refused. `allow`: from elsewhere they are, () from nowhere. `unknown`:
    addresses of which the database knows no country are served. Codes are of ISO 3166, in capitals.
    """

    database: str
    block: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    unknown: bool = True
    status: int = 403
    message: str | None = None


FIELD = "x-geoip-country"
"""In which the upstream gets the country."""
