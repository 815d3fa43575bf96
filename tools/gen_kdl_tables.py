"""Make compiler/parse/kdl/tables.py from kdl.lark: `python tools/gen_kdl_tables.py`.

lark works out the LALR(1) automaton; what is written down is that automaton as plain Python, so that gwc
starts without importing lark. `tests/compiler/kdl/test_tables.py` holds that the file is up to date.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lark import Lark, Token
from lark.lexer import Lexer

PACKAGE = Path(__file__).parents[1] / "compiler" / "parse" / "kdl"


class NoLexer(Lexer):
    """lark wants a lexer; only its parser's tables are wanted here."""

    def __init__(self, lexer_conf: object) -> None:
        pass

    def lex(self, lexer_state: object, parser_state: object) -> Iterator[Token]:
        """No text is read."""
        return iter(())


def automaton(grammar: str) -> dict[str, Any]:
    """lark's own tables of the grammar, as `Lark.save` writes them."""
    file = io.BytesIO()
    Lark(grammar, parser="lalr", lexer=NoLexer).save(file)
    saved: dict[str, Any] = pickle.loads(file.getvalue())
    return saved


def source(grammar: str) -> str:
    """The text of tables.py. States are numbered in order of being reached, so that it is always the same."""
    saved = automaton(grammar)
    table = saved["data"]["parser"]["parser"]
    names: dict[int, str] = table["tokens"]
    (start,) = table["start_states"].values()
    (end,) = table["end_states"].values()
    rules = sorted(saved["memo"].items())
    rule_numbers = {key: number for number, (key, _) in enumerate(rules)}

    rows = {
        state: {names[symbol]: action for symbol, action in row.items()}
        for state, row in table["states"].items()
    }
    numbers = {start: 0}
    order = [start]
    for state in order:
        for _, (kind, target) in sorted(rows[state].items()):
            if kind == 0 and target not in numbers:
                numbers[target] = len(numbers)
                order.append(target)

    def action(kind: int, target: Any) -> int:
        return numbers[target] if kind == 0 else -1 - rule_numbers[target["@"]]

    lines = [
        '"""The parser\'s automaton. Generated from kdl.lark by tools/gen_kdl_tables.py: do not edit.',
        "",
        "`ACTIONS[state][symbol]`: a number from 0 on is the state to go to, a terminal being shifted;",
        "below 0 the rule `-1 - number` is reduced. `RULES`: how many symbols a rule takes, what they",
        "become, who reduces them.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        f"START = {numbers[start]}",
        f"END = {numbers[end]}",
        "RULES: tuple[tuple[int, str, str], ...] = (",
    ]
    for _, rule in rules:
        name = rule["alias"] or rule["origin"]["name"]
        lines.append(f'    ({len(rule["expansion"])}, "{rule["origin"]["name"]}", "{name}"),')
    lines += [")", "ACTIONS: tuple[dict[str, int], ...] = ("]
    for state in order:
        row = [f'        "{symbol}": {action(*act)},' for symbol, act in sorted(rows[state].items())]
        lines += ["    {", *row, "    },"] if row else ["    {},"]
    lines.append(")")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the module."""
    text = source((PACKAGE / "kdl.lark").read_text(encoding="utf-8"))
    (PACKAGE / "tables.py").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
