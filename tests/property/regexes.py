"""Hypothesis strategies for regular expressions of the dialect, over the alphabet of paths and hosts.

Owns the expressions: literals, classes, groups, alternatives and repeats in every arrangement, never a repeat
of what can be empty.
"""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st


class Expression(NamedTuple):
    """A regular expression; `binds` says whether a repeat may be written behind it as it is."""

    text: str
    can_be_empty: bool
    binds: bool


ATOMS = (
    "a",
    "b",
    "/",
    "/a",
    "ab",
    "1",
    "\\.",
    ".",
    "[ab]",
    "[^a/]",
    "[a-b1]",
    "\\d",
    "\\w",
    "[a]",
    "\\/",
    "-",
)
QUANTIFIERS = ("*", "+", "?", "{2}", "{1,2}", "{0,1}", "{1,}", "*?", "+?", "??", "{0,2}?")


def atom(text: str) -> Expression:
    """A literal or class; a repeat binds to its last character only, which is why longer ones do not bind."""
    single = len(text) == 1 or text.startswith(("[", "\\"))
    return Expression(text, can_be_empty=False, binds=single)


def sequence(parts: list[Expression]) -> Expression:
    """One after the other."""
    text = "".join(f"(?:{part.text})" if "|" in part.text and not part.binds else part.text for part in parts)
    return Expression(text, all(part.can_be_empty for part in parts), len(parts) == 1 and parts[0].binds)


def choice(parts: list[Expression]) -> Expression:
    """One of several."""
    return Expression("|".join(part.text for part in parts), any(part.can_be_empty for part in parts), False)


def group(part: Expression, form: str) -> Expression:
    """In parentheses."""
    return Expression(f"({form}{part.text})", part.can_be_empty, True)


def repeated(part: Expression, quantifier: str) -> Expression:
    """Repeated, unless it can be empty; what is repeated already stands in a group."""
    if part.can_be_empty:
        return part
    inner = part if part.binds and part.text[-1] not in "*+?}" else group(part, "?:")
    may_be_none = quantifier.startswith(("*", "?", "{0"))
    return Expression(inner.text + quantifier, may_be_none, False)


def extended(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    """One level more."""
    return st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(sequence),
        st.lists(inner, min_size=2, max_size=3).map(choice).map(lambda each: group(each, "?:")),
        st.builds(group, inner, st.sampled_from(("", "?:"))),
        st.builds(repeated, inner, st.sampled_from(QUANTIFIERS)),
    )


expressions = st.recursive(st.sampled_from(ATOMS).map(atom), extended, max_leaves=8)


@st.composite
def path_regexes(draw: st.DrawFn) -> str:
    """An expression on a path, with up to one named group, sometimes anchored or without case."""
    body = draw(expressions).text
    named = draw(st.sampled_from(("", "", f"(?P<n>{body})", "(?P<n>[ab/]+)")))
    tail = draw(st.sampled_from(("", "", "/.*", "(?:/[^/]+)*")))
    text = draw(st.sampled_from(("/", "/", "/a", "(?:/a|/b)", ""))) + (named or f"(?:{body})") + tail
    before = draw(st.sampled_from(("", "", "", "(?i)", "^")))
    return before + text + draw(st.sampled_from(("", "", "", "$")))
