"""The pages of this stage's codes: what they show is found, what they advise is accepted."""

from __future__ import annotations

import pytest
from gwc.compiler.diagnostics.catalogue import ExampleFile, codes, page

from .reading import codes as found_in
from .reading import read

HERE = [code for code in codes() if "GWC200" <= code < "GWC234"]


def validated(files: tuple[ExampleFile, ...]) -> list[str]:
    """The codes of the main file of an example."""
    (main,) = files
    return found_in(read(main.text, "yaml" if main.name.endswith(("yaml", "yml")) else "kdl"))


@pytest.mark.parametrize("code", HERE)
def test_the_example_of_a_page_has_its_code_alone(code: str) -> None:
    """One page, one mistake."""
    found = page(code)
    assert found is not None
    assert validated(tuple(found.example)) == [code]


@pytest.mark.parametrize("code", HERE)
def test_what_to_write_instead_has_no_mistake(code: str) -> None:
    """The advice can be followed."""
    found = page(code)
    assert found is not None
    assert validated(tuple(found.instead)) == []
