"""`geo`: from the record to the table's."""

from __future__ import annotations

from gwc.schema.policies.geo import Geo

from ..validate.record import Record


def geo_policy(record: Record) -> Geo:
    """The policy; an inner one takes the place of an outer one whole. Unknown countries are in no list, so
    they are let in unless there is a list of those who are.
    """
    usual = Geo("")
    allow = record.get("allow", ())
    return Geo(
        database=record["database"],
        block=_codes(record.get("block", ())),
        allow=_codes(allow),
        unknown=record.get("unknown", "deny" if allow else "allow") == "allow",
        status=record.get("status", usual.status),
        message=record.get("message"),
    )


def _codes(written: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.upper() for each in written))
