"""What requests of an API look like, in the route table."""

from __future__ import annotations

from typing import Literal, NamedTuple


class ApiSchemaRecord(NamedTuple):
    """Requests are held against a document: OpenAPI 3, or a JSON Schema of bodies.

    `file` may hold references. `base` is what stands before the document's paths, None: what its servers say.
    `unknown`: what becomes of paths and methods that it does not have. `mismatch`: of requests that differ,
    `replies`: of replies that do. Bodies up to `body_bytes` are looked at.
    """

    file: str
    base: str | None = None
    unknown: Literal["refuse", "pass"] = "refuse"
    mismatch: Literal["refuse", "report"] = "refuse"
    replies: Literal["off", "report", "refuse"] = "off"
    body_bytes: int = 1 << 20
    status: int = 400
