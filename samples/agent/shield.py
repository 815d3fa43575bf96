"""An agent: refuses requests that look like SQL, says so to the target, and masks card numbers in replies.

    python samples/agent/shield.py [port]

What it knows of SQL and of cards is for showing how an agent is made, not for keeping anybody out.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import unquote_plus

sys.path.insert(0, str(Path(__file__).resolve().parent))
from kit import Agent, Decision, Event, block, more

PORT = 9200
SQL = re.compile(r"\b(?:union\s+select|drop\s+table|or\s+1\s*=\s*1)\b|;\s*--", re.IGNORECASE)
CARD = re.compile(rb"\b(?:\d[ -]?){12,15}(\d{4})\b")
UNFINISHED = re.compile(rb"[\d -]{1,24}\Z")
"""What may be the beginning of a card number, at the end of a piece."""


class Shield(Agent):
    """Sees requests with their bodies, and the bodies of replies."""

    def on_request_headers(self, event: Event) -> Decision:
        """Look at path and query; the target is told that somebody did."""
        request = event.request
        if SQL.search(unquote_plus(f"{request['path']}?{request['query'] or ''}")):
            return block(403, reason="looks like SQL")
        return Decision(set_request={"x-shield": "passed"})

    def on_request_body(self, event: Event) -> Decision:
        """Look at the body, which comes as a whole."""
        text = event.body.decode("utf-8", "replace")
        return block(403, reason="looks like SQL") if SQL.search(unquote_plus(text)) else Decision()

    def on_response_body(self, event: Event) -> Decision:
        """Mask card numbers; one that may go on in the next piece is waited for."""
        if not event.end and UNFINISHED.search(event.body):
            return more()
        masked = CARD.sub(lambda found: b"**** " + found[1], event.body)
        return Decision() if masked == event.body else Decision(body=masked)


if __name__ == "__main__":
    Shield().serve(int(sys.argv[1]) if len(sys.argv) > 1 else PORT)
