"""The other rules: what each one finds, what it leaves alone, and the edges between."""

from __future__ import annotations

import pytest

from .judging import BOTH, HTTP, UPSTREAM, findings, places

SCOPED = (
    'listeners { listener "a" { address "0.0.0.0:80"; host "*.example.com" "a.test" }\n'
    'listener "b" { address "0.0.0.0:81"; host "b.test" } }\n'
)
SLOW = (
    'upstreams { upstream "u" { target "a:1" }\nupstream "v" { target "a:1"; timeouts { request "off" } } }\n'
)


def _route(*words: str) -> str:
    return f'routes {{ route "r" {{ {"; ".join(words)} }} }}\n'


def _block(block: str) -> str:
    return _route(f"matches {{ {block} }}", "respond")


FOUND: list[tuple[str, str, list[str]]] = [
    # an upstream that no route sends anything to
    ("GWC401", HTTP + UPSTREAM + _route("respond"), ['"u"']),
    ("GWC401", HTTP + UPSTREAM + _route('upstream "u"'), []),
    ("GWC401", HTTP + UPSTREAM + _route('split { upstream "u" weight=0; upstream "u" }'), []),
    ("GWC401", HTTP + UPSTREAM + 'defaults { upstream "u" }\n' + 'routes { route "r" { priority 1 } }', []),
    ("GWC401", HTTP + UPSTREAM + 'defaults { upstream "u" }\n' + _route("respond"), ['"u"']),
    # a matcher that no block uses
    ("GWC402", HTTP + 'matcher "m" { path "/" }\n' + _route("respond"), ['"m"']),
    ("GWC402", HTTP + 'matcher "m" { path "/" }\n' + _block('use "m"'), []),
    ("GWC402", HTTP + 'matcher "m" { path "/" }\n' + _block('not { use "m" }'), []),
    (
        "GWC402",
        HTTP + 'matcher "m" { use "n" }\nmatcher "n" { path "/" }\n' + _route("respond"),
        ['"m"'],
    ),
    # weights that add up to nothing
    ("GWC403", HTTP + UPSTREAM + _route('split { upstream "u" weight=0 }'), ["split"]),
    ("GWC403", HTTP + UPSTREAM + _route('split { upstream "u" weight=0; upstream "u" weight=1 }'), []),
    (
        "GWC403",
        HTTP + UPSTREAM + 'routes { group "g" { split { upstream "u" weight=0 }; route "a" { priority 1 }; '
        'route "b" { matches { path "/b" } } } }',
        ["split"],
    ),
    (
        "GWC403",
        HTTP + 'upstreams { upstream "u" { target "a:1" weight=0 } }\n' + _route('upstream "u"'),
        ['"u"'],
    ),
    # lists of addresses that leave nobody
    ("GWC449", HTTP + _route('allow "10.1.0.0/16" "::1"', 'deny "10.0.0.0/8" "::/0"', "respond"), ["allow"]),
    ("GWC449", HTTP + _route('allow "10.1.0.0/16" "::1"', 'deny "10.0.0.0/8"', "respond"), []),
    ("GWC449", HTTP + _route('allow "10.0.0.0/8"', 'deny "10.1.0.0/16"', "respond"), []),
    ("GWC449", HTTP + _route('allow "10.0.0.0/8"', "respond"), []),
    (
        "GWC449",
        HTTP + 'defaults { deny "10.0.0.0/8" }\n'
        'routes { group "g" { allow "10.0.0.1"; route "a" { respond }; '
        'route "b" { matches { path "/b" }; respond }; '
        'route "c" { matches { path "/c" }; deny "10.0.0.2"; respond } } }',
        ["allow"],
    ),
    # a host that no listener brings
    ("GWC405", SCOPED + _block('host "b.example.com" "a.test" "*.example.com"'), []),
    ("GWC405", SCOPED + _block('host "example.com" "c.test"'), ['"example.com"', '"c.test"']),
    ("GWC405", SCOPED + _block('host "*.com" "*.a.example.com" "*.test"'), []),
    ("GWC405", SCOPED + _block('host "*.org"'), ['"*.org"']),
    ("GWC405", SCOPED + _block('host "b.test"; listener "a"'), ['"b.test"']),
    ("GWC405", SCOPED + _block('host "b.test"; listener "a" "b"'), []),
    (
        "GWC405",
        SCOPED + _route('matches { listener "a"; host "b.test" }', 'matches { listener "b" }', "respond"),
        ['"b.test"'],
    ),
    ("GWC405", HTTP + _block('host "c.test"'), []),
    (
        "GWC405",
        SCOPED + 'routes { group "g" { matches { host "c.test" }; route "a" { respond }; '
        'route "b" { matches { path "/" }; respond } } }',
        ['"c.test"'],
    ),
    # an expression for the linear engine
    ("GWC406", HTTP + _block('path-regex "/a.*b.*"'), ['"/a.*b.*"']),
    ("GWC406", HTTP + _block('path-regex "/a[0-9]+/.*"'), []),
    ("GWC406", HTTP + _block('not { header "x" regex="(a|ab)(c|bcd)" }'), ['"(a|ab)(c|bcd)"']),
    # two alternatives that ask for the same
    ("GWC407", HTTP + _route('matches { path "/a" }', 'matches { path "/a" }', "respond"), ["matches"]),
    ("GWC407", HTTP + _block('path "/a" "/a"'), ["matches"]),
    ("GWC407", HTTP + _block('host "a.b" "A.B."'), ["matches"]),
    ("GWC407", HTTP + _block('path-prefix "/a" "/b"'), []),
    (
        "GWC407",
        HTTP + 'routes { route "a" { matches { method "GET"; path "/" }; respond }; '
        'route "b" { matches { path "/"; method "GET" }; respond } }',
        ["matches"],
    ),
    (
        "GWC407",
        HTTP + 'routes { route "a" { matches { path "/" }; respond }; '
        'route "b" { matches { path "/"; method "GET" }; respond } }',
        [],
    ),
    ("GWC407", HTTP + 'routes { route "a" { respond }; route "b" { respond } }', ['"b"']),
    # a prefix with a trailing slash
    ("GWC408", HTTP + _block('path-prefix "/a/" "/b"'), ['"/a/"']),
    ("GWC408", HTTP + _block('path-prefix "/"'), []),
    ("GWC408", HTTP + _block('not { path-prefix "/a/" }'), ['"/a/"']),
    ("GWC408", HTTP + 'matcher "m" { path-prefix "/a/" }\n' + _block('use "m"'), ['"/a/"']),
    ("GWC408", HTTP + _block('path "/a/"'), []),
    # a method that is not in capitals
    ("GWC409", HTTP + _block('method "get" "Post" "PUT"'), ['"get"', '"Post"']),
    ("GWC409", HTTP + _block('method "purge"'), ['"purge"']),
    ("GWC409", HTTP + _block('method "M-SEARCH" "xY"'), []),
    # no listener, no routes
    ("GWC410", "// a comment\n" + _route("respond"), ["routes"]),
    ("GWC410", HTTP + _route("respond"), []),
    ("GWC411", HTTP, ["listeners"]),
    ("GWC411", UPSTREAM, ["upstreams"]),
    ("GWC411", HTTP + _route("respond"), []),
    # an expression that no host matches
    ("GWC413", HTTP + _block('host regex="API\\\\.b"'), ['"API\\\\.b"']),
    ("GWC413", HTTP + _block('host { regex "(?i)API" "[A-Za-z]+" "a|B" "\\\\W+" }'), []),
    ("GWC413", HTTP + _block('not { host regex="https://a" }'), ['"https://a"']),
    # a header that is never there
    (
        "GWC416",
        HTTP + _block('header "x_key" "1"; header "X-HTTP-Method-Override"'),
        ['"x_key"', '"X-HTTP-Method-Override"'],
    ),
    ("GWC416", HTTP + _block('not { header "X-Forwarded-Proto" "https" }'), ['"X-Forwarded-Proto"']),
    ("GWC416", HTTP + _block('header "forwarded"; header "x-real-ip"'), ['"forwarded"', '"x-real-ip"']),
    ("GWC416", HTTP + _block('header "x-key"; query "x_key"; cookie "x_key"'), []),
    (
        "GWC416",
        'listeners { listener "h" { address "0.0.0.0:80"; trusted-proxies "10.0.0.0/8" } }\n'
        + _block('header "x-forwarded-proto" "https"; header "x_y"'),
        ['"x_y"'],
    ),
    # a pattern of another gateway
    ("GWC415", HTTP + _block('path "/api/*" "/a:b" "/:"'), ['"/api/*"']),
    ("GWC415", HTTP + _block('path-prefix "/*" "/a" "/a*b"'), ['"/*"']),
    ("GWC415", HTTP + _block('path-template "/users/:id" "/{a}/:" "/**"'), ['"/users/:id"', '"/**"']),
    ("GWC415", HTTP + _block('path-regex "/a*"'), []),
    ("GWC415", HTTP + 'matcher "m" { path "/v*" }\n' + _block('not { use "m" }'), ['"/v*"']),
    # a variable where none is filled in
    ("GWC414", HTTP + _route('respond { body "${req.host}" }'), ['"${req.host}"']),
    ("GWC414", HTTP + _route('respond { body "$${req.host} ${x} ${route.id} {}" }'), []),
    ("GWC414", HTTP + _route('redirect path="/${path.id}"'), ['"/${path.id}"']),
    ("GWC414", HTTP + _block('not { header "x-key" "a" "${env:KEY}" }'), ['"${env:KEY}"']),
    ("GWC414", HTTP + 'matcher "m" { query "k" prefix="${file:k}" }\n' + _block('use "m"'), ['"${file:k}"']),
    (
        "GWC414",
        HTTP
        + UPSTREAM
        + _route('matches { path-prefix "/" }', 'upstream "u"', 'rewrite { prefix "/${route}" }'),
        ['"/${route}"'],
    ),
    (
        "GWC414",
        HTTP + UPSTREAM + _route('split { upstream "u" { rewrite { path "/${req.host}" } } }'),
        ['"/${req.host}"'],
    ),
    (
        "GWC414",
        HTTP + UPSTREAM + _route('upstream "u"', 'rewrite { template "/${req.host}" }'),
        [],
    ),
    # what needs TLS
    ("GWC412", HTTP + _block('sni "a.b"'), ["sni"]),
    ("GWC412", HTTP + _block('scheme "https"'), ["scheme"]),
    ("GWC412", HTTP + _block('scheme "http" "https"'), []),
    ("GWC412", HTTP + _block('scheme "https"; sni "a.b"'), ["sni"]),
    ("GWC412", BOTH + _block('scheme "https"; sni "a.b"'), []),
    (
        "GWC412",
        'listeners { listener "h" { address "0.0.0.0:80"; trusted-proxies "10.0.0.0/8" } }\n'
        + _block('scheme "https"'),
        [],
    ),
    # a try that never runs out
    ("GWC417", HTTP + UPSTREAM + _route('timeouts { per-try "2s"; request "1s" }', 'upstream "u"'), ['"2s"']),
    ("GWC417", HTTP + UPSTREAM + _route('timeouts { per-try "1s"; request "1s" }', 'upstream "u"'), []),
    ("GWC417", HTTP + UPSTREAM + _route('timeouts { per-try "2h" }', 'upstream "u"'), ['"2h"']),
    ("GWC417", HTTP + UPSTREAM + _route('timeouts { per-try "2h" }', 'split { upstream "u" }'), ['"2h"']),
    ("GWC417", HTTP + UPSTREAM + _route('timeouts { per-try "2h"; request "off" }', 'upstream "u"'), []),
    ("GWC417", HTTP + UPSTREAM + _route('timeouts { per-try "off"; request "1s" }', 'upstream "u"'), []),
    (
        "GWC417",
        HTTP + SLOW + _route('timeouts { per-try "2h" }', 'split { upstream "u"; upstream "v" }'),
        [],
    ),
    (
        "GWC417",
        HTTP + UPSTREAM + 'defaults { timeouts { per-try "2s" } }\n'
        'routes { group "g" { timeouts { request "1s" }; route "a" { matches { path "/a" }; upstream "u" }; '
        'route "b" { upstream "u" } } }',
        ['"2s"'],
    ),
    # a timeout that is off
    (
        "GWC418",
        'listeners { listener "h" { address "0.0.0.0:80"\n'
        'timeouts { head "off"; idle "1s"; body-rate "off" }\n'
        'limits { connections "off" } } }\n' + _route("respond"),
        ['"off"', '"off"'],
    ),
    (
        "GWC418",
        HTTP + 'upstreams { upstream "u" { target "a:1"; timeouts { connect "off" }\n'
        'connections { max "off"; idle "off"; age "off"; pending-timeout "off"; idle-timeout "off" } } }\n'
        + _route('upstream "u"'),
        ['"off"'] * 4,
    ),
    (
        "GWC418",
        HTTP + UPSTREAM + 'defaults { timeouts { idle "off" }; limits { request-body "off" } }\n'
        'routes { group "g" { timeouts { idle "off" }\n'
        'route "r" { upstream "u"; timeouts { idle "off" } } } }',
        ['"off"'] * 3,
    ),
    # metrics for everybody
    ("GWC502", HTTP + 'metrics "0.0.0.0:9100"\n' + _route("respond"), ['"0.0.0.0:9100"']),
    (
        "GWC502",
        HTTP + 'metrics { address "metrics.internal:9100" }\n' + _route("respond"),
        ['"metrics.internal:9100"'],
    ),
    ("GWC502", HTTP + 'metrics "[::1]:9100"\n' + _route("respond"), []),
    ("GWC502", HTTP + 'metrics "unix:/run/m.sock"\n' + _route("respond"), []),
    ("GWC502", HTTP + 'metrics "off"\n' + _route("respond"), []),
    # a certificate that nobody verifies
    (
        "GWC503",
        HTTP
        + 'upstreams { upstream "u" { target "a:1"; tls { verify #false } } }\n'
        + _route('upstream "u"'),
        ["#false"],
    ),
    ("GWC503", HTTP + 'upstreams { upstream "u" { target "a:1"; tls } }\n' + _route('upstream "u"'), []),
]


