"""Path templates, values with variables, and globs."""

from __future__ import annotations

import re
import time

import pytest
from gwc.schema.glob import Glob, parse_glob
from gwc.schema.template import (
    EnvironmentReference,
    FileReference,
    Parameter,
    PathTemplate,
    Text,
    ValueTemplate,
    Variable,
    literal_bytes,
    match_template,
    parse_template,
    parse_value,
)
from gwc.schema.values.refusal import ValueRefusal
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("template", "path", "captures"),
    [
        ("/users/{id}", "/users/7", {"id": "7"}),
        ("/users/{id}", "/users/", None),
        ("/users/{id}", "/users", None),
        ("/users/{id}", "/users/7/", None),
        ("/users/{id}", "/users/7/x", None),
        ("/users/{id}", "/Users/7", None),
        ("/users/{id}/", "/users/7/", {"id": "7"}),
        ("/users/{id}/", "/users/7", None),
        ("/{a}/x/{b-c}", "/1/x/%2F", {"a": "1", "b-c": "%2F"}),
        ("/{a}/x", "//x", None),
        ("/files/{rest...}", "/files", {"rest": ""}),
        ("/files/{rest...}", "/files/", {"rest": ""}),
        ("/files/{rest...}", "/files/a", {"rest": "a"}),
        ("/files/{rest...}", "/files/a/b/", {"rest": "a/b/"}),
        ("/files/{rest...}", "/files//a", {"rest": "/a"}),
        ("/files/{rest...}", "/filesx", None),
        ("/{rest...}", "/", {"rest": ""}),
        ("/{rest...}", "/a/b", {"rest": "a/b"}),
        ("/u/{id}/{rest...}", "/u/7", {"id": "7", "rest": ""}),
        ("/u/{id}/{rest...}", "/u/", None),
        ("/u/{id}/{rest...}", "/u", None),
        ("/", "/", {}),
        ("/a", "/a", {}),
    ],
)
def test_what_templates_match(template: str, path: str, captures: dict[str, str] | None) -> None:
    """A parameter is one whole segment that is not empty, a rest is what is left, if anything."""
    assert match_template(template, path) == captures


@pytest.mark.parametrize(
    ("template", "literal"),
    [
        ("/users/{id}", 7),
        ("/users/{id}/files/{rest...}", 13),
        ("/{rest...}", 0),
        ("/a/{rest...}", 2),
        ("/{a}/{b}", 2),
        ("/users/{id}/", 8),
        ("/abc", 4),
    ],
)
def test_literal_bytes_leave_out_parameters_and_the_slash_before_a_rest(template: str, literal: int) -> None:
    """The rank of a template counts what is plain in it."""
    assert literal_bytes(template) == literal


def test_a_template_knows_its_names() -> None:
    """Names come in written order, a rest is marked."""
    template = parse_template("/u/{id}/{rest...}")
    assert isinstance(template, PathTemplate)
    assert template.names == ("id", "rest")
    assert template.has_rest
    assert template.segments == ("u", Parameter("id"), Parameter("rest", rest=True))


@pytest.mark.parametrize(
    ("text", "piece", "message", "advice"),
    [
        ("users/{id}", "u", "does not begin with `/`", "write `/users/{id}`"),
        ("", "", "does not begin with `/`", "write `/` first"),
        ("/{x...}/y", "{x...}", "takes the rest of the path", "write `{x}`"),
        ("/a/{x}/{x}", "{x}", "two parameters have the name `x`", "own name"),
        ("/a/v{x}", "v{x}", "a parameter and something else in one segment", "`{x}` as a segment"),
        ("/{x}.json", "{x}.json", "a parameter and something else", "`path-regex`"),
        ("/{a", "{", "this `{` is never closed", "`{id}`"),
        ("/a}", "}", "this `}` is never opened", "`{id}`"),
        ("/}{", "}", "this `}` is never opened", "`{id}`"),
        ("/{{a}}", "{{a}}", "braces in braces", "one pair"),
        ("/{}", "{}", "a parameter has no name", "write `{name}`"),
        ("/{...}", "{...}", "a parameter has no name", "write `{name...}`"),
        ("/{1x}", "{1x}", "`1x` is not the name of a parameter", "begins with a letter"),
        ("/{*path}", "{*path}", "is not the name", "write `{path...}`"),
        ("/{path+}", "{path+}", "is not the name", "write `{path...}`"),
        ("/{path:path}", "{path:path}", "is not the name", "write `{path...}`"),
        ("/{id:[0-9]+}", "{id:[0-9]+}", "is not the name", "write `{id}`; conditions"),
        ("/{id=*}", "{id=*}", "is not the name", "write `{id}`"),
        ("/{id?}", "{id?}", "is not the name", "two templates"),
        ("/{x..}", "{x..}", "is not the name", "write `{x...}`"),
        ("/{" + "a" * 65 + "}", "{" + "a" * 65 + "}", "is 65 characters long", "64"),
    ],
)
def test_templates_that_are_none_are_told_what_to_write(
    text: str, piece: str, message: str, advice: str
) -> None:
    """The span is the brace, segment or parameter that is wrong."""
    refusal = parse_template(text)
    assert isinstance(refusal, ValueRefusal), refusal
    assert refusal.message
    assert text[refusal.offset : refusal.offset + refusal.length] == piece
    assert message in refusal.message
    assert advice in refusal.help


