"""`gwc config`: the resolved configuration, and where each value comes from."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import click

from ..compiling import compile_argument
from ..findings import FOUND, configuration_options, stop_on_errors


@click.command("config")
@click.option("-c", "--config", default=".", metavar="PATH", help="The configuration.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@configuration_options
def command(
    config: str, form: str, syntax: str, overlays: tuple[str, ...], settings: tuple[str, ...]
) -> None:
    """Print every value that is in force, with the layer and the line that set it.

    Layers, the stronger first: flag, environment, overlay, file, default. A route's values are those of its
    groups and of `defaults` too. Secrets are shown as the references they are.
    """
    result = compile_argument(config, syntax, overlays, settings)
    stop_on_errors(result.diagnostics, result.sources, result.unreadable)
    if result.resolution is None or result.validated is None:
        sys.exit(FOUND)
    from ..resolved_values import resolved_values

    values = list(resolved_values(result.resolution, result.sources))
    if form == "json":
        click.echo(json.dumps({"schema_version": 1, "values": values}, indent=2))
    else:
        click.echo("\n".join(_lines(values)))


def _lines(values: list[dict[str, Any]]) -> Iterator[str]:
    """One line a value: path = value, then layer and place in a column of their own."""
    left = [f"{each['path']} = {json.dumps(each['value'], ensure_ascii=False)}" for each in values]
    width = min(max(map(len, left), default=0), 90)
    for text, each in zip(left, values, strict=True):
        yield f"{text:<{width}}  {each['layer']:<11} {each['from']}".rstrip()
