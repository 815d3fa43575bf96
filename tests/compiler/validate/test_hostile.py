"""Input that nobody meant: large, broken, mutated. Diagnostics come of it and nothing else."""

from __future__ import annotations

import random
import time

import pytest
from gwc.compiler.parse.kdl import parse as parse_kdl
from gwc.compiler.parse.yaml import parse as parse_yaml
from gwc.compiler.source import source_from_text
from gwc.compiler.validate import validate
from gwc.compiler.validate.provenance import leaves

from .test_kdl import WHOLE as KDL
from .test_yaml import WHOLE as YAML

WORDS = [
    "route", "group", "matches", "host", "method", "header", "upstream", "split", "weight", "(u8)",
    '"', "{", "}", "=", "#true", "#null", "1.0", "-", ":", "[", "]", "~", "1e400", "#inf", "\\", " ", "\n",
    ";", "include", "targets", "é", "\u2028", "", "99999999999999999999", "${env:A}", "${x", "/-",
]  # fmt: skip


def mutated(text: str, seed: int) -> str:
    """A text with some pieces cut, doubled, swapped and replaced."""
    choose = random.Random(seed)
    for _ in range(choose.randint(1, 6)):
        start = choose.randrange(len(text) + 1)
        end = min(len(text), start + choose.randint(0, 20))
        match choose.randrange(4):
            case 0:
                text = text[:start] + text[end:]
            case 1:
                text = text[:end] + text[start:end] + text[end:]
            case 2:
                text = text[:start] + choose.choice(WORDS) + text[end:]
            case _:
                other = choose.randrange(len(text) + 1)
                text = text[:start] + text[other : other + 20] + text[end:]
    return text


def judge(text: str, syntax: str) -> None:
    """Read whatever came out, check every span."""
    tree, _ = (parse_kdl if syntax == "kdl" else parse_yaml)(text, "x")
    source = source_from_text(text, "x")
    validated = validate([(tree, node) for node in tree.nodes], {"x": source})
    for found in validated.diagnostics:
        for span in (found.span, *(label.span for label in found.secondary)):
            assert span is not None
            assert span.file == "x"
            assert 0 <= span.start <= span.end <= len(text)
        assert found.headline.isprintable()
        assert not found.headline.endswith(".")
    for pointer, _ in leaves(validated.data):
        span = validated.locate(pointer)
        assert 0 <= span.start <= span.end <= len(text)


@pytest.mark.parametrize("syntax", ["kdl", "yaml"])
def test_mutated_text_gives_diagnostics_and_nothing_else(syntax: str) -> None:
    """No exception, every span inside its file, headlines fit for one line."""
    for seed in range(300):
        judge(mutated(KDL if syntax == "kdl" else YAML, seed), syntax)


@pytest.mark.slow
@pytest.mark.parametrize("syntax", ["kdl", "yaml"])
def test_much_mutated_text(syntax: str) -> None:
    """The same for long."""
    for seed in range(300, 20_000):
        judge(mutated(KDL if syntax == "kdl" else YAML, seed), syntax)


LARGE = [
    # (name, text with a number of pieces, that number)
    ("unknown keys", lambda n: "matcher m { " + " ".join(f"k{i} 1;" for i in range(n)) + " }"),
    ("one key again and again", lambda n: "defaults { " + "priority 1;" * n + " }"),
    ("repeated nodes", lambda n: "matcher m { " + "use a;" * n + " }"),
    ("repeated objects", lambda n: "matcher m { " + "header a;" * n + " }"),
    ("many arguments", lambda n: "matcher m { method " + "GET " * n + " }"),
    ("many arguments in quotes", lambda n: 'matcher m { method "GET" ' + 'A "B" ' * n + " }"),
    ("many arguments too many", lambda n: "defaults { upstream " + "a " * n + " }"),
    ("many properties", lambda n: "matcher m { header a " + "prefix=b " * n + " }"),
    (
        "many unknown properties",
        lambda n: "matcher m { header a " + "".join(f"k{i}=b " for i in range(n)) + " }",
    ),
    ("a long name", lambda n: "matcher " + "a" * n),
    ("a long strange name", lambda n: 'matcher "' + "é" * n + '" { use "' + "$" * n + '" }'),
    ("a long value", lambda n: 'matcher m { header a regex="' + "(a|b)*" * (n // 100) + '" }'),
    (
        "many references",
        lambda n: 'routes { route a { request-headers { set x "' + "${env:A}" * (n // 10) + '" } } }',
    ),
]


@pytest.mark.parametrize(("name", "make"), LARGE, ids=[name for name, _ in LARGE])
def test_large_input_takes_time_in_proportion(name: str, make: object) -> None:
    """Four times as much takes no more than some eight times as long, whatever is wrong with it."""
    assert callable(make)

    def seconds(count: int) -> float:
        tree, _ = parse_kdl(make(count), "x")
        started = time.process_time()
        validate([(tree, node) for node in tree.nodes])
        return time.process_time() - started

    seconds(100)
    small = min(seconds(2_000) for _ in range(2))
    assert min(seconds(8_000) for _ in range(2)) < 8 * small + 0.2


def test_deep_nesting_is_read() -> None:
    """As deep as parsers let through; deeper, they have refused it."""
    depth = 60
    text = "matcher m { " + "not { " * depth + "method GET" + " }" * depth + " }"
    tree, _ = parse_kdl(text, "x")
    validate([(tree, node) for node in tree.nodes])
    text = "matchers: [{matcher: m, not: " + "{not: " * depth + "{method: GET}" + "}" * depth + "}]"
    found, _ = parse_yaml(text, "x")
    validate([(found, node) for node in found.nodes])


def test_numbers_of_any_size_are_told() -> None:
    """No number is too large, too small or too long to be refused in words."""
    for number in ("9" * 3000, "-" + "9" * 3000, "1e999999999", "1e-999999999", "0." + "0" * 3000 + "1"):
        judge(f"defaults {{ priority {number} }}", "kdl")
        judge(f"defaults: {{priority: {number}}}", "yaml")


def test_of_very_many_mistakes_the_first_are_told() -> None:
    """A file that a program wrote wrong does not fill the terminal, nor the memory."""
    text = 'routes { route "r" { upstream "u" } }\n' + "x 1\n" * 20_000
    tree, _ = parse_kdl(text, "x")
    found = validate([(tree, node) for node in tree.nodes]).diagnostics
    assert len(found) == 10_001
    assert [each.code for each in found if each.code != "GWC200"] == ["GWC234"]
