"""Tables whose digest holds and whose parts do not: refused, or harmless."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from gwc.runtime.decide import decide
from gwc.runtime.match import Match, explain_candidates, match
from gwc.schema.artifact import MAGIC, Refusal, dump, load
from gwc.schema.frames import SECTIONS, encode_frames
from gwc.schema.request import Late
from gwc.schema.table import FORMAT_VERSION, RouteTable
from hypothesis import given
from hypothesis import strategies as st

from ..tables import head
from .test_artifact import many_shapes, sample

Body = dict[str, list[Any]]


def body_of(table: RouteTable) -> Body:
    """The body as JSON gives it: one frame a section."""
    body: Body = {name: [] for name in SECTIONS}
    for frame in encode_frames(table):
        assert not frame.place
        body[frame.section] += orjson.loads(frame.data)
    return body


def forged(body: Mapping[str, Any]) -> bytes:
    """An artifact whose digest fits whatever the body holds."""
    frames: list[tuple[str, list[int], bytes]] = [
        (name, [], json.dumps(records).encode()) for name, records in body.items()
    ]
    layout = [(name, place, len(data)) for name, place, data in frames]
    digest = hashlib.blake2b(orjson.dumps([FORMAT_VERSION, layout]), digest_size=32)
    for _, _, data in frames:
        digest.update(data)
    notes = b"{}"
    header = orjson.dumps(
        {
            "version": FORMAT_VERSION,
            "digest": digest.hexdigest(),
            "frames": layout,
            "notes": [len(notes), hashlib.blake2b(notes, digest_size=32).hexdigest()],
        }
    )
    data = b"".join(data for _, _, data in frames)
    return MAGIC + len(header).to_bytes(8, "big") + header + data + notes


BODY = orjson.dumps(body_of(sample()))
TRIE = orjson.dumps(body_of(many_shapes()))


def changed(section: str, number: int, *place: Any, to: Any, of: bytes = BODY) -> bytes:
    """A body with one thing changed; `place` leads to it."""
    body = orjson.loads(of)
    at = body[section]
    *way, last = (number, *place)
    for step in way:
        at = at[step]
    at[last] = to
    return forged(body)


def test_forging_works() -> None:
    """Unchanged, the forged sample is the sample."""
    assert load(forged(orjson.loads(BODY))) == sample()


def number_of(section: str, wanted: Any, of: bytes = BODY) -> int:
    """The first record that a predicate likes."""
    return next(at for at, record in enumerate(orjson.loads(of)[section]) if wanted(record))


CASES = {
    "listener-index": ("listeners", 0, 7, 9),
    "listener-network": ("listeners", 0, 5, ["10.0.0.0/33"]),
    "variable": ("rules", 1, 1, [["x-h", ["", "req.nonsense", ""]]]),
    "value-ends-in-variable": ("rules", 1, 1, [["x-h", ["", "req.host"]]]),
    "empty-value": ("rules", 1, 1, [["x-h", []]]),
    "route-target": ("routes", 0, 3, 77),
    "route-negative": ("routes", 0, 3, -1),
    "route-rules": ("routes", 0, 5, 5),
    "route-action": ("routes", 0, 2, "nonsense"),
    "split-upstream": ("splits", 0, 0, [9, 1, 0, 0, None]),
    "split-weight": ("splits", 0, 0, [0, -1, 0, 0, None]),
    "networks-ends": ("networks", 0, 2, []),
    "block-itself": ("blocks", 0, 0, [11, "", [], [0]]),
    "test-kind": ("blocks", 0, 0, [15, "", [], []]),
    "test-negative-kind": ("blocks", 0, 0, [-1, "", [], []]),
    "test-without-numbers": ("blocks", 0, 0, [2, "", [], []]),
    "test-operator": ("blocks", 0, 0, [5, "x", [], [7, 0]]),
    "test-without-operator": ("blocks", 0, 0, [5, "x", [], []]),
    "test-range": ("blocks", 0, 0, [5, "x", [], [5, 0, 1]]),
    "test-program": ("blocks", 0, 0, [5, "x", ["a"], [6, 0, 99]]),
    "test-network": ("blocks", 0, 0, [8, "", [], [4]]),
    "test-pattern": ("blocks", 0, 0, [9, "", ["exact"], []]),
    "test-pattern-kind": ("blocks", 0, 0, [9, "", ["prefix", "x"], []]),
    "test-pattern-program": ("blocks", 0, 0, [10, "", ["regex", "x"], []]),
    "test-template": ("blocks", 0, 0, [10, "", ["template", "/{"], []]),
    "test-glob": ("blocks", 0, 0, [12, "", [""], []]),
    "condition-test": ("conditions", 1, 3, [[8, "", [], [9]]]),
    "alternative-route": ("alternatives", 0, 0, 99),
    "alternative-condition": ("alternatives", 0, 5, 99),
    "alternative-without-regex": (
        "alternatives",
        number_of("alternatives", lambda record: record[4] is None or record[4][0] != "regex"),
        9,
        0,
    ),
    "alternative-kind": ("alternatives", 0, 4, ["glob", "/x"]),
    "leaf-empty": ("layers", 0, 1, {"/x": []}),
    "leaf-odd": ("layers", 0, 1, {"/x": [0, 1]}),
    "leaf-rank": ("layers", 0, 1, {"/x": [0, 99, 0]}),
    "leaf-condition": ("layers", 0, 1, {"/x": [0, 0, 99]}),
    "leaf-switch": ("layers", 0, 1, {"/x": [0, -1, 9]}),
    "leaf-negative": ("layers", 0, 1, {"/x": [0, -2, 0]}),
    "leaf-text": ("layers", 0, 1, {"/x": "no leaf"}),
    "leaf-float": ("layers", 0, 1, {"/x": [0, 0.5, 0]}),
    "layer-group": ("layers", 0, 6, [9]),
    "layer-depth": ("layers", 0, 5, -5),
    "layer-root": ("layers", 0, 2, 9),
    "layer-shapes": ("layers", 0, 3, [[0]]),
    "layer-no-shapes": ("layers", 0, 4, 0),
    "shape-end": ("shapes", 0, 0, 0),
    "shape-too-long": ("shapes", 0, 0, 99),
    "shape-parameter": ("shapes", 0, 1, [7]),
    "shape-leaf": ("shapes", 0, 3, {"x": [0, 99, 0]}),
    "switch-in-switch": ("switches", 0, 2, [0, -1, 0]),
    "index-layer": ("indexes", 0, 0, {"a.test": 99}),
    "index-any": ("indexes", 0, 5, 99),
    "index-any-best": ("indexes", 0, 5, -1),
    "index-group": ("indexes", 0, 3, [9]),
    "program": ("programs", 0, 1, "("),
    "program-engine": ("programs", 0, 2, "pcre"),
    "record-too-short": ("routes", 0, 6, "x"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_fit_is_refused(case: str) -> None:
    """Every reference, operand and kind is looked at; the message says that the content is at fault."""
    section, number, place, to = CASES[case]
    answer = load(changed(section, number, place, to=to))
    assert isinstance(answer, Refusal)
    assert answer.reason == "shape"
    assert len(answer.message) < 400


def test_nodes() -> None:
    """A node reaches later ones, each once, by steps of some length."""
    number = number_of("nodes", lambda node: isinstance(node[3], int), TRIE)
    for place, to in ((3, number), (3, 99), (3, -1), (6, "x"), (1, {"a": 1, "b": 1}), (2, [[9, {}]])):
        answer = load(changed("nodes", number, place, to=to, of=TRIE))
        assert isinstance(answer, Refusal)
        assert answer.reason == "shape"
    number = number_of("nodes", lambda node: node[1] is not None, TRIE)
    for step in (0, -1, 9):
        answer = load(changed("nodes", number, 0, to=step, of=TRIE))
        assert isinstance(answer, Refusal)


def test_a_prefix_that_nothing_matched() -> None:
    """A route that replaces a prefix needs one in each alternative."""
    rank = number_of("alternatives", lambda record: record[2].startswith("d#"))
    answer = load(changed("alternatives", rank, 4, to=["exact", "/p"]))
    assert isinstance(answer, Refusal)
    assert "prefix" in answer.message


def test_deep_nesting() -> None:
    """Arrays in arrays and blocks in blocks without end are refused, not followed."""
    body = orjson.loads(BODY)
    assert isinstance(load(forged(body | {"nodes": None})), Refusal)
    frames = forged(body).replace(b'"nodes"', b'"nodez"')
    assert isinstance(load(frames), Refusal)
    blocks = [[[11, "", [], [at - 1]]] if at else [[2, "", [], [5]]] for at in range(5000)]
    answer = load(forged(body | {"blocks": blocks}))
    assert isinstance(answer, Refusal)
    assert "inside each other" in answer.message


def test_sections_that_are_not_there() -> None:
    """A section of another name is refused; one that is missing is empty, and what it had is missed."""
    body = orjson.loads(BODY)
    assert isinstance(load(forged(body | {"extras": []})), Refusal)
    del body["upstreams"]
    assert isinstance(load(forged(body)), Refusal)


def every_place(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to everything inside a value."""
    found = [way] if way else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        found += every_place(each, (*way, key))
    return found