_SEGMENTS = st.lists(st.sampled_from(["a", "b", "{x}", "{y}", ""]), min_size=1, max_size=4)


@given(_SEGMENTS, st.booleans(), st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=1, max_size=5))
def test_templates_match_what_their_regular_expression_does(
    segments: list[str], rest: bool, path: list[str]
) -> None:
    """The walk over segments agrees with a pattern made of the definition."""
    if segments.count("{x}") > 1 or segments.count("{y}") > 1:
        return
    template = "/" + "/".join(segments) + ("/{rest...}" if rest else "")
    pattern = re.sub(r"\\\{([xy])\\\}", r"(?P<\1>[^/]+)", re.escape("/" + "/".join(segments)))
    if rest:
        pattern += "(?:/(?P<rest>.*))?"
    given_path = "/" + "/".join(path)
    found = re.fullmatch(pattern, given_path)
    expected = None if found is None else found.groupdict("")
    assert match_template(template, given_path) == expected


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("plain $ }", (Text("plain $ }", 0, 9),)),
        (
            "x-${req.host}!",
            (Text("x-", 0, 2), Variable("req.host", "${req.host}", 2, 13), Text("!", 13, 14)),
        ),
        ("$${req.host}", (Text("${req.host}", 0, 12),)),
        ("a$${b${route}", (Text("a${b", 0, 5), Variable("route", "${route}", 5, 13))),
        ("${req.header.X-Id}", (Variable("req.header.x-id", "${req.header.X-Id}", 0, 18),)),
        ("${path.user-id}", (Variable("path.user-id", "${path.user-id}", 0, 15),)),
        ("${client-ip}", (Variable("client-ip", "${client-ip}", 0, 12),)),
        ("${env:TOKEN}", (EnvironmentReference("TOKEN", "${env:TOKEN}", 0, 12),)),
        ("${file:/run/a b}", (FileReference("/run/a b", "${file:/run/a b}", 0, 16),)),
    ],
)
def test_values_are_taken_apart(text: str, parts: tuple[object, ...]) -> None:
    """Text, variables and references come with the places where they were written."""
    value = parse_value(text)
    assert isinstance(value, ValueTemplate)
    assert value.parts == parts


def test_a_value_without_variables_is_constant() -> None:
    """What always comes to the same text can be worked out beforehand."""
    constant, varying = parse_value("a$${b}"), parse_value("a${route}")
    assert isinstance(constant, ValueTemplate)
    assert isinstance(varying, ValueTemplate)
    assert constant.constant == "a${b}"
    assert varying.constant is None


@pytest.mark.parametrize(
    ("text", "piece", "message", "advice"),
    [
        ("a${req.host", "${", "this `${` is never closed", "`$${`"),
        ("${a${route}}", "${", "this `${` is never closed", "`}`"),
        ("${}", "${}", "`${}` names nothing", "`req.host`"),
        ("${host}", "${host}", "there is no variable `${host}`", "did you mean `${req.host}`?"),
        ("${remote_addr}", "${remote_addr}", "there is no variable", "did you mean `${client-ip}`?"),
        ("${ req.host }", "${ req.host }", "there is no variable", "did you mean `${req.host}`?"),
        ("${Req.Host}", "${Req.Host}", "there is no variable", "did you mean `${req.host}`?"),
        ("${req.headers.X-Id}", "${req.headers.X-Id}", "no variable", "did you mean `${req.header.x-id}`?"),
        ("${HOME}", "${HOME}", "there is no variable", "did you mean `${env:HOME}`?"),
        ("${env.HOME}", "${env.HOME}", "there is no variable", "did you mean `${env:HOME}`?"),
        ("${req.header.a b}", "${req.header.a b}", "there is no variable", "`req.header.NAME`"),
        ("${path.}", "${path.}", "there is no variable", "`path.NAME`"),
        ("${other}", "${other}", "there is no variable `${other}`", "`listener`"),
        ("${env:}", "${env:}", "names no environment variable", "`${env:NAME}`"),
        ("${env:A-B}", "${env:A-B}", "`A-B` is not the name", "write `${env:A}`; there are no default"),
        ("${env:A:-x}", "${env:A:-x}", "is not the name", "overlay"),
        ("${env:1A}", "${env:1A}", "is not the name", "no digit"),
        ("${file:}", "${file:}", "names no file", "/run/secrets/name"),
    ],
)
def test_values_that_are_none_are_told_what_there_is(
    text: str, piece: str, message: str, advice: str
) -> None:
    """An unknown variable gets the nearest one, or the list."""
    refusal = parse_value(text)
    assert isinstance(refusal, ValueRefusal)
    assert text[refusal.offset : refusal.offset + refusal.length] == piece
    assert message in refusal.message
    assert advice in refusal.help


