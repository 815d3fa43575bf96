"""`compress` and `decompress`: what is packed for clients, and how far what comes packed is unpacked."""

from __future__ import annotations

from gwc.schema.policies.compress import CompressRecord, DecompressRecord

from .amounts import amount_of, filled
from .context import Context, Record


def resolve_compress(_context: Context, record: Record, _scope: str) -> CompressRecord | None:
    """Codings and types once each, in the order written; None where it is not wanted."""
    if record.get("state") == "off":
        return None
    usual = CompressRecord()
    return CompressRecord(
        tuple(dict.fromkeys(record.get("encodings", usual.encodings))),
        tuple(dict.fromkeys(each.lower() for each in record.get("types", usual.types))),
        amount_of(record, "least") if "least" in record else usual.least_bytes,
    )


def resolve_decompress(_context: Context, record: Record, _scope: str) -> DecompressRecord:
    """The limits."""
    return filled(DecompressRecord(), record, {"most": "most_bytes", "ratio": "ratio"})
