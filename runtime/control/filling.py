"""A table with secrets in place of references to them, where requests need them. Nobody shows it."""

from __future__ import annotations

from dataclasses import replace

from gwc.schema.table import HeaderRules, RouteTable, Value

from ..secrets import Secrets, SecretsMissing
from .loading import Pace

Values = tuple[tuple[str, Value], ...]


async def filled_in(table: RouteTable, secrets: Secrets, pace: Pace) -> RouteTable:
    """The table with secrets in place of references to them, where requests need them.

    Errors: SecretsMissing with the first that is missing.
    """
    rules: list[HeaderRules] = []
    for number, each in enumerate(table.rules):
        if _refers(each.set) or _refers(each.add):
            each = each._replace(set=_with(secrets, each.set), add=_with(secrets, each.add))
        rules.append(each)
        if not number & 63 and pace.is_over():
            await pace.rest()
    responds = [
        each._replace(headers=_with(secrets, each.headers)) if _refers(each.headers) else each
        for each in table.responds
    ]
    gateway = tuple(map(secrets.gateway, table.gateway))
    filled = replace(table, rules=tuple(rules), responds=tuple(responds), gateway=gateway)
    filled.cache.programs = table.cache.programs
    filled.cache.digest = table.cache.digest
    return filled


def all_missing(table: RouteTable, secrets: Secrets) -> str:
    """Everything that is missing, wherever it stands."""
    try:
        secrets.check(table)
    except SecretsMissing as missing:
        return str(missing)
    return ""


def _refers(values: Values) -> bool:
    """Whether one of the values has a reference."""
    return any(len(value) > 1 and any(map(_is_reference, value[1::2])) for _, value in values)


def _is_reference(variable: str) -> bool:
    return variable.startswith(("env:", "file:"))


def _with(secrets: Secrets, values: Values) -> Values:
    """The values with what they refer to."""
    return tuple((name, secrets.value(value)) for name, value in values)
