"""`static-files`: from what is written to the table's record.

Owns the rules of its own: names of index files are names, the fallback is a path below the root.
"""

from __future__ import annotations

from gwc.schema.diagnostic import error
from gwc.schema.policies.static_files import StaticFilesRecord

from .context import Context, Record, span_of


def resolve_static_files(context: Context, record: Record) -> StaticFilesRecord:
    """The record; what is wrong is reported."""
    usual = StaticFilesRecord(record["root"])
    index = tuple(dict.fromkeys(record.get("index", usual.indexes)))
    for number, name in enumerate(index):
        if "/" in name or name in (".", "..", ""):
            context.report(
                error(
                    "GWC383",
                    span_of(record, "index", number),
                    f"`{name}` is no name of a file",
                    label="looked for in the directory that is asked for",
                    help="write a name such as `index.html`",
                )
            )
    fallback = record.get("fallback")
    if fallback is not None and ".." in fallback.split("/"):
        context.report(
            error(
                "GWC383",
                span_of(record, "fallback"),
                f"`{fallback}` may be outside of `{record['root']}`",
                label="a path below the root",
                help="write it from the root on, without `..`: `app/index.html`",
            )
        )
    return StaticFilesRecord(
        record["root"],
        index,
        fallback,
        tuple(dict.fromkeys(record.get("precompressed", ()))),
        record.get("cache-control"),
        record.get("listing", False),
        record.get("hidden", False),
    )
