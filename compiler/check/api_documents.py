"""GWC453: a document of `api-schema` that cannot be used (`gwc check --env`).

The runtime refuses a table whose documents it cannot compile; this says so beforehand, with the place in the
document. A file that is not there is GWC421's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from gwc.schema.diagnostic import Diagnostic, error

from ..validate.record import Record, span_of


def check_documents(owners: Iterable[Record], root: Path) -> Iterator[Diagnostic]:
    """One finding for each document; each is read once."""
    reasons: dict[str, str | None] = {}
    for owner in owners:
        record = owner.get("api-schema")
        if record is None or record["file"] == "off" or "${" in record["file"]:
            continue
        file = record["file"]
        if file not in reasons:
            reasons[file] = _reason(root / file, root)
        reason = reasons[file]
        if reason is not None:
            yield error(
                "GWC453",
                span_of(record, "file"),
                f"the document `{file}` cannot be used",
                label="needed to load the table",
                help=reason,
            )


def _reason(path: Path, root: Path) -> str | None:
    """What is wrong with a document; None where nothing is, or it is not there."""
    if not path.is_file():
        return None
    from gwc.schema.openapi import DocumentFaulty, load

    try:
        load(path, root)
    except DocumentFaulty as fault:
        at = f"at `{fault.pointer}`: " if fault.pointer else ""
        return f"{at}{fault.reason}"
    return None
