"""Compare all ways to read KDL on mutated documents: `kdl_differential.py --documents N [--seed S]`.

For every document the fast path and the fine path give the same tree, places and diagnostics; the oracle
(tests/compiler/kdl/plain.lark) accepts what they accept, with the same data; every span lies inside the
text; what is accepted can be laid out without loss, and again without change. Seeds are the documents below
and, where it lies at hand (GWC_KDL_SUITE, or ../shared/kdl-suite), the official test suite.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from gwc.compiler.format.kdl import check_format, format_kdl
from gwc.compiler.parse.document import Node
from gwc.compiler.parse.kdl import parse, parse_version
from gwc.compiler.parse.kdl.lexer import Lexer
from gwc.compiler.parse.kdl.parser import parse_tokens
from gwc.compiler.parse.kdl.printer import print_document
from gwc.compiler.parse.kdl.recovery import recover
from gwc.compiler.parse.kdl.tokens import Findings
from gwc.schema.diagnostic import Diagnostic, Severity

ROOT = Path(__file__).parents[2]

SEEDS = (
    'routes {\n    route "a" {\n        matches {\n            host "api.example.com"\n'
    '            path-prefix "/v1" // the old one\n        }\n        upstream "u" weight=3\n    }\n}\n',
    "a { b; c 1 2.5 key=value; d }\ne\n",
    'name "text" #true #null 12 -0x1F key="v" other=#false\r\nnext\r\n',
    '(tag)name (u8)12 key=(t)"v" {\n    child\n}\n',
    "one \\ // on it goes\n    two /* inside */ three\n\n/* before */ four; five\n",
    "/-gone 1 2 {\n  x\n}\nkept /-1 2 /-k=3 /-{\n  y\n} {\n  z\n} /-{ }\n",
    'multi """\n    first\n      second \\n\n\n    """\nraw #"C:\\path "quoted""# ##"#"##\n',
    'raw #"""\n  a "b"\n  """#\nspaced key = "v" ( t ) u\n',
    "/* /* nested */ deep */ a\n// last line",
    "\ufeffπ ключ=значение \u00a0 x\u2028y\u0085z\n",
    '"quoted name" "a\\tb\\u{1F600}" "x\\   y" "" {}\n',
    "- + -- .a -a +.b ~ a,b <c> 1_000 1e5 1.5E-3 0b11 0o17\n",
    "/- kdl-version 2\nnode #inf #-inf #nan\n",
    "a {\n}\nb {\n\n\n}\n}\nc\n",
    "a 1;b 2;\tc\t3 ; d {e}\n",
)

PIECES = (
    '"""\n', "/*", "*/", "/* /* */ */", "{", "}", "\n", " ", "\\\n", "/-", "//", ";", "route x\n", '"',
    "a=1 ", "(t)", "\n}\n", "x {\n",
    '#"', '"#', "=", "#true", "true", "-1", ".5", "-", "+.", "0x1f", "\r\n", "\t",
    "\u00a0", "\\", "é", '"a b"', " // c\n", "\u2028", "1e5", "\\u{41}", "foo", "()", "#nan", '"""', '#"""\n',
    '"""#', "r", "[", "]", ",", "\x00", "\ufeff", "\x0b", "\\s", '"a\\/b"', "path/x", "30s", "\\  ",
)  # fmt: skip


