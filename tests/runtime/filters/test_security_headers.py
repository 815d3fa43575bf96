"""`security-headers`: the preset, what of it a configuration changes, and who has the last word."""

from __future__ import annotations

import pytest

from .serving import asked

PRESET = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "strict-origin-when-cross-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cross-origin-opener-policy": "same-origin",
}
NAMES = frozenset((*PRESET, "cross-origin-resource-policy", "content-security-policy"))

ROWS = [
    ("", {}),
    ("content-type-options #false", {"x-content-type-options": None}),
    ('frame-options "deny"', {"x-frame-options": "DENY"}),
    ('frame-options "off"', {"x-frame-options": None}),
    ('referrer-policy "no-referrer"', {"referrer-policy": "no-referrer"}),
    ('permissions-policy "usb=()"', {"permissions-policy": "usb=()"}),
    ('permissions-policy "off"', {"permissions-policy": None}),
    ('opener-policy "unsafe-none"', {"cross-origin-opener-policy": "unsafe-none"}),
    ('resource-policy "same-site"', {"cross-origin-resource-policy": "same-site"}),
    ("content-security-policy \"default-src 'self'\"", {"content-security-policy": "default-src 'self'"}),
]


@pytest.mark.parametrize(("said", "changed"), ROWS)
def test_the_preset(said: str, changed: dict[str, str | None]) -> None:
    """It is on every reply, and each key changes its field."""
    config = f'routes {{ route "r" {{ security-headers {{ {said} }}; upstream "u" }} }}'
    (answer,) = asked(config, [("GET", "/")])
    found = {name: value for name, value in answer.fields if name in NAMES}
    assert found == {name: value for name, value in {**PRESET, **changed}.items() if value is not None}


@pytest.mark.parametrize(("replace", "wanted"), [("#false", "ALLOW-FROM x"), ("#true", "SAMEORIGIN")])
def test_what_a_target_says(replace: str, wanted: str) -> None:
    """Its own is kept, because it knows its pages, unless it is to be replaced."""
    config = f'routes {{ route "r" {{ security-headers {{ replace {replace} }}; upstream "u" }} }}'
    (answer,) = asked(config, [("GET", "/")], "X-Frame-Options: ALLOW-FROM x")
    assert answer.value("x-frame-options") == wanted
    assert answer.value("x-content-type-options") == "nosniff"


def test_header_rules_come_later() -> None:
    """A route's own rules change and remove what the preset set; replies of the gateway have it too."""
    config = """
    defaults { security-headers }
    routes {
        route "r" { upstream "u"
            response-headers { set "x-frame-options" "DENY"; remove "referrer-policy" } }
        route "off" { matches { path "/off" }; security-headers "off"; upstream "u" }
        route "own" { matches { path "/own" }; respond }
    }
    """
    ruled, off, own = asked(config, [("GET", "/"), ("GET", "/off"), ("GET", "/own")])
    assert (ruled.value("x-frame-options"), ruled.value("referrer-policy")) == ("DENY", None)
    assert not NAMES & dict(off.fields).keys()
    assert own.value("x-frame-options") == "SAMEORIGIN"
