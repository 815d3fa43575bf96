"""Header rules: what becomes of a message's fields.

Owns the order rename, set, add, remove. Names are in lower case; field lines stay apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gwc.schema.table import HeaderRules

from .variables import Facts, fill

Field = tuple[str, str]


@dataclass(frozen=True, slots=True)
class HeaderChanges:
    """Header rules with their variables filled in."""

    rename: tuple[Field, ...] = ()
    set: tuple[Field, ...] = ()
    add: tuple[Field, ...] = ()
    remove: tuple[str, ...] = ()


def changes_of(rules: HeaderRules, facts: Facts) -> HeaderChanges:
    """The rules for one request."""
    return HeaderChanges(
        rules.rename,
        tuple((name, fill(value, facts)) for name, value in rules.set),
        tuple((name, fill(value, facts)) for name, value in rules.add),
        rules.remove,
    )


def apply_changes(fields: Iterable[Field], changes: HeaderChanges) -> tuple[Field, ...]:
    """The fields after the rules. `set` leaves one line, in the place of the first there was, else last."""
    # PERF: what the rules do not say is not looked for.
    if changes.rename:
        names = dict(changes.rename)
        kept = [(names.get(name, name), value) for name, value in fields]
    else:
        kept = list(fields)
    if changes.set:
        present = {name for name, _ in kept}
        for name, value in changes.set:
            if name in present:
                kept = _with_one(kept, name, value)
            else:
                present.add(name)
                kept.append((name, value))
    kept += changes.add
    if changes.remove:
        gone = frozenset(changes.remove)
        kept = [field for field in kept if field[0] not in gone]
    return tuple(kept)


def _with_one(fields: Sequence[Field], name: str, value: str) -> list[Field]:
    """The fields with one line of a name that is among them."""
    result: list[Field] = []
    placed = False
    for field in fields:
        if field[0] != name:
            result.append(field)
        elif not placed:
            placed = True
            result.append((name, value))
    return result