def load(path: Path) -> ModuleType:
    """A Python file that is in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def suite_folder(version: int) -> Path | None:
    """Where the official suite of that version lies, if it does."""
    given = os.environ.get("GWC_KDL_SUITE")
    folder = (Path(given) if given else ROOT.parent / "shared" / "kdl-suite") / f"v{version}"
    return folder if folder.is_dir() else None


def corpus() -> tuple[str, ...]:
    """The documents to begin with."""
    found = list(SEEDS)
    for version in (1, 2):
        folder = suite_folder(version)
        if folder is not None:
            found += [
                path.read_bytes().decode("utf-8", "replace") for path in sorted(folder.glob("input/*.kdl"))
            ]
    return tuple(found)


def documents(seed: int, seeds: tuple[str, ...]) -> Iterator[str]:
    """Seeds put together and damaged, without end; the same for the same arguments."""
    chance = random.Random(seed)
    while True:
        text = chance.choice(seeds)
        if chance.random() < 0.4:
            text += chance.choice(("", "\n", " ", ";")) + chance.choice(seeds)
        for _ in range(chance.randint(0, 4)):
            at = chance.randrange(len(text) + 1)
            kind = chance.random()
            if kind < 0.6:
                text = text[:at] + chance.choice(PIECES) + text[at:]
            elif kind < 0.85:
                text = text[:at] + text[at + chance.randint(1, 4) :]
            else:
                start = chance.randrange(len(text) + 1)
                text = text[:at] + text[start : start + chance.randint(1, 20)] + text[at:]
        yield text


class Comparison:
    """The readers side by side. Mutable: the counts."""

    def __init__(self) -> None:
        self.oracle = load(ROOT / "tests" / "compiler" / "kdl" / "plain_kdl.py")
        self.accepted = 0
        self.compared = 0

    def problem(self, text: str) -> str | None:
        """What is wrong with how this document is read; None if nothing is."""
        fast, fast_findings = _read(text, by_line=True)
        fine, fine_findings = _read(text, by_line=False)
        if fast_findings != fine_findings:
            return f"fast path finds {fast_findings}, fine path {fine_findings}"
        if fast != fine:
            return f"fast path reads {fast}, fine path {fine}"
        if text.count("/*") <= self.oracle.NESTING and [d.code for d in fast_findings] != ["GWC108"]:
            self.compared += 1
            plain = self.oracle.parse_plain(text)
            ours = None if fast_findings else print_document(fast)
            theirs = None if plain is None else print_document(plain)
            if ours != theirs:
                return f"read as {ours!r}, by the grammar {theirs!r}; {fast_findings}"
        self.accepted += not fast_findings
        return _outside(text, fast_findings) or _unusable(text)


def _read(text: str, *, by_line: bool) -> tuple[list[Node], tuple[Diagnostic, ...]]:
    findings = Findings("f")
    nodes = parse_tokens(Lexer(text, findings, by_line=by_line).tokens())
    if nodes is None or findings:
        findings = Findings("f")
        nodes = recover(text, Lexer(text, findings, by_line=by_line), findings)
        if not findings:
            raise AssertionError(f"rejected without a word: {text!r}")
    return nodes, findings.sorted()


def _outside(text: str, findings: tuple[Diagnostic, ...]) -> str | None:
    """A span that is empty or not inside the text."""
    _, first = parse_version(text, "f", 1)
    for finding in (*findings, *first):
        spans = [finding.span, *(label.span for label in finding.secondary)]
        for span in spans:
            if span is None or not 0 <= span.start < span.end <= len(text):
                return f"{finding} lies outside"
    return None


def _unusable(text: str) -> str | None:
    """What goes wrong when an accepted document is laid out."""
    _, findings = parse(text, "f")
    if any(finding.severity is Severity.ERROR for finding in findings):
        return None
    once = format_kdl(text)
    reason = check_format(text, once)
    if reason is not None:
        return f"laid out as {once!r}: {reason}"
    again = format_kdl(once)
    return None if again == once else f"laid out as {once!r}, then as {again!r}"


def main() -> int:
    """Run so many documents; exit status 1 if one is read in two ways."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--documents", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=0)
    chosen = arguments.parse_args()
    comparison = Comparison()
    seeds = corpus()
    problems = 0
    start = time.monotonic()
    for number, text in enumerate(documents(chosen.seed, seeds)):
        if number == chosen.documents:
            break
        try:
            problem = comparison.problem(text)
        except Exception as reason:
            problem = f"raised {reason!r}"
        if problem is not None:
            problems += 1
            if problems <= 20:
                print(f"{text!r}\n    {problem}")
    print(
        f"{chosen.documents} documents of {len(seeds)} seeds, {comparison.accepted} accepted, "
        f"{comparison.compared} compared with the oracle, {problems} problems, "
        f"{time.monotonic() - start:.0f} s"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
