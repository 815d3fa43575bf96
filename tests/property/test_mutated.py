"""Text with slips in it gives diagnostics and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from gwc.compiler.diagnostics.catalogue import codes
from gwc.compiler.diagnostics.render.github import render_github
from gwc.compiler.diagnostics.render.json_ import render_json
from gwc.compiler.diagnostics.render.text import render_text
from gwc.compiler.pipeline import CompileResult, compile_path
from gwc.schema.diagnostic import Severity, in_order
from gwc.schema.span import Span
from hypothesis import given
from hypothesis import strategies as st

from .dressing import dressed_configs
from .mutating import mutated, sample
from .spelling import kdl, yaml
from .subject import Syntax, compiled, through_bytes


def sound(result: CompileResult) -> None:
    """A table or errors; every finding has a page, a place inside its file, and a way to print it."""
    known = set(codes())
    for finding in result.diagnostics:
        assert finding.code in known, finding
        assert finding.headline
        assert "\n" not in finding.headline
        for span in (finding.span, *(label.span for label in finding.secondary)):
            if span is not None:
                inside(span, result)
    assert list(in_order(result.diagnostics)) == list(result.diagnostics)
    errors = [each for each in result.diagnostics if each.severity is Severity.ERROR]
    assert (result.table is None) == bool(errors)
    render_text(result.diagnostics, result.sources, colour=False, width=80)
    render_json(result.diagnostics, result.sources)
    render_github(result.diagnostics, result.sources)
    if result.table is not None:
        assert through_bytes(result.table) == result.table


def inside(span: Span, result: CompileResult) -> None:
    """The span lies in a file that was read."""
    assert span.file in result.sources, span
    assert 0 <= span.start <= span.end <= len(result.sources[span.file].text), span


@pytest.mark.parametrize("hundred", range(20))
def test_samples(hundred: int) -> None:
    """Some mutated samples."""
    for number in range(hundred * 100, hundred * 100 + 100):
        syntax, text = sample(number)
        sound(compiled(text, cast(Syntax, syntax)))


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(20, 100))
def test_more_samples(hundred: int) -> None:
    """Ten thousand mutated samples in all."""
    test_samples(hundred)


@given(dressed_configs(), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.booleans())
def test_mutated_configurations(config: dict[str, object], style: int, number: int, as_kdl: bool) -> None:
    """Mutated text of configurations that use everything."""
    text = kdl(config, style) if as_kdl else yaml(config, style)
    sound(compiled(mutated(text, number), "kdl" if as_kdl else "yaml"))


@given(st.integers(0, 2**32 - 1), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=4))
def test_mutated_bytes(
    tmp_path_factory: pytest.TempPathFactory, number: int, flips: list[tuple[float, int]]
) -> None:
    """Files whose bytes are no text any more."""
    syntax, text = sample(number)
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    for where, byte in flips:
        data[int(where * len(data)) : int(where * len(data)) + 1] = bytes([byte])
    path = Path(tmp_path_factory.getbasetemp()) / f"gwc.{syntax}"
    path.write_bytes(data)
    sound(compile_path(path))
