"""Configuration text that somebody's hand slipped in.

Owns the slips: characters, words, lines and braces lost, doubled, swapped or put in. A text and a number give
the same slips on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from random import Random

from .rows import ROWS
from .spelling import kdl, yaml

LONGEST = 20_000  # characters: longer samples would only make it slow
SAMPLES = Path(__file__).parents[2] / "samples"

ODD = (
    *(
        '"',
        "'",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "=",
        ";",
        "#",
        "\\",
        "/",
        "//",
        "/*",
        "*/",
        "/-",
        "#true",
        "#null",
    ),
    *(
        '"""',
        '#"',
        '"#',
        ":",
        "- ",
        "-",
        "&a",
        "*a",
        "!!str",
        "<<: ",
        "|",
        ">",
        "%",
        "@",
        "`",
        "?",
        ",",
        "~",
        "$${",
    ),
    *(
        "${env:A}",
        "${",
        "}",
        "\t",
        "\r",
        "\n",
        "\n\n",
        " ",
        "\x00",
        "\x1b",
        "\x7f",
        "\x85",
        "\ufeff",
        "\u2028",
    ),
    *(
        "\u202e",
        "\u00a0",
        "é",
        "日本",
        "\U0001f600",
        "\ud800",
        "0",
        "-1",
        "9" * 40,
        "1e400",
        "0x1F",
        "#inf",
        "true",
    ),
    *(
        "no",
        "null",
        "(u8)",
        "include",
        "routes",
        "route",
        "matches",
        "not",
        "use",
        "group",
        "defaults",
        "{x...}",
    ),
    *(
        "{x}",
        "(?P<",
        "[a-",
        "a{1001}",
        "(a*)*",
        "*.",
        "%2F",
        "..",
        "//x",
        "10%",
        "1000%",
        "::1",
        "1.2.3.4/33",
    ),
)
WORD = re.compile(r"[^\s{}();=\"':,\[\]]+")
TOKEN = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|[^\s{}();=\"':,\[\]]+|[{}();=:,\[\]]")


def mutated(text: str, number: int) -> str:
    """The text with one to four slips."""
    chance = Random(number)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        text = chance.choice(SLIPS)(text, chance)
    return text


def place(text: str, chance: Random) -> int:
    """Somewhere in the text."""
    return chance.randrange(len(text) + 1)


def drop_span(text: str, chance: Random) -> str:
    """A stretch lost."""
    at = place(text, chance)
    return text[:at] + text[at + chance.choice((1, 1, 1, 2, 5, 40)) :]


def put_in(text: str, chance: Random) -> str:
    """Something odd put in."""
    at = place(text, chance)
    return text[:at] + chance.choice(ODD) * chance.choice((1, 1, 1, 2, 80)) + text[at:]


def double_span(text: str, chance: Random) -> str:
    """A stretch pasted somewhere else."""
    at = place(text, chance)
    piece = text[at : at + chance.choice((1, 5, 30, 200))]
    to = place(text, chance)
    return text[:to] + piece + text[to:]


def lines(text: str, chance: Random) -> str:
    """Lines lost, doubled, swapped, joined or shifted."""
    all_lines = text.split("\n")
    at = chance.randrange(len(all_lines))
    form = chance.randrange(6)
    if form == 0:
        del all_lines[at]
    elif form == 1:
        all_lines.insert(at, all_lines[at])
    elif form == 2:
        other = chance.randrange(len(all_lines))
        all_lines[at], all_lines[other] = all_lines[other], all_lines[at]
    elif form == 3:
        all_lines[at : at + 2] = [" ".join(all_lines[at : at + 2])]
    elif form == 4:
        all_lines[at] = " " * chance.choice((1, 2, 3, 8)) + all_lines[at]
    else:
        all_lines[at] = all_lines[at].lstrip()
    return "\n".join(all_lines)


def other_token(text: str, chance: Random) -> str:
    """A word or mark replaced by another one of the text, or something odd."""
    tokens = list(TOKEN.finditer(text))
    if not tokens:
        return text
    old = chance.choice(tokens)
    new = chance.choice(ODD) if chance.randrange(3) == 0 else chance.choice(tokens)[0]
    return text[: old.start()] + new + text[old.end() :]


def no_token(text: str, chance: Random) -> str:
    """A word or mark lost."""
    tokens = list(TOKEN.finditer(text))
    if not tokens:
        return text
    old = chance.choice(tokens)
    return text[: old.start()] + text[old.end() :]


def misspell(text: str, chance: Random) -> str:
    """Two letters of a word the wrong way round, one lost, one doubled, one in the other case."""
    words = [word for word in WORD.finditer(text) if len(word[0]) > 2]
    if not words:
        return text
    word = chance.choice(words)
    at = chance.randrange(len(word[0]) - 1)
    old = word[0]
    new = (
        old[:at] + old[at + 1] + old[at] + old[at + 2 :],
        old[:at] + old[at + 1 :],
        old[:at] + old[at] + old[at:],
        old[:at] + old[at].swapcase() + old[at + 1 :],
    )[chance.randrange(4)]
    return text[: word.start()] + new + text[word.end() :]


def cut_off(text: str, chance: Random) -> str:
    """The end lost."""
    return text[: place(text, chance)]


def nest(text: str, chance: Random) -> str:
    """Very many levels."""
    at = place(text, chance)
    return (
        text[:at]
        + chance.choice(("a {", "[", "- ", "(", '"', "not {\n")) * chance.choice((60, 70, 3000))
        + text[at:]
    )


SLIPS: tuple[Callable[[str, Random], str], ...] = (
    *(drop_span, put_in, put_in, double_span, lines, lines, lines, other_token, other_token, no_token),
    *(misspell, misspell, cut_off, nest),
)


# The one cache: some hundred texts, the same for every sample.
@lru_cache(maxsize=1)
def seeds() -> tuple[tuple[str, str], ...]:
    """Texts to begin with, each with its syntax: the samples and the hand-written rows."""
    found = [("kdl", path.read_text("utf-8")) for path in sorted(SAMPLES.rglob("*.kdl"))]
    found += [("yaml", path.read_text("utf-8")) for path in sorted(SAMPLES.rglob("gwc.yaml"))]
    found = [(syntax, text) for syntax, text in found if len(text) < LONGEST]
    for number, row in enumerate(ROWS[::7]):
        found += [("kdl", kdl(row.config, number)), ("yaml", yaml(row.config, number))]
    return tuple(found)


def sample(number: int) -> tuple[str, str]:
    """The mutated text of a number, with its syntax."""
    syntax, text = seeds()[number % len(seeds())]
    return syntax, mutated(text, number)
