"""How long the parts of a request's head may be.

Owns the figures. The wire stops reading at the same ones; here they hold for a request that came from
elsewhere too (`explain`, a route test), so that every caller gets the same answer.
"""

from __future__ import annotations

METHOD_BYTES = 32
TARGET_BYTES = 8 * 1024
FIELDS = 100
FIELD_BYTES = 16 * 1024
"""One field's name and value together."""
HEAD_BYTES = 64 * 1024
"""All names and values together."""
HOST_BYTES = 253
"""A host name without port and trailing dot (RFC 1035 section 2.3.4 as text)."""
HIGHEST_PORT = 65_535
