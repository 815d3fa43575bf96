"""Scalars: what is accepted where, and the words for what is not.

Owns the judging of one value against one scalar place of the schema. The fast question (is it accepted?) is
a closure made once for each place; the slow one (what is wrong with it?) is asked only after a no.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any, Final

from gwc.schema.diagnostic import error

from ..parse.document import Node, Value
from .foreign import meant_value
from .formats import checker_of, explain_format
from .run import Run
from .shape import Scalar
from .words import Syntax, counted, found, found_node, literal, plain, takes

_UNITS: Final = {"duration": "s", "timeout": "s", "size-limit": "B", "part-size": "B"}
"""Formats of amounts, with the unit that a bare number is most likely to mean."""

_PERHAPS_MS: Final = 100
"""A bare number from here on may have meant milliseconds."""
_SWITCHED: Final = ("timeout", "size-limit")
"""Formats that know the word `off`."""

Accept = Callable[[Any], bool]
"""Whether a value may stand in a place; any scalar of a document may be asked about."""


@cache
def compile_scalar(scalar: Scalar) -> Accept:
    """The fast question for one scalar place; equal places share one closure (there are some thirty)."""
    kinds: list[Accept] = []
    if scalar.choices:
        choices = frozenset((type(choice), choice) for choice in scalar.choices)
        kinds.append(lambda value: (type(value), value) in choices)
    if scalar.text:
        kinds.append(_accept_text(scalar))
    if scalar.integer:
        kinds.append(_accept_integer(scalar))
    if scalar.flag:
        kinds.append(lambda value: value is True or value is False)
    if len(kinds) == 1:
        return kinds[0]
    return lambda value: any(accept(value) for accept in kinds)


def _accept_text(scalar: Scalar) -> Accept:
    check = checker_of(scalar.format)
    shortest = scalar.min_length or 0
    longest = scalar.max_length
    if check is None:
        most = longest if longest is not None else 1 << 62
        return lambda value: type(value) is str and shortest <= len(value) <= most
    if shortest or longest is not None:
        most = longest if longest is not None else 1 << 62
        return lambda value: type(value) is str and shortest <= len(value) <= most and check(value)
    return lambda value: type(value) is str and check(value)


def _accept_integer(scalar: Scalar) -> Accept:
    assert scalar.minimum is not None
    assert scalar.maximum is not None
    lowest, highest = scalar.minimum, scalar.maximum
    return lambda value: type(value) is int and lowest <= value <= highest


def refuse_scalar(run: Run, name: str, scalar: Scalar, node: Node, value: Value) -> None:
    """Report why a value cannot stand under the key `name`, which takes `scalar`."""
    read = value.value
    syntax = run.syntax
    place = run.value_at(node, value)
    if value.tag is not None:
        refuse_annotation(run, node, value)
    elif read is None:
        refuse_null(run, name, node, value)
    elif isinstance(read, float):
        run.report(
            error(
                "GWC221",
                place,
                f"`{name}` takes a finite number" if scalar.integer else f"`{name}` takes no number",
                label=f"found {found(read, syntax)}",
                help=f"write {takes(scalar, syntax)}",
            )
        )
    elif isinstance(read, Decimal) and scalar.integer and read == read.to_integral_value():
        run.report(
            error(
                "GWC222",
                place,
                f"`{name}` takes a whole number, found `{plain(str(read))}`",
                label="written as a number with decimals or an exponent",
                help="write it in digits alone" + (f": `{int(read)}`" if read.copy_abs() < 10**18 else ""),
            )
        )
    elif isinstance(read, str) and scalar.text:
        _refuse_text(run, name, scalar, node, value, read)
    elif type(read) is int and scalar.integer:
        run.report(
            error(
                "GWC211",
                place,
                f"`{name}` takes a whole number from {scalar.minimum} to {scalar.maximum}, "
                f"found `{literal(read, syntax)}`",
                label="too small" if read < (scalar.minimum or 0) else "too large",
                help=f"write a number from {scalar.minimum} to {scalar.maximum}"
                + (", or `off` for no limit" if "off" in scalar.choices else ""),
            )
        )
    elif _is_choice_like(scalar, read):
        _refuse_choice(run, name, scalar, node, value)
    else:
        run.report(
            error(
                "GWC204",
                place,
                f"`{name}` takes {takes(scalar, syntax)}, found {found(read, syntax)}",
                help=_retyped(name, scalar, read, syntax),
            )
        )


def refuse_shape(run: Run, name: str, wanted: str, node: Node, help: str = "") -> None:
    """Report a node that is a block, a list or a value where something else was wanted."""
    run.report(
        error(
            "GWC204",
            run.name_at(node),
            f"`{name}` takes {wanted}, found {found_node(node, run.syntax)}",
            help=help,
        )
    )


def refuse_annotation(run: Run, node: Node, value: Value | None = None) -> None:
    """Report a KDL type annotation, on a value or on the node itself."""
    tag = value.tag if value is not None else node.head.tag
    start = value.start if value is not None else 0
    end = value.end if value is not None else node.head.name_end
    run.report(
        error(
            "GWC215",
            run.at(node, start, end),
            f"the type annotation `({plain(tag or '')})` has no meaning here",
            help="take it away: the key says what its value is",
        )
    )


def refuse_null(run: Run, name: str, node: Node, value: Value | None) -> None:
    """Report a value that is none: `#null`, or nothing behind a colon."""
    if run.syntax == "kdl":
        advice = f"give `{name}` a value, or leave it out"
    else:
        advice = f"write a value behind `{name}:`, or leave the key out; what follows a `#` is a comment"
    if node.head.name == "-":
        advice = "write a value behind the `-`, or take the line away"
    empty = value is None or value.start == value.end
    run.report(
        error(
            "GWC216",
            run.name_at(node) if value is None or empty else run.value_at(node, value),
            f"`{name}` has no value",
            label="" if value is None or empty else f"{literal(None, run.syntax)} is no value here",
            help=advice,
        )
    )


def _retyped(name: str, scalar: Scalar, read: object, syntax: Syntax) -> str:
    """How the value would be written if another type was meant."""
    if isinstance(read, str):
        text = read.removeprefix("#")
        if scalar.flag and text in ("true", "false", "yes", "no", "on", "off"):
            return f"write `{literal(text in ('true', 'yes', 'on'), syntax)}`, without quotes"
        if scalar.integer and _is_number(text):
            return f"write `{int(text)}`, without quotes"
    elif scalar.format == "share" and type(read) in (int, Decimal):
        return f'write it in percent: `"{plain(str(read))}%"`'
    elif scalar.format in _UNITS and type(read) in (int, Decimal) and str(read)[0] in "123456789":
        text = plain(str(read))
        assert isinstance(read, int | Decimal)
        if _UNITS[scalar.format] == "s" and read >= _PERHAPS_MS:
            return f'write it with its unit: `"{text}ms"` or `"{text}s"`'
        return f'write it with its unit: `"{text}{_UNITS[scalar.format]}"`'
    elif scalar.format in _SWITCHED and read is False:
        return 'write `"off"` for no limit'
    elif scalar.text and type(read) in (int, bool, Decimal):
        return f'write it as text: `"{plain(literal(read, "yaml"))}"`'  # type: ignore[arg-type]  # one of these three
    return f"give `{name}` {takes(scalar, syntax)}"


def _is_number(text: str) -> bool:
    """Whether text is a whole number of a usual size."""
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 19


def _is_choice_like(scalar: Scalar, read: object) -> bool:
    """Whether the value is of a choice's type, so that it is a wrong word and not a wrong type."""
    if not scalar.choices or (isinstance(read, str) and scalar.integer and _is_number(read)):
        return False
    return type(read) in {type(choice) for choice in scalar.choices}


