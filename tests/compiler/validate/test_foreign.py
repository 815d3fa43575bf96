"""Words of other gateways: they are understood, and told in this gateway's own."""

from __future__ import annotations

import pytest
from gwc.compiler.validate.foreign import _MORE, _WORDS, meaning
from gwc.compiler.validate.shape import language

from .reading import cut, kdl, only, yaml

UPSTREAM = 'upstreams { upstream "u" { target "h:1" } }\n'


@pytest.mark.parametrize("name", sorted(_WORDS))
def test_every_word_means_a_key_and_is_none(name: str) -> None:
    """A word for a key that is gone, or one that has become a key itself, would never be told."""
    shape = language().objects[name]
    for key, words in _WORDS[name].items():
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