@pytest.mark.parametrize(("code", "text", "expected"), FOUND)
def test_a_rule_points_at_what_it_means(code: str, text: str, expected: list[str]) -> None:
    """The findings of the rule stand exactly at these words, and nowhere in what is fine."""
    assert places(code, text) == expected


def test_of_two_that_ask_for_the_same_the_better_rank_wins() -> None:
    """The loser is told, whichever comes first in the file, and the winner is shown."""
    text = (
        f'{HTTP}routes {{ route "a" {{ matches {{ path "/" }}; respond }}; '
        'route "b" { matches { path "/" }; priority "high"; respond } }'
    )
    (only,) = findings("GWC407", text)
    assert only.headline == "route `a` asks for the same requests as `b`, which wins"
    assert only.span is not None
    assert only.span.start < only.secondary[0].span.start


def test_one_block_that_repeats_itself_is_no_pair() -> None:
    """Nothing is shown as the other party where both are the same text."""
    (only,) = findings("GWC407", HTTP + _block('path "/a" "/a"'))
    assert only.secondary == ()


def test_what_a_whole_file_lacks_can_be_allowed() -> None:
    """A comment above the first node silences the note that no listener is written."""
    assert findings("GWC410", "// gwc: allow(GWC410) on this machine only\n" + _route("respond")) == ()


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("/api/*", '`path-prefix "/api"`'),
        ("/**", '`path-prefix "/"`'),
        ("/a/*/b", '`path-template "/a/{a}/b"`'),
        ("/users/:id/files/*", '`path-template "/users/{id}/files/{rest...}"`'),
        ("/v*", "`path-regex`"),
    ],
)
def test_a_pattern_of_another_gateway_is_translated(path: str, advice: str) -> None:
    """The help is what its writer most likely meant."""
    (only,) = findings("GWC415", HTTP + _block(f'path "{path}"'))
    assert advice in only.help
