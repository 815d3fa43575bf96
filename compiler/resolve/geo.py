"""`geo`: from the record to the table's."""

from __future__ import annotations

from gwc.schema.diagnostic import error
from gwc.schema.policies.geo import Geo

from ..validate.record import Record
from .context import Context, key_span


def geo_policy(context: Context, record: Record) -> Geo:
    """The policy; an inner one takes the place of an outer one whole. Unknown countries are in no list, so
    they are let in unless there is a list of those who are.
    """
    usual = Geo("")
    allow = record.get("allow", ())
    if not allow and "block" not in record and record.get("unknown") != "deny":
        for key in ("status", "message"):
            if key in record:
                context.report(
                    error(
                        "GWC324",
                        key_span(record, key),
                        f"`{key}` has no effect without `block` or `allow`",
                        label="nobody is refused",
                        help=f"take `{key}` out, or name countries",
                    )
                )
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
