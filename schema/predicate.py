"""The predicates of a route, as values.

Owns their shapes: what a person may ask of a request, after names are bound and values are in their one
form (hosts normalised, CIDRs without host bits, shares in millionths). What each means is in
docs/semantics.md; who evaluates them is the matcher, and in its own way the tests' oracle.

All text is one byte a character (latin-1), as in `request.py`: configured UTF-8 is already spelt in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class HostPattern:
    """`exact`: the host. `wildcard`: text is `*.x`. `regex`: text is the pattern, full match."""

    kind: Literal["exact", "wildcard", "regex"]
    text: str


@dataclass(frozen=True, slots=True)
class PathPattern:
    """`exact`, `prefix` (per segment), `template` (`/a/{b}/{c...}`), `regex` (full match)."""

    kind: Literal["exact", "prefix", "template", "regex"]
    text: str


@dataclass(frozen=True, slots=True)
class Hosts:
    """Any of the patterns holds. In an alternative: an inherited host; elsewhere: inside `not`."""

    patterns: tuple[HostPattern, ...]


@dataclass(frozen=True, slots=True)
class Paths:
    """Any of the patterns holds. In an alternative: an inherited path; elsewhere: inside `not`."""

    patterns: tuple[PathPattern, ...]


@dataclass(frozen=True, slots=True)
class Methods:
    """The method is in the list, case-sensitive."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldTest:
    """One `header`, `query` or `cookie` predicate.

    `op` and `operand`: `equal` `prefix` `suffix` `contains` `regex` with the texts of which any may hold;
    `range` with (min, max), either None, both inclusive; `present` with True or False. `name` of a header is
    in lower case. `ignore_case` folds ASCII letters and stands with the five textual operators only.
    """

    place: Literal["header", "query", "cookie"]
    name: str
    op: Literal["equal", "prefix", "suffix", "contains", "regex", "range", "present"]
    operand: tuple[str, ...] | tuple[int | None, int | None] | bool
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class ClientIp:
    """The client's address is in one of the networks, written `address/length` without host bits."""

    networks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Schemes:
    """`http`, `https`, or both."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listeners:
    """The request came in by one of these listeners. Scope, not specificity: never counts in a rank."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Snis:
    """The TLS server name equals one, or is below one written `*.x`. Never holds without TLS."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """The request's number in [0, 1 000 000) is below the share."""

    millionths: int


@dataclass(frozen=True, slots=True)
class Models:
    """Late. The model's name matches one of the globs (`*` any run, `/` too)."""

    globs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flag:
    """Late. The body's `stream` (true or false) or `tools` (present and not empty) is as said."""

    name: Literal["stream", "tools"]
    value: bool


@dataclass(frozen=True, slots=True)
class Not:
    """The predicates inside do not all hold."""

    predicates: tuple[Predicate, ...]


Predicate = (
    Hosts | Paths | Methods | FieldTest | ClientIp | Schemes | Listeners | Snis | Sample | Models | Flag | Not
)
