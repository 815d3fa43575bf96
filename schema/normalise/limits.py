"""How long the parts of a request's head may be, where nobody can say otherwise.

Owns those figures. What a listener's `limits` say (target, fields, head) is in `ListenerLimits`; the wire
stops reading at the same ones, and here they hold for a request that came from elsewhere too (`explain`, a
route test), so that every caller gets the same answer.
"""

from __future__ import annotations

from typing import Final

from ..listener import ListenerLimits

METHOD_BYTES = 32
HOST_BYTES = 253
"""A host name without port and trailing dot (RFC 1035 section 2.3.4 as text)."""
HIGHEST_PORT = 65_535

USUAL: Final = ListenerLimits()
"""Those of a listener that says nothing."""
