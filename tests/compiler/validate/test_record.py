"""Records: data that does not change, and the way back to the text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from gwc.compiler.validate import default_of, key_span, span_of, validate
from gwc.compiler.validate.record import NOWHERE, Record
from gwc.schema.span import Span

from .reading import cut, entries, kdl, yaml

KDL = """
matcher "internal" { client-ip "10.0.0.0/8" }
routes {
    route "r" {
        matches {
            host "a.com" "b.com" regex="c"
            header "x-version" "1" "2"
            header "x-debug" prefix="p"
            use "a" "b"
            use "c"
        }
        upstream "u"
    }
}
routes { group "g" { priority 1; route "s" { respond status=404 } } }
matcher "second" { use "internal" }
"""

YAML = """
matchers:
  - matcher: internal
    client-ip: 10.0.0.0/8
routes:
  - route: r
    matches:
      - host: {name: [a.com, b.com], regex: c}
        header:
          - {name: x-version, value: ["1", "2"]}
          - name: x-debug
            prefix: p
        use: [a, b, c]
      - header: x-short
        host: [d.com, e.com]
    upstream: u
"""


def test_a_record_does_not_change() -> None:
    """Every method that would change a dict refuses; reading is as of any dict."""
    record = kdl(KDL).data["routes"][0]
    changes: list[Callable[[], object]] = [
        lambda: record.__setitem__("a", 1),
        lambda: record.__delitem__("route"),
        lambda: record.update(a=1),
        lambda: record.setdefault("a", 1),
        lambda: record.pop("route"),
        lambda: record.popitem(),
        lambda: record.clear(),
        lambda: record.__ior__({"a": 1}),
    ]
    for change in changes:
        with pytest.raises(TypeError):
            change()
    assert isinstance(record, Record)
    assert {**record} == dict(record)


SPANS = [
    # (JSON pointer, what stands there)
    ("/matchers/0/matcher", '"internal"'),
    ("/matchers/0", '"internal"'),
    ("/matchers/1/use/0", '"internal"'),
    ("/routes/0", '"r"'),
    ("/routes/0/upstream", '"u"'),
    ("/routes/0/matches/0", "matches"),
    ("/routes/0/matches/0/host", 'host "a.com" "b.com" regex="c"'),
    ("/routes/0/matches/0/host/name", '"a.com" "b.com"'),
    ("/routes/0/matches/0/host/name/1", '"b.com"'),
    ("/routes/0/matches/0/host/regex/0", '"c"'),
    ("/routes/0/matches/0/header/0", 'header "x-version" "1" "2"'),
    ("/routes/0/matches/0/header/0/name", '"x-version"'),
    ("/routes/0/matches/0/header/0/value/1", '"2"'),
    ("/routes/0/matches/0/header/1/prefix", '"p"'),
    ("/routes/0/matches/0/use", '"a" "b"'),
    ("/routes/0/matches/0/use/2", '"c"'),
    ("/routes/1/priority", "1"),
    ("/routes/1/routes/0/respond/status", "404"),
    ("/routes/1/routes/0/respond", "respond status=404"),
    ("/routes/1/nothing/at/all", '"g"'),
    ("/routes/9", "routes"),
]


@pytest.mark.parametrize(("pointer", "text"), SPANS)
def test_a_pointer_leads_to_the_text(pointer: str, text: str) -> None:
    """Every value has its place; where there is nothing, the thing around it has."""
    if pointer == "/routes/9":
        assert cut(KDL, kdl(KDL).locate(pointer)) == '"r"'
    else:
        assert cut(KDL, kdl(KDL).locate(pointer)) == text


YAML_SPANS = [
    ("/matchers/0", "internal"),
    ("/matchers/0/client-ip/0", "10.0.0.0/8"),
    ("/routes/0/matches/0/host/name/1", "b.com"),
    ("/routes/0/matches/0/host/name", "a.com, b.com"),
    ("/routes/0/matches/0/header/0/value/1", '"2"'),
    ("/routes/0/matches/0/header/1/prefix", "p"),
    ("/routes/0/matches/0/header/1", "name: x-debug"),
    ("/routes/0/matches/0/use/2", "c"),
    ("/routes/0/matches/1/header/0/name", "x-short"),
    ("/routes/0/matches/1/host/name/1", "e.com"),
    ("/routes/0/matches/1/host/name", "d.com, e.com"),
]


@pytest.mark.parametrize(("pointer", "text"), YAML_SPANS)
def test_a_pointer_leads_to_the_text_of_yaml(pointer: str, text: str) -> None:
    """Short forms and flow style have places, too."""
    assert cut(YAML, yaml(YAML).locate(pointer)) == text


def test_a_key_has_a_place_of_its_own() -> None:
    """The name of the node or property; where an argument fills the key, the argument."""
    data = kdl(KDL).data
    block = data["routes"][0]["matches"][0]
    assert cut(KDL, key_span(data["routes"][0], "upstream")) == "upstream"
    assert cut(KDL, key_span(block, "header")) == "header"
    assert cut(KDL, key_span(block["host"], "regex")) == "regex"
    assert cut(KDL, key_span(block["host"], "name")) == '"a.com" "b.com"'
    assert cut(KDL, key_span(data["routes"][1], "routes")) == "route"
    assert cut(KDL, key_span(data["routes"][1], "group")) == '"g"'
    assert cut(KDL, key_span(data, "matchers")) == "matcher"
    block = yaml(YAML).data["routes"][0]["matches"][0]
    assert cut(YAML, key_span(block, "header")) == "header"
    assert cut(YAML, key_span(block["host"], "name")) == "name"


def test_values_know_the_file_they_stand_in() -> None:
    """Entries of several files, of both syntaxes, make one configuration."""
    both = [
        *entries('routes { route "a" { upstream "u" } }', "kdl", "a.kdl"),
        *entries("routes: [{route: b, upstream: u}]", "yaml", "b.yaml"),
        *entries('routes { route "c" { upstream "u" } }', "kdl", "c.kdl"),
    ]
    validated = validate(both)
    assert [route["route"] for route in validated.data["routes"]] == ["a", "b", "c"]
    assert [span_of(route, "route").file for route in validated.data["routes"]] == [
        "a.kdl",
        "b.yaml",
        "c.kdl",
    ]
    assert validated.locate("/routes/1/upstream") == Span("b.yaml", 30, 31)


def test_an_empty_configuration_is_nowhere() -> None:
    """There is no text to point at, and still an answer."""
    validated = validate([])
    assert validated.data == {}
    assert validated.diagnostics == ()
    assert validated.locate("/routes/0") == NOWHERE


def test_a_pointer_begins_with_a_slash() -> None:
    """What is no JSON pointer is a bug of the caller."""
    with pytest.raises(ValueError):
        validate([]).locate("routes")


def test_defaults_are_known_and_not_filled_in() -> None:
    """A stage that wants a default asks for it."""
    assert default_of("access-log", "format") == "json"
    assert default_of("redirect", "status") == 302
    assert default_of("listener", "address") is None
    assert "priority" not in kdl(KDL).data["routes"][0]
