"""GWC449: `deny` takes away everybody whom `allow` lets in, so that no request is served."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, Label, warning
from gwc.schema.networks import Networks
from gwc.schema.policies.addresses import AddressRules

from ..resolve import Resolution
from ..validate.record import Record, key_span


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each pair of lists; it stands at `allow`."""
    assert resolution.config is not None
    told: set[tuple[int, int]] = set()
    for scoped in resolution.routes:
        rules = scoped.scope.settings.addresses
        if rules is None or not _nobody(rules):
            continue
        allow, deny = (_owner(scoped.scope.owners, key) for key in ("allow", "deny"))
        if (id(allow), id(deny)) in told:
            continue
        told.add((id(allow), id(deny)))
        yield warning(
            "GWC449",
            key_span(allow, "allow"),
            "`deny` refuses everybody whom `allow` lets in",
            label="every request is answered 403",
            secondary=(Label(key_span(deny, "deny"), "counts before `allow`"),),
            help="narrow `deny`, or let in somebody else",
        )


def _owner(owners: tuple[Record, ...], key: str) -> Record:
    """Who said it last."""
    return next(owner for owner in reversed(owners) if key in owner)


def _nobody(rules: AddressRules) -> bool:
    """Whether each range of `allow` lies in one of `deny`; those of one set neither overlap nor adjoin."""
    allow, deny = rules
    if allow is None or deny is None:
        return False
    return all(
        any(start <= first and last <= end for start, end in zip(*_ranges(deny)[kind], strict=True))
        for kind in (0, 1)
        for first, last in zip(*_ranges(allow)[kind], strict=True)
    )


def _ranges(
    networks: Networks,
) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], tuple[tuple[str, ...], tuple[str, ...]]]:
    """Starts and ends of both versions, as text of one width that sorts as the numbers do."""
    v4 = tuple(tuple(f"{each:08x}" for each in ends) for ends in (networks.starts_v4, networks.ends_v4))
    return (v4[0], v4[1]), (networks.starts_v6, networks.ends_v6)
