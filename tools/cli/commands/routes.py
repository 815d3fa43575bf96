"""`gwc routes`: the routes in the order they are asked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import click
from gwc.runtime.answers import readable
from gwc.runtime.policies_shown import policies_shown
from gwc.runtime.words import test_words
from gwc.schema.table import BUILTINS, METHODS, RouteTable, conditions_of

from ..explaining import visible
from ..findings import configuration_options
from ..tables import table_of


@click.command("routes")
@click.option("-c", "--config", default=".", metavar="PATH", help="The configuration, or a built table.")
@click.option("--tree", is_flag=True, help="By host, path and method.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@configuration_options
def command(
    config: str,
    tree: bool,
    form: str,
    syntax: str,
    overlays: tuple[str, ...],
    settings: tuple[str, ...],
) -> None:
    """Print every alternative in the order of its rank: of those that hold, the first one wins."""
    table = table_of(config, syntax, overlays, settings)
    entries = [_entry(table, rank) for rank in range(len(table.alternatives))]
    if form == "json":
        click.echo(json.dumps({"schema_version": 1, "alternatives": entries}, indent=2))
    elif tree:
        click.echo("\n".join(map(visible, _tree(entries))))
    else:
        click.echo("\n".join(map(visible, _lines(entries))))


def _entry(table: RouteTable, rank: int) -> dict[str, Any]:
    """One alternative; its method stands apart, its other conditions in the words of the configuration."""
    alternative = table.alternatives[rank]
    route = table.routes[alternative.route]
    tests = conditions_of(table, alternative)
    path = alternative.path
    return {
        "rank": rank,
        "id": alternative.id,
        "route": route.name,
        "match": alternative.match,
        "priority": route.priority,
        "host": None if alternative.host is None else readable(_pattern(*alternative.host)),
        "path": None if path is None else readable(path[1]),
        "path_kind": None if path is None else path[0],
        "methods": [method for test in tests if test[0] == METHODS for method in test[2]],
        "conditions": [test_words(table, test) for test in tests if test[0] != METHODS],
        "action": _action(table, alternative.route),
        "policies": list(policies_shown(table.settings_of_routes[route.settings])),
    }


def _pattern(kind: str, text: str) -> str:
    return f"regex {text}" if kind == "regex" else text


def _path(each: dict[str, Any]) -> str:
    """The path as people read it: prefixes end in `/*`, regular expressions say what they are."""
    kind, path = each["path_kind"], each["path"]
    if kind in (None, "prefix"):
        return f"{(path or '/').rstrip('/')}/*"
    return _pattern(kind, path)


def _action(table: RouteTable, number: int) -> str:
    route = table.routes[number]
    if route.action == "upstream":
        return f"upstream {table.upstreams[route.target].name}"
    if route.action == "split":
        parts = table.splits[route.target]
        return "split " + ", ".join(f"{table.upstreams[p.upstream].name}={p.weight}" for p in parts)
    if route.action == "redirect":
        return f"redirect {table.redirects[route.target].status}"
    if route.action == "static-files":
        return f"files {table.static_files[route.target].root}"
    if route.action == "builtin":
        return f"builtin {BUILTINS[route.target]}"
    return f"respond {table.responds[route.target].status}"


def _with_policies(entry: dict[str, Any]) -> str:
    """What a route does, and what its requests meet before."""
    return " with ".join(filter(None, (entry["action"], ", ".join(entry["policies"]))))


def _lines(entries: list[dict[str, Any]]) -> Iterable[str]:
    """A table with a head; columns as wide as they need."""
    rows = [
        (
            str(each["rank"]),
            each["route"],
            each["host"] or "*",
            _path(each),
            ",".join(each["methods"]) or "*",
            "; ".join(each["conditions"]),
            _with_policies(each),
        )
        for each in entries
    ]
    head = ("rank", "route", "host", "path", "method", "conditions", "action")
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, *rows]:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _tree(entries: list[dict[str, Any]]) -> Iterable[str]:
    """Hosts, below them paths, below them methods with their routes, each level in the order of rank."""
    hosts: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for each in entries:
        hosts.setdefault(each["host"] or "any host", {}).setdefault(_path(each), []).append(each)
    for host, paths in hosts.items():
        yield host
        for path, alternatives in paths.items():
            yield f"  {path}"
            for each in alternatives:
                methods = ",".join(each["methods"]) or "*"
                rest = f"  [{'; '.join(each['conditions'])}]" if each["conditions"] else ""
                yield f"    {methods}  {each['route']} -> {each['action']}{rest}"
