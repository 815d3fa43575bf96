"""`geo`: requests by the country that a database has for the client's address.

Owns the look-up and the field for the upstream. The file is mapped into memory, which the workers share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gwc.schema.policies.geo import FIELD, Geo
from gwc.schema.request import Address
from gwc.schema.table import RouteSettings

from ..filter import Filter, FilterContext, FilterFaulty, Phase, Refuse
from .build import Making

if TYPE_CHECKING:
    from maxminddb import Reader

REASON: Final = "country-denied"


def make(settings: RouteSettings, making: Making) -> Filter | None:
    """The filter of a route that has this."""
    policy = settings.geo
    return None if policy is None else GeoFilter(policy, _database(making.fill(policy.database), making))


class Database:
    """One file as it was when it was opened. Outlives tables."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def close(self) -> None:
        """See Kept. Requests under way may still look something up: the last one who has it lets it go."""

    def country_of(self, address: Address) -> str | None:
        """The country's code, None where it is not known."""
        try:
            found: Any = self._reader.get(address)
        except ValueError:  # an IPv6 address, of which a database of IPv4 addresses knows nothing
            return None
        if not isinstance(found, dict):
            return None
        for key in ("country", "registered_country"):
            country = found.get(key)
            code = country.get("iso_code") if isinstance(country, dict) else None
            if isinstance(code, str) and len(code) == 2 and code.isascii():
                return code.upper()
        return None


def _database(path: str, making: Making) -> Database:
    """The file, opened once for all routes and kept while it is the same."""
    place = making.root / path
    try:
        import maxminddb
    except ImportError as fault:
        raise FilterFaulty("`geo` needs the package `maxminddb`: install `gwc[geo]`") from fault
    try:
        if not place.is_file():
            raise FilterFaulty(f"`geo`: file `{path}` does not exist, or is not a regular file")
        status = place.stat()
        stamp = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
        return making.keep.at(("geo", str(place), *stamp), lambda: Database(maxminddb.open_database(place)))
    except maxminddb.InvalidDatabaseError as fault:
        raise FilterFaulty(f"`geo`: file `{path}` is no MaxMind database") from fault
    except (OSError, ValueError) as fault:
        raise FilterFaulty(f"`geo`: file `{path}` cannot be read") from fault


class GeoFilter(Filter):
    """The lists of one policy."""

    name = "geo"
    phase = Phase.ADDRESS

    def __init__(self, policy: Geo, database: Database) -> None:
        self._policy = policy
        self._block = frozenset(policy.block)
        self._allow = frozenset(policy.allow)
        self._database = database

    def on_request(self, context: FilterContext) -> Refuse | None:
        """See Filter."""
        context.removed.add(FIELD)
        address = context.head.client_ip
        country = None if address is None else self._database.country_of(address)
        if country is None:
            return None if self._policy.unknown else self._refuse("the country is not known")
        if country in self._block:
            return self._refuse(f"block {country}")
        if self._allow and country not in self._allow:
            return self._refuse(f"{country} is not in allow")
        context.set_fields.append((FIELD, country))
        return None

    def _refuse(self, why: str) -> Refuse:
        return Refuse(
            REASON, f"geo: {why}", rule="geo", status=self._policy.status, message=self._policy.message
        )
