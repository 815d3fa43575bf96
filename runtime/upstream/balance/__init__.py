"""Which target is next: one algorithm a file, all with the interface of `balancing.py`.

Owns their names. Targets are numbers to all of them; what a target is, and which may be picked, others know.
"""

from __future__ import annotations

from collections.abc import Sequence

from gwc.schema.policies.choosing import Balance

from .balancing import Balancing as Balancing
from .balancing import Burden
from .balancing import NothingToPick as NothingToPick
from .hashing import Hashing
from .latency import Latency
from .least_requests import LeastRequests
from .smooth import Smooth as Smooth
from .two_choices import TwoChoices


def balancing(
    settings: Balance, names: Sequence[str], weights: Sequence[int], burdens: Sequence[Burden]
) -> Balancing:
    """The algorithm that the settings name, for targets of these names, weights and burdens."""
    if settings.algorithm == "least-requests":
        return LeastRequests(weights, burdens)
    if settings.algorithm == "two-choices":
        return TwoChoices(weights, burdens)
    if settings.algorithm == "latency":
        return Latency(weights, burdens)
    if settings.algorithm == "hash":
        return Hashing(settings, names, weights)
    return Smooth(weights)
