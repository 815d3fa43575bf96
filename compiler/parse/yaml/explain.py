"""The words for a syntax error.

PyYAML says where it stopped and which token it missed; a newcomer needs to hear what was written wrong.
So the text around the place decides, and PyYAML's words only choose between the rules. Owns the order of
the rules and the answer when none knows the mistake.
"""

from __future__ import annotations

from gwc.schema.diagnostic import error

from . import explain_characters, explain_structure
from .findings import Findings
from .lines import content_end
from .mistake import Explained, Mistake
from .refuse import shown


def explain(mistake: Mistake, findings: Findings) -> Explained:
    """Find out what was written wrong."""
    for rule in (*explain_characters.RULES, *explain_structure.RULES):
        explained = rule(mistake, findings)
        if explained is not None:
            return explained
    text, at = mistake.text, min(mistake.at, len(mistake.text))
    stop = max(content_end(text, at), min(at + 1, len(text)))
    what = shown(text, at, stop) if at < len(text) else "the end of the file"
    return Explained(
        error(
            "GWC170",
            findings.span(at, stop),
            f"{what} cannot stand here",
            label="what stands before is complete, or wants something else",
            help="look at the quotes, the colons and the indentation of this line and of the one above it",
        ),
        at,
    )
