"""One configuration, one table: in either syntax, laid out anew, converted, as bytes and back."""

from __future__ import annotations

from gwc.compiler.format.emit_kdl import to_kdl
from gwc.compiler.format.emit_yaml import to_yaml
from gwc.compiler.format.kdl import check_format, format_kdl
from gwc.schema.artifact import digest, dump
from gwc.schema.table import RouteTable
from hypothesis import given
from hypothesis import strategies as st

from .dressing import dressed_configs
from .reading import Config
from .rows import ROWS
from .spelling import kdl, yaml
from .subject import compiled, table_for, table_of, through_bytes

styles = st.integers(0, 2**32 - 1)


def same(left: RouteTable, right: RouteTable) -> bool:
    """The bodies are equal, value by value and byte for byte."""
    return left == right and digest(left) == digest(right)


@given(dressed_configs(), styles, styles)
def test_both_syntaxes(config: Config, kdl_style: int, yaml_style: int) -> None:
    """KDL and YAML of one configuration, however they are spelt, give the same body."""
    table = table_for(config)
    assert same(table_for(config, "kdl", kdl_style), table)
    assert same(table_for(config, "yaml", yaml_style), table)


def test_both_syntaxes_of_rows() -> None:
    """The configurations of the hand-written rows too."""
    for row in ROWS:
        assert same(table_for(row.config, "kdl"), table_for(row.config, "yaml")), row.name


@given(dressed_configs(), styles)
def test_layout(config: Config, style: int) -> None:
    """Laying a file out keeps the table; doing it twice changes nothing more."""
    text = kdl(config, style)
    after = format_kdl(text)
    assert check_format(text, after) is None
    assert format_kdl(after) == after
    assert same(table_of(after, "kdl"), table_of(text, "kdl"))


@given(dressed_configs(), styles, st.booleans())
def test_conversion(config: Config, style: int, from_kdl: bool) -> None:
    """Converting to either syntax keeps the table, and what was converted converts to itself."""
    before = compiled(kdl(config, style), "kdl") if from_kdl else compiled(yaml(config, style), "yaml")
    assert before.table is not None
    assert before.validated is not None
    as_kdl, as_yaml = to_kdl(before.validated.data), to_yaml(before.validated.data)
    for again in (compiled(as_kdl, "kdl"), compiled(as_yaml, "yaml")):
        assert again.table is not None, again.diagnostics
        assert again.validated is not None
        assert same(again.table, before.table)
        assert to_kdl(again.validated.data) == as_kdl
        assert to_yaml(again.validated.data) == as_yaml


@given(dressed_configs())
def test_bytes(config: Config) -> None:
    """Written to bytes and read again, a table is the same; written again, so are the bytes."""
    table = table_for(config)
    again = through_bytes(table)
    assert same(again, table)
    assert dump(again) == dump(table)