def _refuse_choice(run: Run, name: str, scalar: Scalar, node: Node, value: Value) -> None:
    words = [str(choice) for choice in scalar.choices]
    near = meant_value(str(value.value), words) or run.near(str(value.value), words)
    known = f"`{name}` takes {takes(scalar, run.syntax)}"
    if near is None and scalar.integer and str(value.value).lower() in ("4xx", "5xx"):
        known += "; statuses are written one by one, as in `502 503`"
    run.report(
        error(
            "GWC212",
            run.value_at(node, value),
            f"`{plain(str(value.value))}` is not a value of `{name}`",
            help=known if near is None else f"did you mean `{near}`? {known}",
        )
    )


def _refuse_text(run: Run, name: str, scalar: Scalar, node: Node, value: Value, text: str) -> None:
    """Report text that is too short, too long, or not of the format."""
    longest = scalar.max_length
    if len(text) < (scalar.min_length or 0):
        run.report(
            error(
                "GWC213",
                run.value_at(node, value),
                f"`{name}` takes text of at least {counted(scalar.min_length or 0, 'character')}",
                label="empty",
                help=f"write some, or leave `{name}` out",
            )
        )
    elif longest is not None and len(text) > longest:
        run.report(
            error(
                "GWC213",
                run.value_at(node, value),
                f"`{name}` takes text of at most {longest} characters, found {len(text)}",
                help="make it shorter",
            )
        )
    else:
        assert scalar.format is not None
        explain_format(run, name, scalar.format, node, value, text)
