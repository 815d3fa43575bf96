"""The filters of a route, from its settings.

Owns which filters there are and their order within a phase. A filter's module is imported when a route has
it, so that a gateway without one does not pay for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol, cast

from gwc.schema.table import RouteSettings

from ..filter import Filter
from ..filtering import Chain, chain_of
from ..observe.observing import Observing
from ..state.buckets import Buckets
from .keeping import Keeping


class Counter(Protocol):
    """A number that all workers share."""

    @property
    def value(self) -> int:
        """How many there are."""

    def add(self, number: int) -> int:
        """Add, whatever the sum."""

    def add_below(self, number: int, limit: int) -> bool:
        """Add if the sum stays at or below `limit`; whether it did."""


@dataclass(frozen=True, slots=True)
class Making:
    """What filters are made with.

    `route` is the name of the first route with these settings. `fill` puts secrets in place of references.
    `root` is the directory that relative files are from. `counter` gives a number that all workers share, by
    a name that begins with the filter's own. `keep` has what outlives a table,
    `buckets` what is counted for each of many keys.
    """

    loop: asyncio.AbstractEventLoop
    observer: Observing
    route: str
    root: Path
    fill: Callable[[str], str]
    counter: Callable[[str], Counter]
    keep: Keeping
    buckets: Buckets


Factory = Callable[[RouteSettings, Making], Filter | Sequence[Filter] | None]
"""A policy's filter; several where it has several of its kind, in their order."""


def _where(field: str, module: str) -> Factory:
    """The factory of a module, which is imported where a route has that field of the settings."""

    def factory(settings: RouteSettings, making: Making) -> Filter | Sequence[Filter] | None:
        if getattr(settings, field) is None:
            return None
        return cast(Factory, import_module(f".{module}", __package__).make)(settings, making)

    return factory


FACTORIES: Final[tuple[Factory, ...]] = (
    _where("addresses", "addresses"),
    _where("geo", "geo"),
    _where("cors", "cors"),
    _where("concurrency", "concurrency"),
    _where("rate_limits", "rate_limits"),
    _where("api_schema", "api_schema"),
    _where("security_headers", "security_headers"),
    _where("compress", "compress"),
    _where("error_pages", "error_pages"),
    _where("authentication", "authentication"),
    _where("agents", "agents"),
)
"""One for each kind of filter. Within a phase this is the order in which requests meet them."""


def filters_of(settings: RouteSettings, making: Making) -> Chain | None:
    """The filters that the settings ask for."""
    filters: list[Filter] = []
    for factory in FACTORIES:
        made = factory(settings, making)
        if isinstance(made, Filter):
            filters.append(made)
        elif made is not None:
            filters += made
    return chain_of(filters)


async def prepare_all(chains: Iterable[Chain | None]) -> None:
    """Let filters do what takes time, before their table is live."""
    filters = {id(each): each for chain in chains if chain is not None for each in chain.filters}
    await asyncio.gather(*(each.prepare() for each in filters.values()))
