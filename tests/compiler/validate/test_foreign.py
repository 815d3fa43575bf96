"""Words of other gateways: they are understood, and told in this gateway's own."""

from __future__ import annotations

import pytest
from gwc.compiler.validate.foreign import _MORE, absent, meaning
from gwc.compiler.validate.foreign_words import ABSENT, WORDS
from gwc.compiler.validate.shape import language

from .reading import cut, kdl, only, yaml

UPSTREAM = 'upstreams { upstream "u" { target "h:1" } }\n'


@pytest.mark.parametrize("name", sorted(WORDS))
def test_every_word_means_a_key_and_is_none(name: str) -> None:
    """A word for a key that is gone, or one that has become a key itself, would never be told."""
    shape = language().objects[name]
    for key, words in WORDS[name].items():
        assert key in shape.keys
        for word in words.split():
            assert word not in shape.keys, (name, word)
            found = meaning(shape, word, "kdl")
            assert found is not None
            assert found.key == key, (name, word)
    assert all(key in language().objects[owner].keys for owner, key in _MORE)


KDL = [
    ('listeners { listener "l" { port 80 } }', "port", "`address`; host and port stand in one text"),
    ('upstreams { upstream "u" { server "h:1" } }', "server", "here it is `target`"),
    ('routes { route "r" { proxy_pass "u" } }', "proxy_pass", "here it is `upstream`"),
    ('routes { route "r" { respond; matches { hostname "a" } } }', "hostname", "here it is `host`"),
    ('routes { route "r" { respond; matches { header "x" equals="1" } } }', "equals", "`value`; it stands"),
    ('routes { route "r" { redirect code=301 } }', "code", "here it is `status`"),
    ('routes { route "r" { respond; response-headers { delete "x" } } }', "delete", "here it is `remove`"),
    ("locations { x }", "locations", "here it is `routes`"),
    ('routes { route "r" { respond; gzip "on" } }', "gzip", "here it is `compress`"),
    ('routes { route "r" { respond; limit_req zone="a" } }', "limit_req", "here it is `rate-limit`"),
    (
        'routes { route "r" { respond; auth_basic "x" } }',
        "auth_basic",
        "here it is `authenticate`; `api-key`",
    ),
    ('routes { route "r" { respond; stripPrefix "/a" } }', "stripPrefix", "`rewrite` it with `prefix`"),
    ('routes { route "r" { respond; proxy_next_upstream "error" } }', "proxy_next_upstream", "three in all"),
    ('routes { route "r" { respond; ipAllowList "::1" } }', "ipAllowList", "everybody who is not in it"),
    ('routes { route "r" { respond; error_page 404 "/x" } }', "error_page", "here it is `error-pages`"),
    ('routes { route "r" { respond; upgrade_configs "ws" } }', "upgrade_configs", "here it is `websocket`"),
    ('routes { route "r" { root "/srv" } }', "root", "here it is `static-files`"),
    ('routes { route "r" { respond; add_header "a" "b" } }', "add_header", "here it is `response-headers`"),
    ('routes { route "r" { respond; compress { gzip_types "text/css" } } }', "gzip_types", "`types`"),
    (
        'upstreams { upstream "u" { target "h:1"; outlier-detection } }',
        "outlier-detection",
        "here it is `ejection`",
    ),
    ('upstreams { upstream "u" { target "h:1"; health_check } }', "health_check", "here it is `health`"),
    ('upstreams { upstream "u" { target "h:1"; circuitBreaker } }', "circuitBreaker", "here it is `breaker`"),
    ('upstreams { upstream "u" { target "h:1"; least_conn } }', "least_conn", "here it is `balance`"),
    (
        'listeners { listener "l" { address "h:1"; forwardedHeaders } }',
        "forwardedHeaders",
        "`trusted-proxies`",
    ),
    ('routes { route name="r" { respond } }', "name", '`route "NAME"`'),
]


@pytest.mark.parametrize(("text", "word", "advice"), KDL)
def test_a_foreign_word_is_one_mistake(text: str, word: str, advice: str) -> None:
    """The word is told once, with the key that it means; that the key is missing is not told beside it."""
    found = only(kdl(text))
    assert found.code == "GWC200"
    assert cut(text, found.span) == word
    assert advice in found.help


def test_yaml_hears_of_its_own_keys() -> None:
    """Where YAML has a list, the list's name is the one to write."""
    assert "`targets`" in only(yaml("upstreams:\n  - upstream: u\n    servers: [h:1]\n")).help
    assert "`- upstream: NAME`" in only(yaml("upstreams:\n  - name: u\n    targets: [h:1]\n")).help


def test_words_that_belong_elsewhere_are_led_there() -> None:
    """A key of another place is no foreign word."""
    text = UPSTREAM + 'routes { route "r" { path "/a"; upstream "u" } }'
    assert "belongs in `matches`" in only(kdl(text)).help
    assert "`forward-auth` belongs in `authenticate`" in only(kdl(text.replace("path", "forwardAuth"))).help


ABSENCES = [
    ('routes { route "r" { respond; cache "1h" } }', "cache", "gwc stores no replies"),
    ('routes { route "r" { respond; proxy_cache "zone" } }', "proxy_cache", "gwc stores no replies"),
    ('routes { route "r" { respond; middlewares "a" } }', "middlewares", "each policy is a key of the route"),
    ('filters { filter "a" }', "filters", "each policy is a key of the route"),
    ('routes { route "r" { fastcgi_pass "a" } }', "fastcgi_pass", "upstreams speak HTTP"),
    ('listeners { listener "l" { address "h:1"; http3 } }', "http3", "HTTP/3 is not spoken"),
    ('listeners { listener "l" { address "h:1"; tls { acme } } }', "acme", "gwc fetches no certificates"),
]


@pytest.mark.parametrize(("text", "word", "advice"), ABSENCES)
def test_what_is_not_there_is_told(text: str, word: str, advice: str) -> None:
    """Nobody is sent to a key that means something else."""
    found = next(each for each in kdl(text).diagnostics if cut(text, each.span) == word)
    assert found.code == "GWC200"
    assert advice in found.help


VALUES = [
    ('upstreams { upstream "u" { target "h:1"; balance "least_conn" } }', "least-requests"),
    ('upstreams { upstream "u" { target "h:1"; protocol "h2" } }', "http2"),
    ('routes { route "r" { respond; rate-limit { requests 1; over "block" } } }', "reject"),
    ('routes { route "r" { respond; authenticate "anonymous" } }', "public"),
    ('routes { route "r" { respond; compress { encodings "brotli" } } }', "br"),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_a_foreign_value_is_told(text: str, value: str) -> None:
    """A word of elsewhere for one of a few values leads to that value."""
    found = only(kdl(text))
    assert found.code == "GWC212"
    assert f"did you mean `{value}`?" in found.help


def test_an_argument_is_told_by_the_name_of_its_node() -> None:
    """Nobody has to know which key an argument stands for."""
    found = only(kdl('routes { route "r" { respond; retries "two" } }'))
    assert found.headline.startswith("`retries` takes a whole number")


def test_words_are_spelt_one_way() -> None:
    """In lower case with hyphens, each for one key of an object, and none of them both here and not there."""
    missing = {word for words in ABSENT for word in words.split()}
    for name, keys in WORDS.items():
        words = [word for text in keys.values() for word in text.split()]
        assert len(words) == len(set(words)), name
        assert [word for word in words if word != word.lower() or "_" in word] == []
        assert missing.isdisjoint({*words, *language().objects[name].keys} - {"cache"})
    assert all(absent(word) for word in missing)
