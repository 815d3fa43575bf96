"""Rows on many routes at one place, where tables take forms that small configurations never need."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from .build import ADDRESS, Row, ask, config, route_of


def crowd_rows() -> Iterator[Row]:
    """Many routes on one path that a header tells apart, many shapes of paths on one host."""
    tenants = [
        route_of(f"t{n}", {"path": "/a", "header": {"name": "x-t", "value": f"{n}"}}) for n in range(9)
    ]
    two = route_of("two", {"path": "/a", "header": {"name": "x-t", "value": ["first", "second"]}})
    posts = route_of("post", {"path": "/a", "method": "POST"})
    crowd = config(*tenants, two, posts, route_of("rest", {"path": "/a"}))
    for value, expected in (("0", "t0"), ("8", "t8"), ("first", "two"), ("second", "two"), ("9", "rest")):
        yield Row(f"tenants: {value}", crowd, ask(headers=(("x-t", value),)), expected)
    yield Row("tenants: none", crowd, ask(), "rest")
    yield Row("tenants: a method before a header", crowd, ask(method="POST", headers=(("x-t", "1"),)), "post")
    flags = [each for each in product((True, False), repeat=3) if each != (True, False, False)]
    templates = {
        "".join("l" if each else "p" for each in flag): "/"
        + "/".join(word if each else f"{{{word}}}" for word, each in zip("abc", flag, strict=True))
        for flag in flags
    }
    shapes = [route_of(name, {"path-template": text}) for name, text in templates.items()]
    keep = {"listener": "k", "address": ADDRESS, "path-normalisation": "keep-repeated-slashes"}
    many = config(*shapes, route_of("under", {"path-prefix": "/a/b/c/d"}), listeners=[keep])
    answers: tuple[tuple[str, str | None], ...] = (
        ("/a/b/c", "lll"),
        ("/a/b/z", "llp"),
        ("/a/z/c", "lpl"),
        ("/a/z/z", "ppp"),
        ("/z/b/z", "plp"),
        ("/z/z/z", "ppp"),
        ("/z/z/", None),
        ("/z//z", None),
        ("/z//c", None),
        ("//b/c", None),
        ("/a//c", None),
        ("/z/z", None),
        ("/z/z/z/z", None),
        ("/a/b/c/d", "under"),
        ("/a/b/c/d/e", "under"),
        ("/a/b/c/de", None),
        ("/a/b/c/", None),
    )
    for target, taken_by in answers:
        yield Row(f"shapes: {target}", many, ask(target), taken_by)