PLACES = {body: [way for way in every_place(orjson.loads(body)) if len(way) > 1] for body in (BODY, TRIE)}
HEADS = [
    head("/x/y", "a.test", headers={"x": "1"}, client_ip="10.0.0.1", late=Late("gpt-4")),
    head("/x/y?q=abc", "a.test", headers={"x": "1", "y": "2"}, client_ip="2001:db8::1", late=Late("gpt-4")),
    head("/x/y/z", "b.test"),
    head("/v1/abc", "b.test"),
    head("/p/q", ""),
    head("/h", "", headers={"x-t": "3"}),
    head("/a/b/c", "a.test"),
    head("/p/q/r/s/t/u/v", "a.test"),
    head("/h", "", headers={"x-t": "none"}, listener="two"),
]


@given(st.data())
def test_a_changed_table_is_refused_or_harmless(data: st.DataObject) -> None:
    """Whatever one changes in the body: loading refuses, or matching, explaining and deciding work."""
    original = data.draw(st.sampled_from([BODY, TRIE]))
    body = orjson.loads(original)
    for _ in range(data.draw(st.integers(1, 3))):
        at: Any = body
        *way, last = data.draw(st.sampled_from(PLACES[original]))
        try:
            for step in way:
                at = at[step]
            at[last] = data.draw(
                st.one_of(
                    st.sampled_from([-1, 0, 1, 2, 3, 7, 1 << 30, 1 << 62, None, True, "", "/", "x", [], {}]),
                    st.sampled_from([[0, 0, 0], [1, 1, 1], [0, -1, 0], {"x": 0}, ["exact", "/x"]]),
                )
            )
        except (IndexError, KeyError, TypeError):
            continue
    table = load(forged(body))
    if isinstance(table, Refusal):
        assert table.message
        return
    for request in HEADS:
        found = match(table, request)
        explain_candidates(table, request, 10)
        if isinstance(found, Match):
            decide(table, request, found, port=80, split_point=3)
    dump(table)
