"""What `gwc explain` says of how an upstream is spoken to."""

from __future__ import annotations

from gwc.compiler.pipeline import compile_text
from gwc.runtime.settings_shown import settings_line, settings_shown

CONFIG = """
listeners {{ listener "public" {{ address "127.0.0.1:8080" }} }}
upstreams {{ upstream "a" {{ target "127.0.0.1:1"; tls; protocol "{protocol}" }} }}
routes {{ route "a" {{ upstream "a" }} }}
"""


def test_the_version_that_is_spoken() -> None:
    """HTTP/1.1 goes without saying."""
    lines = {}
    for protocol in ("http1", "http2", "auto"):
        table = compile_text(CONFIG.format(protocol=protocol), "kdl").table
        assert table is not None
        shown = settings_shown(table, 0, "a")
        assert shown["protocol"] == protocol
        lines[protocol] = settings_line(shown)
    assert "HTTP/2" not in lines["http1"]
    assert "; HTTP/2 to targets" in lines["http2"]
    assert "; HTTP/2 to targets where TLS agrees on it" in lines["auto"]
