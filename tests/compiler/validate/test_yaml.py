"""YAML nodes: the same data as KDL's, and what is said of those that cannot be."""

from __future__ import annotations

import pytest

from .reading import codes, cut, only, yaml
from .test_kdl import DATA

WHOLE = """
listeners:
  - listener: public
    address: "0.0.0.0:8080"
upstreams:
  - upstream: orders
    targets: [{target: "10.0.0.1:8080", weight: 3}, "10.0.0.2:8080"]
matchers:
  - matcher: internal
    client-ip: 10.0.0.0/8
defaults:
  response-headers:
    remove: server
routes:
  - group: v2
    matches:
      host: [api.example.com, "*.example.net"]
    request-headers:
      set: {name: x-env, value: prod}
    routes:
      - route: orders-read
        matches:
          - path-prefix: /orders
            method: [GET, HEAD]
            header:
              - {name: x-version, value: "2"}
              - x-debug
            not:
              query: {name: raw, present: true}
          - path: /o
            use: [internal, a, b]
        priority: high
        split:
          - upstream: orders
            weight: 90
          - upstream: orders-next
            weight: 10
            request-headers:
              set: {name: x-canary, value: "1"}
        rewrite:
          prefix: /v2
  - route: old
    matches: {path-prefix: /old}
    redirect: {prefix: /new, status: 301}
  - route: rest
    respond:
      status: 404
      body: "no\\n"
      headers:
        - header: retry-after
          value: "60"
"""


def test_a_configuration_becomes_the_same_data_as_in_kdl() -> None:
    """Scalars stand for lists of one, and for objects with one argument."""
    validated = yaml(WHOLE)
    assert validated.diagnostics == ()
    assert validated.data == DATA


MISTAKES = [
    # (what a route has, code, the place, words of the headline, words of the help)
    ("matches: {hosts: a.com}", "GWC200", "hosts", "`hosts` is not a key of `matches`", "`host`?"),
    ("path: /x", "GWC201", "path", "`path` has no effect in `route`", "`matches`"),
    ("include: x", "GWC202", "include", "`include` stands below", "top level"),
    ("target: 'a:1'", "GWC203", "target", "`target` stands outside `targets`", "an item of `upstreams`"),
    ("priority: '5'", "GWC204", "'5'", "or a whole number, found the text", "`5`, without quotes"),
    ("upstream: 3", "GWC204", "3", "`upstream` takes text, found the number `3`", 'text: `"3"`'),
    ("upstream: true", "GWC204", "true", "`upstream` takes text, found `true`", 'text: `"true"`'),
    ("upstream: 1.5", "GWC204", "1.5", "`upstream` takes text, found the number `1.5`", 'text: `"1.5"`'),
    ("upstream: [a]", "GWC204", "upstream", "`upstream` takes text, found a list", "one value"),
    ("upstream: {a: b}", "GWC204", "upstream", "`upstream` takes text, found a mapping", "a value"),
    ("matches: /x", "GWC204", "matches", 'takes a mapping, found the text `"/x"`', "its keys"),
    ("redirect: []", "GWC204", "redirect", "`redirect` takes a mapping, found a list", "its keys"),
    (
        "matches: {stream: '#true'}",
        "GWC204",
        "'#true'",
        "`stream` takes `true` or `false`",
        "`true`, without",
    ),
    ("matches: {stream: 'yes'}", "GWC204", "'yes'", "`stream` takes `true` or `false`", "`true`, without"),
    (
        "matches: {method: {a: b}}",
        "GWC204",
        "method",
        "takes text, or a list of it, found a mapping",
        "a value",
    ),
    ("matches: {method: [[GET]]}", "GWC204", "[", "`method` takes text, found a list", ""),
    ("matches: {host: [a, 3]}", "GWC204", "3", "`host` takes text, found the number `3`", '"3"'),
    ("matches: {header: [[a]]}", "GWC204", "[", "`header` takes text or a mapping", "brackets"),
    ("split: {upstream: u}", "GWC204", "split", "`split` takes a list, found a mapping", "`- upstream: …`"),
    ("respond: {status: 1}", "GWC211", "1", "a whole number from 200 to 599", "200 to 599"),
    ("priority: hihg", "GWC212", "hihg", "`hihg` is not a value of `priority`", "`high`?"),
    ("matches: {model: ''}", "GWC213", "''", "at least 1 character", "leave `model` out"),
    ("matches: {}", "GWC214", "matches", "`matches` is empty", "`host`"),
    ("matches: []", "GWC214", "matches", "`matches` is empty", "at least one item"),
    ("matches: {method: []}", "GWC214", "method", "`method` is empty", "at least one item"),
    ("matches: {host: []}", "GWC214", "host", "`host` is empty", "at least one value"),
    ("split: []", "GWC214", "split", "`split` is empty", "at least one item"),
    ("upstream:", "GWC216", "upstream", "`upstream` has no value", "`upstream:`"),
    ("upstream: ~", "GWC216", "~", "`upstream` has no value", "`upstream:`"),
    ("upstream: #a", "GWC216", "upstream", "`upstream` has no value", "comment"),
    ("matches:", "GWC216", "matches", "`matches` has no value", "`matches:`"),
    ("split:", "GWC216", "split", "`split` has no value", "`split:`"),
    ("matches: {method: [GET, null]}", "GWC216", "null", "`method` has no value", "`-`"),
    (
        "respond: {header: {name: a}}",
        "GWC217",
        "header",
        "how KDL writes an item of `headers`",
        "`- header: …`",
    ),
    ("matches: [a]", "GWC218", "a", "an item of this list is a mapping", "`- host: …`"),
    ("split: [a]", "GWC218", "a", "an item of this list is a mapping", "`- upstream: …`"),
    ("split: [{weight: 1}]", "GWC219", "weight", "this item has no `upstream`", "`- upstream: …`"),
    ("matches: {header: {name: x, min: .inf}}", "GWC221", ".inf", "a finite number", "a whole number"),
    ("respond: {status: 4e2}", "GWC222", "4e2", "a whole number, found `4E+2`", "`400`"),
]


