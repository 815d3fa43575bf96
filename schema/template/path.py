"""Path templates: `/users/{id}/files/{rest...}`.

Owns their spelling, what they match, and how many literal bytes they have. Must not know how they are ranked
or indexed: the matcher has its own way to match many at once, and `PathTemplate.match` says what that means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ..values.refusal import ValueRefusal, quoted

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_PARAMETERS: Final = re.compile(r"\{[^{}]*\}")
_NEAR_NAME: Final = re.compile(r"(\**)([A-Za-z_][A-Za-z0-9_-]*)?(.*)", re.DOTALL)
_NEAR_REST: Final = re.compile(r"[*+]|\*\*|=\*\*|:path|:\.\*|\.{2,5}|\u2026")

_MAX_NAME: Final = 64
_REST: Final = "..."


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a path template: one whole segment, or with `rest` all that is left."""

    name: str
    rest: bool = False


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """A path template, taken apart at its slashes: literal segments and parameters, a rest only last."""

    segments: tuple[str | Parameter, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, in order."""
        return tuple(segment.name for segment in self.segments if isinstance(segment, Parameter))

    @property
    def has_rest(self) -> bool:
        """Whether the last parameter takes all that is left."""
        last = self.segments[-1]
        return isinstance(last, Parameter) and last.rest

    def match(self, path: str) -> dict[str, str] | None:
        """The parameters' values in a normalised path, None where it does not match.

        `{x}` is one whole segment, never empty. `{x...}` is what follows the slash, and empty where nothing
        does: `/files/{rest...}` matches `/files` and `/files/` too. Everything else is equal byte for byte.
        """
        given = path.split("/")
        if given[0] or len(given) < 2:
            return None
        segments = self.segments
        captures: dict[str, str] = {}
        for index, segment in enumerate(segments, 1):
            if isinstance(segment, Parameter):
                if segment.rest:
                    captures[segment.name] = "/".join(given[index:])
                    return captures
                if index >= len(given) or not given[index]:
                    return None
                captures[segment.name] = given[index]
            elif index >= len(given) or given[index] != segment:
                return None
        return captures if len(given) == len(segments) + 1 else None


# A memo: pure and bounded. Templates come again for each alternative and each question about one.
@lru_cache(maxsize=16384)
def parse_template(text: str) -> PathTemplate | ValueRefusal:
    """A path template such as `/users/{id}/files/{rest...}`.

    It begins with `/`. A parameter is a whole segment; its name is letters, digits, `_` and `-`, begins with
    no digit or `-`, and stands once. `{x...}` stands last. Braces have no other use.
    """
    if not text.startswith("/"):
        advice = f"write {quoted('/' + text)}" if text and len(text) < 50 else "write `/` first"
        return ValueRefusal(0, min(1, len(text)), "a path template does not begin with `/`", advice)
    segments: list[str | Parameter] = []
    names: set[str] = set()
    offset = 1
    written = text[1:].split("/")
    for index, piece in enumerate(written):
        if "{" not in piece and "}" not in piece:
            segments.append(piece)
            offset += len(piece) + 1
            continue
        refusal = _refuse_braces(piece, offset)
        if refusal is not None:
            return refusal
        inner = piece[1:-1]
        rest = inner.endswith(_REST)
        name = inner.removesuffix(_REST)
        refusal = _refuse_name(name, inner, offset)
        if refusal is not None:
            return refusal
        if rest and index + 1 < len(written):
            return ValueRefusal(
                offset,
                len(piece),
                f"{quoted(piece)} takes the rest of the path, and something follows it",
                f"put it last, or write `{{{name}}}` for one segment",
            )
        if name in names:
            return ValueRefusal(
                offset,
                len(piece),
                f"two parameters have the name {quoted(name)}",
                "give each its own name",
            )
        names.add(name)
        segments.append(Parameter(name, rest))
        offset += len(piece) + 1
    return PathTemplate(tuple(segments))


def match_template(text: str, path: str) -> dict[str, str] | None:
    """The captures of the template that `text` writes, None where the path does not match it."""
    template = parse_template(text)
    assert isinstance(template, PathTemplate), f"not a path template: {text!r}"
    return template.match(path)


def literal_bytes(text: str) -> int:
    """How many bytes of a template are literal: all but its parameters and the slash before a rest."""
    bare = text[: text.rfind("/")] if text.endswith("...}") else text
    return len(_PARAMETERS.sub("", bare) if "{" in bare else bare)


def _refuse_braces(piece: str, offset: int) -> ValueRefusal | None:
    """What keeps a segment with braces from being a parameter."""
    opening, closing = piece.find("{"), piece.find("}")
    if closing < 0 or closing < opening or opening < 0:
        at = opening if closing < 0 else closing
        what = "never closed" if closing < 0 else "never opened"
        return ValueRefusal(
            offset + at,
            1,
            f"this `{piece[at]}` is {what}",
            "a parameter is a whole segment in braces, such as `{id}`",
        )
    if "{" in piece[opening + 1 : closing]:
        return ValueRefusal(
            offset, len(piece), f"{quoted(piece)} has braces in braces", "write one pair, such as `{id}`"
        )
    if opening or closing != len(piece) - 1:
        inner = piece[opening + 1 : closing]
        return ValueRefusal(
            offset,
            len(piece),
            f"{quoted(piece)} is a parameter and something else in one segment",
            f"write {quoted('{' + inner + '}')} as a segment of its own, or use `path-regex`",
        )
    return None


def _refuse_name(name: str, inner: str, offset: int) -> ValueRefusal | None:
    """What keeps the inside of a pair of braces from naming a parameter."""
    if _NAME.fullmatch(name) and len(name) <= _MAX_NAME:
        return None
    length = len(inner) + 2
    if inner in ("", _REST):
        return ValueRefusal(offset, length, "a parameter has no name", f"write `{{name{inner}}}`")
    if len(name) > _MAX_NAME:
        return ValueRefusal(
            offset,
            length,
            f"the name of a parameter is {len(name)} characters long",
            f"{_MAX_NAME} are allowed",
        )
    found = _NEAR_NAME.fullmatch(name)
    star, meant, rest = found.groups() if found else ("", "", "")
    if not meant:
        advice = "a name is letters, digits, `_` and `-`, and begins with a letter or `_`"
    elif star or _NEAR_REST.fullmatch(rest):
        advice = f"write `{{{meant}...}}` for the rest of the path"
    elif rest == "?":
        advice = "write two templates, one with it and one without"
    elif rest[0] in ":=<":
        advice = f"write `{{{meant}}}`; conditions on what it holds take `path-regex`"
    else:
        advice = "a name is letters, digits, `_` and `-`, and begins with a letter or `_`"
    return ValueRefusal(offset, length, f"{quoted(name)} is not the name of a parameter", advice)
