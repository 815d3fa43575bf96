"""The pages about policies: each configuration checks clean, and the first one does what the page shows.

The lines of the `sh` blocks are typed beside a gateway on the first configuration; the `text` blocks are, in
their order, lines that the commands' outputs must have.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from gwc.compiler.pipeline import compile_text

from .session import blocks, session

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("api-schema", "cors", "http2", "rate-limits", "security-headers")
CHANGING = re.compile(r"[0-9a-f]{32}")


def _page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text("utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_configurations_check_clean(name: str) -> None:
    """Each is whole, and has no finding."""
    found = blocks(_page(name), "kdl")
    assert found
    for text in found:
        assert compile_text(text, "kdl").diagnostics == ()


@pytest.mark.parametrize("name", PAGES)
def test_the_page_shows_what_happens(name: str) -> None:
    """Line by line, but for ids."""
    page = _page(name)
    with session() as terminal:
        config = terminal.folder / "page"
        config.mkdir()
        (config / "gwc.kdl").write_text(terminal.here(blocks(page, "kdl")[0]), "utf-8")
        for number, text in enumerate(blocks(page, "json")):
            (config / f"{number}.json").write_text(text, "utf-8")
        server = subprocess.Popen(
            [sys.executable, str(ROOT / "samples" / "upstreams.py"), f"orders={terminal.ports['9103']}"],
            stdout=subprocess.PIPE,
        )
        try:
            assert server.stdout is not None
            assert b"answers" in server.stdout.readline()
            terminal.type("gwc run page")
            for block in blocks(page, "sh"):
                terminal.type(block)
        finally:
            server.kill()
            server.communicate()
        outputs = terminal.output("curl")
        shown = blocks(page, "text")
        assert len(outputs) == len(shown)
        for output, wanted in zip(outputs, shown, strict=True):
            lines = [CHANGING.sub("", line.strip()) for line in output.splitlines()]
            for line in wanted.splitlines():
                assert CHANGING.sub("", terminal.here(line)) in lines, output
