"""GWC407: two alternatives that ask for exactly the same, so that the second never wins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from gwc.schema.diagnostic import Diagnostic, Label, warning
from gwc.schema.span import Span

from ..resolve import Resolution
from ..resolve.resolved import Alternative


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each pair of blocks that share an alternative; the better rank is the one that wins."""
    config = resolution.config
    assert config is not None
    first_of: dict[object, Alternative] = {}
    told: set[tuple[Span, Span]] = set()
    for alternative in _sharing_a_place(config.alternatives):
        key = (alternative.host, alternative.path, frozenset(alternative.conditions))
        winner = first_of.setdefault(key, alternative)
        if winner is alternative:
            continue
        loser_route, winner_route = config.routes[alternative.route], config.routes[winner.route]
        loser_at, winner_at = alternative.span, winner.span
        if (loser_at, winner_at) in told:
            continue
        told.add((loser_at, winner_at))
        same_route = f"route `{loser_route.name}` asks for the same requests twice"
        if loser_at == winner_at:
            advice = "two of its hosts or paths mean the same, or two blocks of its group; take one out"
            yield warning("GWC407", loser_at, same_route, label="in this one block", help=advice)
            continue
        if winner.route == alternative.route:
            headline, advice = same_route, "take one of the two out"
        else:
            headline = (
                f"route `{loser_route.name}` asks for the same requests as `{winner_route.name}`, which wins"
            )
            advice = "take one of the two out, or give one another condition or `priority`"
        yield warning(
            "GWC407",
            loser_at,
            headline,
            label="never wins",
            secondary=(Label(winner_at, "takes every such request"),),
            help=advice,
        )


def _sharing_a_place(alternatives: Sequence[Alternative]) -> list[Alternative]:
    """Those whose host and path another has too, in rank order.

    PERF: few do, and comparing two texts is cheap where hashing all conditions is not.
    """
    places = [
        (each.host.text if each.host else None, each.path.text if each.path else None)
        for each in alternatives
    ]
    counted = Counter(places)
    return [each for each, place in zip(alternatives, places, strict=True) if counted[place] > 1]
