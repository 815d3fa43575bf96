"""Paths that no request can have: which they are, and what is said of each."""

from __future__ import annotations

import pytest
from gwc.compiler.pipeline import compile_text
from gwc.compiler.resolve.possible import host_possible, path_possible
from gwc.schema.diagnostic import Diagnostic, Severity
from gwc.schema.normalise.path import normalise_path


def _errors(block: str, listener: str = "") -> list[Diagnostic]:
    text = (
        f'listeners {{ listener "a" {{ address "0.0.0.0:80"; {listener} }} }}\n'
        f'routes {{ route "r" {{ matches {{ {block} }}; respond }} }}\n'
    )
    result = compile_text(text, "kdl")
    return [each for each in result.diagnostics if each.severity is Severity.ERROR]


ADVICE = [
    ('path "/a//b"', "write `/a/b`, the normal form"),
    ('path "/%41"', "write `/A`, the normal form"),
    ('path "/café"', "write `/caf%C3%A9`, the normal form"),
    ('path "/a%c3%a9"', "write `/a%C3%A9`, the normal form"),
    ('path "/a b"', "write `/a%20b`, the normal form"),
    ('path "/a/../b"', "write `/b`, the normal form"),
    ('path "/[x]"', "write `/%5Bx%5D`, the normal form"),
    ('path "/search?q=1"', "`?` begins the query: write `/search`, and `query` for what follows"),
    ('path "/a#b"', "what follows a `#` is never sent"),
    ('path "/users/{id}"', 'write `path-template "/users/{id}"`'),
    ('path-prefix "/users/{id}"', 'write `path-template "/users/{id}"`'),
    ('path "/a%2Fb"', 'path-normalisation "keep-encoded-slash"'),
    ('path "/100%"', "write `%25` for the character itself"),
    ('path "/a\\\\b"', "requests with a backslash in their path are refused"),
    ('path "/../a"', "the `..` has nothing to remove"),
    ('path "/a/..;/b"', "`.;` or `..;`"),
    ('path "/%C0%AF"', "overlong"),
    ('path "/%00"', "control characters"),
    ('path-prefix "/a//b/"', "write `/a/b`, the normal form"),
    ('path-prefix "/x/."', "write `/x/`, the normal form"),
    ('path-template "/a//{id}/%7e"', "write `/a/{id}/~`, the normal form"),
    ('path-template "/é/{rest...}"', "write `/%C3%A9/{rest...}`, the normal form"),
    ('path-template "/{a}/../b"', "write the template without `.` and `..`"),
    ('path-template "/{a}/%zz"', "write `%25` for the character itself"),
    ('path-regex "\\\\.php"', "write `/\\.php`, or `.*\\.php` for any path that ends so"),
    ('path-regex "^api/.*$"', "write `/api/.*$`, or `.*api/.*$`"),
    ('path-regex "(?i)api"', "write `(?i)/api`, or `(?i).*api`"),
    ('path-regex "/é"', "is escaped in it"),
    ('path-regex "/a b"', "is escaped in it"),
    ('path-regex "/a\\\\?b=.*"', "is escaped in it"),
]


@pytest.mark.parametrize(("block", "advice"), ADVICE)
def test_an_impossible_path_is_an_error_that_says_what_to_write(block: str, advice: str) -> None:
    """One error, and its help names the normal form or the reason that there is none."""
    (only,) = _errors(block)
    assert only.code == "GWC310"
    assert advice in only.help


POSSIBLE = [
    'path "/" "/a/" "/a.b" "/a;b" "/*" "/a%20b" "/:id" "/a..b" "/.well-known/x"',
    'path-prefix "/" "/a/" "/a" "/~x"',
    'path-template "/{a}/{b}" "/{rest...}" "/a/{b}/"',
    'path-regex "/.*" ".*" "/(é|e)" "[a-z/]+" "(?:)/a" "/a?" "(a|/b)" "a*/b" "/[^/]+" "^/a$"',
]


@pytest.mark.parametrize("block", POSSIBLE)
def test_a_possible_path_is_none(block: str) -> None:
    """What some request can have is left alone."""
    assert _errors(block) == []


def test_the_listeners_options_count() -> None:
    """A pattern is impossible only if no listener that can deliver it produces it."""
    assert _errors('path "/a//b"', 'path-normalisation "keep-repeated-slashes"') == []
    assert _errors('path "/a%2Fb"', 'path-normalisation "keep-encoded-slash"') == []
    assert len(_errors('path "/a//b"', 'path-normalisation "keep-encoded-slash"')) == 1


def test_what_is_called_impossible_is() -> None:
    """Every character of a normalised path is one that the bound for expressions knows."""
    for byte in range(0x21, 0x7F):
        path = normalise_path(b"/" + bytes([byte]))
        if isinstance(path, str):
            assert path_possible("/" + "".join(f"\\x{ord(each):02x}" for each in path[1:])), path


def test_hosts_have_capitals_in_no_expression() -> None:
    """A host is lower case; a class or a flag that has both cases will do."""
    assert not host_possible("API")
    assert not host_possible("https://api")
    assert host_possible("(?i)API")
    assert host_possible("[A-Za-z]+")
    assert host_possible("\\[::1\\]")
    assert not host_possible("")
