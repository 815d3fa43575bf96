"""What must not matter: the order of routes and files, routes that do not hold, what a cache remembers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gwc.compiler.pipeline import CompileCache, compile_files, compile_path
from gwc.schema.artifact import digest, dump
from gwc.schema.normalise.sample import sample_of
from hypothesis import given
from hypothesis import strategies as st

from .asking import requests
from .dressing import dressed_configs
from .oracle import Verdict, decide
from .reading import Config
from .spelling import kdl, yaml
from .strategies import Draw, chance, configs, one_of
from .subject import answer, table_for

REQUESTS_EACH = 4


def shuffled(draw: Draw, entries: Sequence[Config]) -> list[Config]:
    """The routes and groups in another order, inside groups too."""
    return [
        {**entry, "routes": shuffled(draw, entry["routes"])} if "routes" in entry else entry
        for entry in draw(st.permutations(entries))
    ]


def without(entries: Sequence[Config], names: Collection[str]) -> list[Config]:
    """The routes and groups but for those routes; a group that is left empty goes with them."""
    kept: list[Config] = []
    for entry in entries:
        if "routes" in entry:
            inner = without(entry["routes"], names)
            kept += [{**entry, "routes": inner}] if inner else []
        elif entry["route"] not in names:
            kept.append(entry)
    return kept


@given(st.data())
def test_order_of_routes(data: st.DataObject) -> None:
    """Another order of the routes gives another answer only where two are equal on all lines but the last."""
    config = data.draw(configs())
    other = {**config, "routes": shuffled(data.draw, config["routes"])}
    table, other_table = table_for(config), table_for(other)
    for _ in range(REQUESTS_EACH):
        asked = data.draw(requests(config))
        verdict = decide(config, asked.raw, asked.address, late=asked.late, sample_of=sample_of)
        if isinstance(verdict, Verdict):
            orders = [
                each.order[:-1] for each, held in zip(verdict.ranking, verdict.holds, strict=True) if held
            ]
            if orders.count(min(orders, default=())) > 1:
                continue
        assert answer(other_table, asked) == answer(table, asked)


@given(st.data())
def test_routes_that_do_not_hold(data: st.DataObject) -> None:
    """Any of the routes that do not hold can be taken out, or be there, and the answer stays."""
    config = data.draw(configs())
    table = table_for(config)
    for _ in range(REQUESTS_EACH):
        asked = data.draw(requests(config))
        verdict = decide(config, asked.raw, asked.address, late=asked.late, sample_of=sample_of)
        if not isinstance(verdict, Verdict):
            continue
        holding = {each.route for each, held in zip(verdict.ranking, verdict.holds, strict=True) if held}
        idle = sorted({each.route for each in verdict.ranking} - holding)
        chosen = data.draw(st.sets(st.sampled_from(idle))) if idle else set()
        routes = without(config["routes"], chosen)
        if routes:
            assert answer(table_for({**config, "routes": routes}), asked) == answer(table, asked)


def spread(draw: Draw, config: Config) -> tuple[dict[str, str], Config]:
    """The configuration over several files in both syntaxes, and as it is when they are read in order."""
    names = draw(st.permutations(("a.kdl", "b.yaml", "c.kdl", "d.yaml")))[: draw(st.integers(1, 4))]
    parts: dict[str, dict[str, Any]] = {name: {} for name in ("", *sorted(names))}
    for key, value in config.items():
        if key in ("routes", "matchers", "upstreams", "listeners") and chance(draw, 70):
            for each in value:
                parts[one_of(draw, sorted(parts))].setdefault(key, []).append(each)
        else:
            parts[one_of(draw, sorted(parts))][key] = value
    files = {f"parts/{name}": content for name, content in parts.items() if name and content}
    main = {"include": "parts/*", **parts[""]} if files else parts[""]
    joined: dict[str, Any] = {}
    for content in (*(files[name] for name in sorted(files)), parts[""]):
        for key, value in content.items():
            joined[key] = joined[key] + value if key in joined else value
    spelt = {name: written(draw, name, content) for name, content in files.items()}
    main_name = one_of(draw, ("gwc.kdl", "gwc.yaml"))
    return {main_name: written(draw, main_name, main), **spelt}, joined


def written(draw: Draw, name: str, content: Config) -> str:
    """One file's text in the syntax that its name says."""
    style = draw(st.integers(0, 2**32 - 1))
    return kdl(content, style) if name.endswith(".kdl") else yaml(content, style)


@given(st.data())
def test_files(data: st.DataObject) -> None:
    """A configuration in several files is the configuration in one, in the order in which they are read."""
    files, joined = spread(data.draw, data.draw(dressed_configs()))
    result = compile_files(files)
    assert result.table is not None, result.diagnostics
    assert digest(result.table) == digest(table_for(joined))


@given(st.data())
def test_cache(data: st.DataObject) -> None:
    """A run that remembers earlier runs finds and makes what a run does that remembers nothing."""
    cache = CompileCache()
    with TemporaryDirectory() as directory:
        root = Path(directory)
        (root / "parts").mkdir()
        config = data.draw(dressed_configs())
        for _ in range(4):
            files, _joined = spread(data.draw, config)
            for old in (*root.glob("gwc.*"), *root.glob("parts/*")):
                old.unlink()
            for name, text in files.items():
                cut = data.draw(st.integers(0, len(text))) if chance(data.draw, 15) else len(text)
                (root / name).write_text(text[:cut], "utf-8")
            fresh, remembered = compile_path(root), compile_path(root, cache=cache)
            assert remembered.diagnostics == fresh.diagnostics
            assert remembered.table == fresh.table
            if fresh.table is not None and remembered.table is not None:
                assert dump(remembered.table) == dump(fresh.table)
            config = {**config, "routes": changed(data.draw, config["routes"])}


def changed(draw: Draw, entries: Sequence[Config]) -> list[Config]:
    """One route less, one twice (under the same name, which is a mistake), or another order."""
    form = draw(st.integers(0, 3))
    if form == 0 and len(entries) > 1:
        # Two of one name go together; a configuration keeps something to change.
        return without(entries, {one_of(draw, entries).get("route", "")}) or list(entries)
    if form == 1:
        return [*entries, one_of(draw, entries)]
    return shuffled(draw, entries) if form == 2 else list(entries)
