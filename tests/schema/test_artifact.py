"""Tables as bytes: whole, unchanged, of this version, or refused with words."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from gwc.compiler.resolve.resolved import (
    HeaderRules,
    Redirect,
    Rewrite,
    Split,
    SplitPart,
    StaticFiles,
    ToUpstream,
)
from gwc.schema.artifact import (
    MAGIC,
    Refusal,
    digest,
    dump,
    load,
    load_slices,
    notes_of,
    write_table,
)
from gwc.schema.frames import FRAME_BYTES, WIDE, encode_frames
from gwc.schema.policies.static_files import StaticFilesRecord
from gwc.schema.predicate import ClientIp, FieldTest, Listeners, Methods, Models, Not, Sample
from gwc.schema.table import FORMAT_VERSION, RouteTable

from ..tables import block, header, route, settings, table


def sample() -> RouteTable:
    """A table with something in every section."""
    rules = HeaderRules(set=(("x-h", "${req.host}"),))
    tests = (
        Methods(("GET",)),
        header("x", "1"),
        Not((Sample(5), Not((header("y"),)))),
        ClientIp(("10.0.0.0/8", "2001:db8::/32")),
        FieldTest("query", "q", "regex", ("[a-z]+",)),
        Models(("gpt-*",)),
    )
    return table(
        route("a", block("a.test", "=/x/y", *tests), action=ToUpstream("one"), request=rules),
        route("b", block("*.test", "/{x}/{rest...}"), block("*.test", "/{x}"), action=ToUpstream("two")),
        route("c", block("~[a-z]+\\.test", "~/v[0-9]+/(?P<n>.*)", Listeners(("default",)))),
        route("d", block(None, "/p"), action=Redirect("https", None, None, "prefix", "/q", 301, True)),
        route(
            "e",
            *(block(None, "=/h", header("x-t", str(n))) for n in range(10)),
            action=Split((SplitPart("one", 1, rules, rewrite=Rewrite("h", "template", "/${req.host}")),)),
        ),
        route("f", block("f.test", "/f"), action=StaticFiles(StaticFilesRecord("public"))),
        listeners=(settings(), settings("two", "unix:/x", hosts=("*.test",))),
    )


def many_shapes() -> RouteTable:
    """A table with a trie: templates with parameters at more places than can be asked one by one."""
    templates = [
        "/" + "/".join("{" + name + "}" if mask >> at & 1 else name for at, name in enumerate("abc"))
        for mask in range(1, 8)
    ]
    more = ["/{a}/{b}/c/{rest...}", "/a/b", "/p/q/r/s/t/u", "/a/{b}/c/d"]
    return table(*(route(each, block("a.test", each)) for each in (*templates, *more)))


def refused(data: bytes) -> Refusal:
    """The refusal of some bytes."""
    answer = load(data)
    assert isinstance(answer, Refusal), "the bytes were taken for a table"
    return answer


def header_of(data: bytes) -> dict[str, object]:
    """The header of an artifact."""
    begin = len(MAGIC) + 8
    length = int.from_bytes(data[len(MAGIC) : begin], "big")
    found: dict[str, object] = json.loads(data[begin : begin + length])
    return found


def with_header(data: bytes, **changes: object) -> bytes:
    """The artifact with some of its header changed."""
    begin = len(MAGIC) + 8
    length = int.from_bytes(data[len(MAGIC) : begin], "big")
    said = json.dumps({**header_of(data), **changes}).encode()
    return MAGIC + len(said).to_bytes(8, "big") + said + data[begin + length :]


def test_there_and_back() -> None:
    """A table read back is the table that was written, notes and all, and its bytes are the same."""
    made = sample()
    data = dump(made)
    again = load(data)
    assert isinstance(again, RouteTable)
    assert again == made
    assert notes_of(again) == notes_of(made)
    assert digest(again) == digest(made)
    assert dump(again) == data


def test_every_section_is_written() -> None:
    """The samples have frames of every section, so that the other tests speak of all."""
    written = {frame.section for made in (sample(), many_shapes()) for frame in encode_frames(made)}
    assert written == set(RouteTable.__dataclass_fields__) - {"notes", "cache"}


def test_a_trie_there_and_back() -> None:
    """A table with a trie is read back too."""
    made = many_shapes()
    assert load(dump(made)) == made


def test_the_digest_is_of_the_body() -> None:
    """Notes do not count; one header value does."""
    made = sample()
    other = table(route("a", block(None, "/x")))
    same = table(route("a", block(None, "/x")))
    same.cache.notes = notes_of(made)
    assert digest(other) == digest(same)
    assert dump(other) != dump(same)
    assert digest(other) != digest(table(route("a", block(None, "/y"))))


def test_wide_dicts_and_long_sections_are_divided() -> None:
    """No frame is much larger than it should be, and the pieces come together again."""
    made = table(
        *(route(f"r{n}", block(f"h{n}.test", f"=/{n}")) for n in range(2 * WIDE)),
        *(route(f"p{n}", block(None, f"=/{n}")) for n in range(2 * WIDE)),
        *(route(f"t{n}", block(None, f"/{n}/{{x}}")) for n in range(2 * WIDE)),
        *(route(f"u{n}", block("u.test", f"/{n}" + "/v" * (n % 3))) for n in range(4 * WIDE)),
        *(route(each.id, block("u.test", each.path[1])) for each in many_shapes().alternatives if each.path),
        *(route(f"s{n}", block(None, "=/t", header("x-t", str(n)))) for n in range(2 * WIDE)),
        *(route(f"x{n}", block(f"~h{n}.*", f"~/{n:03}.*")) for n in range(2 * WIDE)),
    )
    frames = list(encode_frames(made))
    assert max(len(frame.data) for frame in frames) < 1.5 * FRAME_BYTES
    divided = {frame.section for frame in frames if frame.place}
    assert divided >= {"indexes", "layers", "nodes", "shapes", "switches"}
    assert load(dump(made)) == made


def test_loading_gives_way_often() -> None:
    """A table is loaded in many small steps, and only then is it there."""
    made = table(*(route(f"r{n}", block(f"h{n}.test", f"/{n}/{{x}}")) for n in range(3000)))
    data = dump(made)
    answers: list[RouteTable | Refusal] = []

    def collect() -> Iterator[None]:
        answers.append((yield from load_slices(data)))

    steps = sum(1 for _ in collect())
    assert answers == [made]
    assert steps > len(data) / FRAME_BYTES


def test_loading_leaves_the_collector_as_it_was() -> None:
    """Whoever had the collector on has it on afterwards."""
    data = dump(sample())
    assert gc.isenabled()
    load(data)
    load(b"x")
    assert gc.isenabled()


@pytest.mark.parametrize("data", [b"x", b"routes {}\n", b"\x89gwctable\n\x1a\n...", b"{}", b"\0" * 100])
def test_something_else_is_no_table(data: bytes) -> None:
    """Bytes that do not begin like a table are said not to be one."""
    assert refused(data).reason == "magic"
    assert "gwc build" in refused(data).message


def test_every_cut_is_noticed() -> None:
    """A table cut anywhere is refused."""
    data = dump(sample())
    for length in [*range(200), *range(200, len(data), 37)]:
        assert refused(data[:length]).reason in ("truncated", "header")


def test_what_follows_is_noticed() -> None:
    """Bytes after the table are not read over."""
    answer = refused(dump(sample()) + b"\n")
    assert (answer.reason, answer.message) == ("trailing", "1 bytes follow the table")


def test_every_changed_byte_is_noticed() -> None:
    """No byte of a table can change without being seen."""
    data = dump(sample())
    made = sample()
    for place in range(0, len(data), 7):
        changed = bytearray(data)
        changed[place] ^= 0x41
        answer = load(bytes(changed))
        assert isinstance(answer, Refusal) or (answer == made and digest(answer) == digest(made))


def test_another_version_is_named() -> None:
    """A table of another format says which, and what to do."""
    answer = refused(with_header(dump(sample()), version=1))
    assert answer.reason == "version"
    assert answer.message == (
        f"the table has format 1, this gwc reads format {FORMAT_VERSION}; build it again with `gwc build`"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "1"},
        {"version": None},
        {"frames": None},
        {"frames": [["nodes", [], -1]]},
        {"frames": [["nodes", [], True]]},
        {"frames": [["nodes", ["x"], 1]]},
        {"frames": [[1, [], 1]]},
        {"frames": [[]]},
        {"notes": [1]},
        {"notes": [-1, ""]},
        {"notes": ["", 1]},
        {"digest": 5},
    ],
)
def test_headers_that_say_nonsense(changes: dict[str, object]) -> None:
    """A header of the wrong shape is refused, whatever is wrong about it."""
    assert refused(with_header(dump(sample()), **changes)).reason == "header"


def test_a_header_that_is_no_object() -> None:
    """JSON that is not an object, and what is no JSON, is refused."""
    for said in (b"[]", b"1", b"{", b"\xff", b"[" * 100_000):
        assert refused(MAGIC + len(said).to_bytes(8, "big") + said).reason == "header"


def test_writing_is_atomic(tmp_path: Path) -> None:
    """The file is whole, of mode 0644, alone in its directory; what it was before is gone."""
    target = tmp_path / "table"
    target.write_bytes(b"old")
    made = sample()
    size = write_table(target, made)
    assert target.read_bytes() == dump(made)
    assert size == target.stat().st_size
    assert oct(target.stat().st_mode & 0o777) == "0o644"
    assert os.listdir(tmp_path) == ["table"]


def test_writing_through_a_symlink(tmp_path: Path) -> None:
    """A symlink stays one; its target is replaced."""
    (tmp_path / "real").mkdir()
    target = tmp_path / "link"
    target.symlink_to("real/table")
    write_table(target, sample())
    assert target.is_symlink()
    assert isinstance(load((tmp_path / "real" / "table").read_bytes()), RouteTable)


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    """An unwritable place is an OSError with nothing left behind."""
    with pytest.raises(FileNotFoundError):
        write_table(tmp_path / "none" / "table", sample())
    assert os.listdir(tmp_path) == []