@pytest.mark.parametrize(("inside", "code", "place", "headline", "advice"), MISTAKES)
def test_a_mistake_in_a_route(inside: str, code: str, place: str, headline: str, advice: str) -> None:
    """One mistake is told once, at its smallest place, with what to do."""
    text = f"routes:\n  - route: r\n    {inside}\n"
    found = only(yaml(text))
    assert found.code == code
    assert cut(text, found.span) == place
    assert headline in found.headline
    assert advice in found.help


TOP = [
    ("route: r", "GWC203", "`route` stands outside `routes`", "the list `routes` at the top level"),
    ("listener: r", "GWC203", "`listener` stands outside `listeners`", "the list `listeners`"),
    ("matcher: r", "GWC217", "`matcher` is how KDL writes an item of `matchers`", "`- matcher: …`"),
    ("routes: {r: {upstream: u}}", "GWC204", "`routes` takes a list, found a mapping", "`- route: r`"),
    ("listeners: {listener: a}", "GWC204", "`listeners` takes a list, found a mapping", "`- listener: …`"),
    ("routes: [r]", "GWC218", "an item of `routes` is a mapping", "`- route: …`"),
    ("routes: [{upstream: u}]", "GWC219", "does not say what it is", "`route: …` or `group: …`"),
    ("routes: [{route: r, group: g}]", "GWC220", "is both `route` and `group`", "two items"),
    ("routes: [null]", "GWC216", "`routes` has no value", "`-`"),
    ("listeners: [{address: 'a:1'}]", "GWC219", "this item has no `listener`", "`- listener: …`"),
    ("listeners: [{listener: a}]", "GWC205", "listener `a` has no `address`", "`address: "),
    ("upstreams: [{upstream: a}]", "GWC205", "upstream `a` has no `targets`", "`targets: …`"),
    ("upstreams: [{upstream: a, target: 'a:1'}]", "GWC217", "an item of `targets`", "`- target: …`"),
    ("matchers: [{matcher: a}]", "GWC214", "`matcher` says nothing", "`host`"),
    ("defaults: {}", "GWC214", "`defaults` is empty", "`priority`"),
    ("upstreams: [{upstream: a, targets: [3]}]", "GWC204", "`target` takes text, found", '`"3"`'),
]


@pytest.mark.parametrize(("text", "code", "headline", "advice"), TOP)
def test_a_mistake_at_the_top(text: str, code: str, headline: str, advice: str) -> None:
    """Lists, tags and required keys are asked for in words."""
    found = only(yaml(text))
    assert found.code == code
    assert headline in found.headline
    assert advice in found.help


def test_words_of_other_versions_are_text() -> None:
    """`no`, `on`, `22:22` and `010` keep their text, so they can be names."""
    validated = yaml("routes: [{route: no, upstream: on}, {route: '22:22', upstream: 010}]")
    assert validated.diagnostics == ()
    assert [route["route"] for route in validated.data["routes"]] == ["no", "22:22"]
    assert [route["upstream"] for route in validated.data["routes"]] == ["on", "010"]


def test_all_mistakes_are_told_in_one_run() -> None:
    """Reading goes on behind a mistake."""
    text = """
listeners: [{listener: a, adress: "x:1"}, {listener: b, address: nope, protocol: htps}]
routes:
  - route: r
    matches: {methods: GET, path: x}
    upstream:
  - rout: s
"""
    assert codes(yaml(text)) == ["GWC200", "GWC224", "GWC212", "GWC200", "GWC227", "GWC216", "GWC219"]
