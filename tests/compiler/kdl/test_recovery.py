"""Many mistakes in one file: each is told once, at its place, and what is right around them is read."""

from __future__ import annotations

import re

from gwc.compiler.parse.document import Node
from gwc.compiler.parse.kdl import parse
from gwc.compiler.parse.kdl.tokens import LIMIT

# The mistakes stand between « and », what is found of each after it.
FILE = r"""
upstreams {
    upstream "orders" { target "10.0.0.1:8080" «weight=»119 }
    upstream "users" {
        target "10.0.0.2:8080" weight=«=»120 3
        target «10.0.0.3:8080»107
    } «keepalive»124 "30s"
}
«#»106 routes "begin {here
routes {
    route "orders-read" {
        matches {
            host "api.example.com"«"*.example.net"»110
            path-prefix «/orders/{id}»111
            method «[»134"GET", "HEAD"]
            header "x-debug" present=«true»105
        }
        timeout «30s»107
        upstream «"»101orders
    }
    route "users" «(»125 {
        priority «=»121 10
        matches { path-regex "/v«\d»103+"; query "q" "«\u{110000}»104" }
        retries «#treu»106
        «404»122
    }
    route «"»101rest {
        respond status=404 {
            body "" "
                no
«              »115such
                "" "
        }
        response-headers «(t)»126set="a"
        rewrite { prefix "/v2" };«;»130
        header "a" "b" «)»129
        «/-»127
    }
    route "teams" {
        matches «{»117
            path "/teams"
        respond status=404
    }
    «{»123
        lonely
    }
    body «"»133one
      two"
    // «\u{202e}»109
    route "last" { respond } // and this is right
}
""".replace('"" "', '"""')


def marked(text: str) -> tuple[str, list[tuple[str, int, int]]]:
    """The text without its marks, and for each what it announces and where."""
    announced: list[tuple[str, int, int]] = []
    pieces: list[str] = []
    pos = 0
    for plain, mistake, code in re.findall(r"([^«]*)(?:«([^»]*)»([0-9]{3})|\Z)", text, re.DOTALL):
        mistake = mistake.replace(r"\u{202e}", "\u202e")
        pieces += [plain, mistake]
        start = pos + len(plain)
        pos = start + len(mistake)
        if code:
            announced.append((f"GWC{code}", start, pos))
    return "".join(pieces), announced


def names(nodes: tuple[Node, ...]) -> list[str]:
    """The names of a tree, parents before their children."""
    return [name for node in nodes for name in (node.head.name, *names(node.children or ()))]


def test_each_mistake_of_a_file_is_told_once() -> None:
    """Nothing but what is marked is found, each with its code and its exact place."""
    text, announced = marked(FILE)
    _, findings = parse(text, "gwc.kdl")
    found = [(finding.code, finding.span.start, finding.span.end) for finding in findings if finding.span]
    assert found == announced
    assert len(found) == 27
    assert {finding.span.file for finding in findings if finding.span} == {"gwc.kdl"}


def test_what_is_right_is_read_beside_what_is_wrong() -> None:
    """The tree of a file with mistakes has its nodes where they belong."""
    document, _ = parse(marked(FILE)[0], "gwc.kdl")
    assert [node.head.name for node in document.nodes] == ["upstreams", "routes"]
    (upstreams, routes) = document.nodes
    assert names(upstreams.children or ()) == [
        "upstream",
        "target",
        "upstream",
        "target",
        "target",
        "keepalive",
    ]
    routed = [node.head.args[0].value for node in routes.children or () if node.head.name == "route"]
    assert routed == ["orders-read", "users", "rest", "teams"]  # in which the `{` is never closed


def test_a_string_that_takes_a_brace_with_it_breaks_no_block() -> None:
    """Where a line's quotes are odd its braces tell nothing: one finding, none of blocks."""
    for line in ('path "/x }', 'path "/x"; method "GET }', 'path "/x }; method "GET" }'):
        _, findings = parse(f'routes {{\n  route "a" {{\n    matches {{ {line}\n    respond\n  }}\n}}\n', "f")
        assert [finding.code for finding in findings] == ["GWC101"], line


def test_a_comment_or_string_that_takes_the_rest_hides_no_block() -> None:
    """Blocks that are open where the rest of the file is lost are not told of."""
    for rest in ("/* why", '"""\n text', '#"""\n text\n"""'):
        _, findings = parse(f"a {{\n  b {{\n    c {rest}\n  }}\n}}\n", "f")
        assert len(findings) == 1, rest


def test_no_more_than_a_hundred_mistakes_are_told() -> None:
    """A file that is no KDL at all is given up."""
    _, findings = parse("a 1x\n" * 1000, "f")
    assert len(findings) == LIMIT == 100
    _, findings = parse("}\n" * 1000, "f")
    assert len(findings) == LIMIT
    _, findings = parse("a {} b\n" * 50 + "a\0\n" + "a (\n" * 90, "f")
    assert len(findings) == LIMIT
