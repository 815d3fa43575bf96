"""The pages of the diagnostic codes."""

from __future__ import annotations

import pytest
from gwc.compiler.diagnostics.catalogue import ExampleFile, codes, nearest_code, page, parse_page
from gwc.schema.diagnostic import Severity

PAGE = """# GWC101: a string is never closed
error

What it means.

## Example

```kdl
include "a.kdl"
```

```kdl file=a.kdl
## Instead
x "
```

## Instead

Prose.
"""


def test_a_page_is_taken_apart() -> None:
    """Title, severity, text and the files of the examples are what the page says."""
    found = parse_page(PAGE)
    assert (found.code, found.title, found.severity) == ("GWC101", "a string is never closed", Severity.ERROR)
    assert found.body.startswith("What it means.\n\n## Example")
    assert found.text == PAGE
    assert found.example == (
        ExampleFile("gwc.kdl", 'include "a.kdl"\n'),
        ExampleFile("a.kdl", '## Instead\nx "\n'),
    )
    assert found.instead == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# GWC101:", "# 101:"),
        ("\nerror\n", "\nfatal\n"),
        ("What it means.", ""),
        ("## Example\n", ""),
        ("Prose.", ""),
        ("```kdl file=a.kdl", "```toml"),
        ('x "\n```', 'x "\n'),
    ],
)
def test_a_page_of_another_form_is_refused(old: str, new: str) -> None:
    """Each part of the form is held."""
    with pytest.raises(ValueError):
        parse_page(PAGE.replace(old, new, 1))


def test_every_page_has_the_form() -> None:
    """Every page that ships can be read, and is the page of the code that names its file."""
    for code in codes():
        found = page(code)
        assert found is not None
        assert found.code == code
        assert (
            found.title[0].islower() or found.title[0] in "`'0123456789" or found.title.split()[0].isupper()
        )
        assert not found.title.endswith(".")


def test_a_code_without_a_page_has_none() -> None:
    """Nothing but a code is ever looked for on disk."""
    for word in ("GWC000", "", "gwc401", "../pages/GWC401", "GWC401\n", "GWC401.md", "GWC\u0664\u0660\u0661"):
        assert page(word) is None


@pytest.mark.parametrize("asked", ["gwc490", "490", "[GWC490]", " `gwc490` ", "GWC-490", "GCW490"])
def test_a_code_is_found_however_it_is_written(asked: str) -> None:
    """Somebody who copies a code in another form is told the right one."""
    assert nearest_code(asked) == "GWC490"


def test_what_is_like_no_code_has_no_nearest() -> None:
    """A word that is no code is not taken for one."""
    assert nearest_code("routes") is None
    assert nearest_code("") is None