def test_variables_are_refused_where_no_request_is() -> None:
    """An address takes references to the environment and to files, and nothing of a request."""
    assert isinstance(parse_value("${env:A}:80", variables=False), ValueTemplate)
    refusal = parse_value("${req.host}", variables=False)
    assert isinstance(refusal, ValueRefusal)
    assert "`${env:NAME}`" in refusal.help


@given(st.one_of(st.text(max_size=30), st.text("${}:.aenvrqhostpi/-", max_size=20)))
def test_the_parts_of_a_value_cover_it(text: str) -> None:
    """Parts follow each other without gaps; what is refused lies inside the text."""
    value = parse_value(text)
    if isinstance(value, ValueRefusal):
        assert 0 <= value.offset < value.offset + value.length <= len(text)
        return
    assert [part.start for part in value.parts] == [0, *(part.end for part in value.parts)][:-1][
        : len(value.parts)
    ]
    assert not value.parts or value.parts[-1].end == len(text)
    for part in value.parts:
        written = text[part.start : part.end]
        assert part.text == (written.replace("$${", "${") if isinstance(part, Text) else written)


@given(st.text(max_size=40))
def test_literal_text_can_always_be_written(text: str) -> None:
    """Any text has a spelling as a constant value: `$${` for each `${`, unless a `$` stands before it."""
    if "$${" in text:
        return
    value = parse_value(text.replace("${", "$${"))
    assert isinstance(value, ValueTemplate)
    assert value.constant == text


@pytest.mark.parametrize(
    ("glob", "matching", "others"),
    [
        ("gpt-4", ["gpt-4"], ["gpt-4o", "gpt", "GPT-4"]),
        ("gpt-4*", ["gpt-4", "gpt-4o", "gpt-4/x"], ["gpt-3", "xgpt-4"]),
        ("*", ["", "a", "a/b"], []),
        ("**", ["", "a"], []),
        ("*/llama-*", ["meta/llama-3", "a/b/llama-"], ["llama-3", "meta/llam"]),
        ("a*b*c", ["abc", "aXbYc", "abbc"], ["ac", "ab", "acb"]),
        ("ab*ba", ["abba", "abXba"], ["aba", "abb"]),
        ("*a*a*", ["aa", "xaxax"], ["a", "xa"]),
        ("a?[b]{c}\\", ["a?[b]{c}\\"], ["ab"]),
    ],
)
def test_what_globs_match(glob: str, matching: list[str], others: list[str]) -> None:
    """`*` is any run of characters, slashes too; nothing else is special."""
    parsed = parse_glob(glob)
    assert isinstance(parsed, Glob)
    assert [text for text in matching if not parsed.matches(text)] == []
    assert [text for text in others if parsed.matches(text)] == []


@given(st.text("ab*/", min_size=1, max_size=8), st.text("ab/", max_size=12))
def test_globs_match_what_their_regular_expression_does(glob: str, text: str) -> None:
    """The search for pieces agrees with `.*` for each star."""
    parsed = parse_glob(glob)
    assert isinstance(parsed, Glob)
    pattern = ".*".join(re.escape(piece) for piece in glob.split("*"))
    assert parsed.matches(text) == bool(re.fullmatch(pattern, text, re.DOTALL))


def test_globs_that_are_none_are_refused() -> None:
    """Empty or with control characters: none of it can be a model's name."""
    for text, offset in (("", 0), ("ab\n", 2)):
        refusal = parse_glob(text)
        assert isinstance(refusal, ValueRefusal)
        assert refusal.offset == offset


def test_no_glob_is_slow() -> None:
    """Many stars on a long text that nearly matches are decided at once."""
    glob = parse_glob("a*" * 127 + "b")
    assert isinstance(glob, Glob)
    began = time.process_time()
    assert not glob.matches("a" * 100_000)
    assert time.process_time() - began < 1


@given(st.text(max_size=300))
def test_what_is_read_as_written_is_read_as_bytes(text: str) -> None:
    """A value, template or glob that was accepted in characters is accepted in its UTF-8 bytes too."""
    as_bytes = text.encode("utf-8", "surrogatepass").decode("latin-1")
    for parse, written, spelt in (
        (parse_value, "${file:/" + text + "}", "${file:/" + as_bytes + "}"),
        (parse_template, "/" + text, "/" + as_bytes),
        (parse_glob, text, as_bytes),
    ):
        assert isinstance(parse(written), ValueRefusal) == isinstance(parse(spelt), ValueRefusal)
