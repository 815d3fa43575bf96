"""A filter asked by itself: made of a configuration as a worker makes it, and given requests without a wire.

Owns the small worker around it. Text of heads is one byte a character.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

from gwc.compiler.pipeline import compile_text
from gwc.runtime.filter import FilterContext, Said
from gwc.runtime.filters.build import Making, filters_of
from gwc.runtime.filters.keeping import Keeping
from gwc.runtime.observe.observing import Silent
from gwc.runtime.observe.record import RequestRecord
from gwc.runtime.plan import Plan
from gwc.runtime.secrets import Secrets
from gwc.runtime.sides import Services
from gwc.runtime.state.buckets import Buckets
from gwc.schema.request import RequestHead
from gwc.schema.table import RouteSettings


class Told(Silent):
    """Keeps what is told on the error log."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def error(self, level: str, event: str, **fields: object) -> None:
        """See Observing."""
        self.events.append((event, {"level": level, **fields}))


@dataclass
class Worker:
    """What filters are made with. `environment` has what references name."""

    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    keeping: Keeping = field(default_factory=Keeping)
    told: Told = field(default_factory=Told)

    def making(self) -> Making:
        """See Making; inside a loop."""
        secrets = Secrets(self.environment, self.root)
        return Making(
            asyncio.get_running_loop(),
            self.told,
            "r",
            self.root,
            lambda text: secrets.text(text).reveal(),
            cast(Callable[[str], Any], None),
            self.keeping,
            Buckets(),
        )

    async def made(self, settings: RouteSettings) -> Asked:
        """The filters of a route, as a new table has them."""
        self.keeping.begin()
        chain = filters_of(settings, self.making())
        assert chain is not None
        for each in chain.filters:
            await each.prepare()
        self.keeping.commit()
        return Asked(chain.requests)

    def over(self) -> None:
        """No table is left."""
        self.keeping.begin()
        self.keeping.commit()


@dataclass
class Asked:
    """The filters of one route."""

    filters: tuple[Any, ...]

    async def ask(self, context: FilterContext) -> Said:
        """What they say to a request."""
        for each in self.filters:
            said = each.on_request(context)
            if isinstance(said, Awaitable):
                said = await said
            if said is not None:
                return cast(Said, said)
        return None


def settings_of(words: str, *, listener: str = "") -> RouteSettings:
    """The settings of the first route, whose words these are."""
    text = f'{listener}routes {{ route "r" {{ {words}; respond }} }}'
    compiled = compile_text(text, "kdl")
    assert compiled.table is not None, compiled.diagnostics
    return compiled.table.settings_of_routes[compiled.table.routes[0].settings]


def request(
    headers: Mapping[str, str] | None = None,
    *,
    query: str | None = None,
    method: str = "GET",
    client: str | None = "127.0.0.1",
    listener: str = "default",
) -> FilterContext:
    """A request for `/a`."""
    fields = dict(headers or {})
    head = RequestHead(
        listener,
        method,
        "a.test",
        "a.test",
        "/a",
        query,
        fields,
        tuple(fields.items()),
        "http",
        None if client is None else ip_address(client),
        None,
        0,
    )
    record = RequestRecord()
    record.query = query
    return FilterContext(cast(Services, None), cast(Plan, None), head, record, client or "unix", 0)


def run(talk: Callable[[], Awaitable[Any]]) -> Any:
    """In a loop of its own, not for ever."""

    async def limited() -> Any:
        async with asyncio.timeout(20):
            return await talk()

    return asyncio.run(limited())
