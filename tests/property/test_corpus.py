"""Found failures, replayed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml as pyyaml
from gwc.schema.normalise.sample import sample_of

from .build import ask
from .oracle import Verdict, decide
from .subject import answer, compiled, table_for
from .test_mutated import sound

CORPUS = Path(__file__).parents[1] / "corpus"


@pytest.mark.parametrize("path", sorted((CORPUS / "text").iterdir()), ids=lambda path: path.name)
def test_text(path: Path) -> None:
    """Diagnostics and nothing else, every one inside its file."""
    text = path.read_text("utf-8")
    sound(compiled(text, "yaml" if path.suffix == ".yaml" else "kdl"))


@pytest.mark.parametrize("path", sorted((CORPUS / "requests").iterdir()), ids=lambda path: path.name)
def test_requests(path: Path) -> None:
    """The oracle and the table give the answer that was found to be right."""
    case: dict[str, Any] = pyyaml.safe_load(path.read_text("utf-8"))
    table = table_for(case["config"])
    for request in case["requests"]:
        words = {key: value for key, value in request.items() if key != "route"}
        words["headers"] = tuple(map(tuple, words.get("headers", ())))
        asked = ask(words.pop("target"), **words)
        verdict = decide(case["config"], asked.raw, asked.address, sample_of=sample_of)
        assert isinstance(verdict, Verdict)
        got, winner = answer(table, asked), verdict.winner
        if request["route"] is None:
            assert winner is None
            assert got.status == 404
            continue
        assert winner is not None
        numbered = "#" in request["route"]
        assert request["route"] == (f"{winner.route}#{winner.match}" if numbered else winner.route)
        assert request["route"] == (f"{got.route}#{got.match}" if numbered else got.route)
