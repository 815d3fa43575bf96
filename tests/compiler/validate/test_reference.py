"""The reference page: as checked in, complete, and with examples that are right."""

from __future__ import annotations

from pathlib import Path

import pytest
from gwc.compiler.reference import Example, examples, reference_markdown
from gwc.compiler.validate.run import Run
from gwc.compiler.validate.shape import language
from gwc.compiler.validate.stage import read_entry

from .reading import document

PAGE = Path(__file__).parents[3] / "docs" / "reference.md"


def test_the_page_is_what_the_schema_gives() -> None:
    """`make docs` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == reference_markdown()


def test_every_key_has_a_place_on_the_page() -> None:
    """Under a heading of its own, or in the list of what a section shares with another."""
    text = reference_markdown()
    sections = {part.split('"', 1)[0]: part for part in text.split('<a id="')[1:]}
    for name, shape in language().objects.items():
        for key in shape.keys:
            assert f"### `{key}`" in sections[name] or f"`{key}`" in sections[name].rsplit("As in", 1)[-1]


def test_every_link_leads_somewhere() -> None:
    """Anchors of the page exist."""
    text = reference_markdown()
    for target in {part.split(")", 1)[0] for part in text.split("](#")[1:]}:
        assert f'<a id="{target}"></a>' in text


EXAMPLES = [example for example in examples() if example.key != "include"]


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"{e.owner}-{e.key}-{n}" for n, e in enumerate(EXAMPLES)])
def test_an_example_is_right_in_both_syntaxes(example: Example) -> None:
    """Both texts are valid where they belong and give the same data."""
    assert example.kdl in reference_markdown()
    assert example.yaml in reference_markdown()
    found = []
    for syntax, text in (("kdl", example.kdl), ("yaml", example.yaml)):
        run = Run(len(language().objects), {}, partial=False)
        tree = document(text, syntax)
        run.file, run.syntax = tree.file, tree.syntax
        data: dict[str, object] = {}
        for node in tree.nodes:
            read_entry(run, language().objects[example.owner], node, data)
        assert run.diagnostics == []
        found.append(data)
    assert found[0] == found[1]
