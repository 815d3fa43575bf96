"""What is refused of an egress proxy, and where."""

from __future__ import annotations

import pytest
from gwc.compiler.pipeline import compile_text

CONFIG = """listeners {{ listener "a" {{ address "127.0.0.1:8080" }} }}
upstreams {{ upstream "u" {{ {said} }} }}
routes {{ route "r" {{ upstream "u" }} }}
"""


@pytest.mark.parametrize(
    ("said", "code", "at"),
    [
        ('target "h:1"; egress-proxy "https://p:1"', "GWC350", '"https://p:1"'),
        ('target "h:1"; egress-proxy "http://p:1/path"', "GWC350", '"http://p:1/path"'),
        ('target "h:1"; egress-proxy "http://u:w@p:1"', "GWC237", "u:w@"),
        ('target "h:1"; egress-proxy "p:1"', "GWC237", '"p:1"'),
        ('target "h:1"; egress-proxy "http://p" username="u"', "GWC351", "username"),
        ('target "h:1"; egress-proxy "http://p" password="u"', "GWC351", "password"),
        ('target "srv:_x._tcp.h"; egress-proxy "http://p"', "GWC352", '"srv:_x._tcp.h"'),
        ('target "unix:/run/x"; egress-proxy "http://p"', "GWC352", '"unix:/run/x"'),
    ],
)
def test_mistakes(said: str, code: str, at: str) -> None:
    """Each with its own code, at the smallest place."""
    text = CONFIG.format(said=said)
    (found,) = [each for each in compile_text(text, "kdl").diagnostics if each.code == code]
    assert found.span is not None
    assert text[found.span.start : found.span.end].strip('"') == at.strip('"')


@pytest.mark.parametrize("said", ["", ' username="u" password="${env:P}"', "{ username u; password p }"])
def test_what_is_good(said: str) -> None:
    """With and without credentials, as properties or in a block."""
    assert not compile_text(
        CONFIG.format(said=f'target "h:1"; egress-proxy "http://p"{said}'), "kdl"
    ).diagnostics
