"""A request of the command line: what `gwc.runtime.asking` makes of it, with refusals as usage errors."""

from __future__ import annotations

from collections.abc import Sequence

import click
from gwc.runtime.asking import Asked, NotARequest
from gwc.runtime.asking import ask as ask_for
from gwc.schema.table import RouteTable


def ask(
    table: RouteTable,
    method: str,
    url: str,
    *,
    headers: Sequence[str] = (),
    client_ip: str = "127.0.0.1",
    listener: str | None = None,
    sni: str | None = None,
) -> Asked:
    """The request that the options describe. Raises click.UsageError where they describe none."""
    try:
        return ask_for(
            table,
            method,
            url,
            headers=headers,
            client_ip=client_ip,
            listener=listener,
            sni=sni,
            nearest=_nearest,
        )
    except NotARequest as fault:
        choices = "".join(f"\n  --listener {each}" for each in fault.choices)
        raise click.UsageError(f"{fault.message}:{choices}" if choices else fault.message) from None


def _nearest(name: str, known: Sequence[str]) -> str | None:
    from gwc.compiler.diagnostics.nearest import nearest

    return nearest(name, known)
