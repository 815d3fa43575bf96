"""The generated automaton: up to date with its grammar, and enough to parse without lark."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .test_suite import load

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "compiler" / "parse" / "kdl"


def test_the_tables_are_those_of_the_grammar() -> None:
    """Whoever changes kdl.lark runs tools/gen_kdl_tables.py."""
    generator = load(ROOT / "tools" / "gen_kdl_tables.py")
    grammar = (PACKAGE / "kdl.lark").read_text(encoding="utf-8")
    assert generator.source(grammar) == (PACKAGE / "tables.py").read_text(encoding="utf-8")


def test_parsing_imports_no_heavy_module() -> None:
    """gwc starts fast: neither good nor bad KDL needs lark, yaml or a schema library."""
    program = """
import sys
from gwc.compiler.parse.kdl import parse
parse("a { b }", "f")
parse("a { b", "f")
print(sorted({"lark", "yaml", "jsonschema", "re2", "orjson", "rich"} & sys.modules.keys()))
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
