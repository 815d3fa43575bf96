"""Which listener takes a request."""

from __future__ import annotations

import pytest
from gwc.schema.listener import ListenerSettings
from gwc.schema.normalise import choose_listener
from gwc.schema.request import Rejection
from hypothesis import given
from hypothesis import strategies as st


def listener(name: str, *hosts: str, tls: bool = False) -> ListenerSettings:
    """A listener of that scope."""
    return ListenerSettings(name, ("0.0.0.0:80",), hosts, tls)


ENTRY = [
    listener("any"),
    listener("com", "*.com"),
    listener("example", "*.example.com", "other.org"),
    listener("api", "api.example.com"),
]
SECURE = [listener(each.name, *each.hosts, tls=True) for each in ENTRY]


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("api.example.com", "api"),  # exact
        ("www.example.com", "example"),  # longer wildcard
        ("a.b.example.com", "example"),
        ("v1.api.example.com", "example"),  # an exact scope takes nothing below it
        ("example.com", "com"),  # never the name itself
        ("other.org", "example"),
        ("com", "any"),
        ("x.org", "any"),
        ("", "any"),
        ("[::1]", "any"),
    ],
)
def test_most_exact_scope(host: str, name: str) -> None:
    """Sentence (5): the one whose `host` scope matches most exactly (exact, longer wildcard, none)."""
    for entry in (ENTRY, ENTRY[::-1]):
        chosen = choose_listener(host, entry, None)
        assert isinstance(chosen, ListenerSettings)
        assert chosen.name == name


@pytest.mark.parametrize("host", ["x.org", "", "com", "example.com.x"])
@pytest.mark.parametrize("entry", [ENTRY[1:], ENTRY[3:], []])
def test_none_is_404(host: str, entry: list[ListenerSettings]) -> None:
    """Sentence (5): none: 404."""
    chosen = choose_listener(host, entry, None)
    assert isinstance(chosen, Rejection)
    assert (chosen.status, chosen.reason) == (404, "listener-none")


@pytest.mark.parametrize(
    ("host", "sni", "name"),
    [
        ("api.example.com", "api.example.com", "api"),
        ("a.example.com", "b.example.com", "example"),  # another name of the same listener
        ("other.org", "a.example.com", "example"),
        ("x.org", "y.org", "any"),
        ("x.org", None, "any"),
        ("", None, "any"),
    ],
)
def test_server_name_and_host_of_one_listener(host: str, sni: str | None, name: str) -> None:
    """Sentence (5): on TLS the SNI picks it; a host of the same listener is taken."""
    chosen = choose_listener(host, SECURE, sni)
    assert isinstance(chosen, ListenerSettings)
    assert chosen.name == name


@pytest.mark.parametrize(
    ("host", "sni", "picked"),
    [
        ("api.example.com", "www.example.com", "example"),
        ("www.example.com", "api.example.com", "api"),
        ("x.org", "api.example.com", "api"),
        ("api.example.com", None, "any"),
    ],
)
def test_misdirected(host: str, sni: str | None, picked: str) -> None:
    """Sentence (5): a host whose best listener is another gets 421."""
    chosen = choose_listener(host, SECURE, sni)
    assert isinstance(chosen, Rejection)
    assert (chosen.status, chosen.reason, chosen.listener) == (421, "misdirected", picked)


def test_server_name_that_picks_none() -> None:
    """A server name that no scope takes has picked no listener, so every host belongs to another."""
    chosen = choose_listener("api.example.com", SECURE[3:], None)
    assert isinstance(chosen, Rejection)
    assert (chosen.status, chosen.listener) == (421, None)


def test_server_name_does_not_matter_without_tls() -> None:
    """Without TLS there is no server name to agree with."""
    chosen = choose_listener("api.example.com", ENTRY, "x.org")
    assert isinstance(chosen, ListenerSettings)


LABELS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4).map(".".join)
SCOPES = st.lists(LABELS | LABELS.map("*.{}".format), max_size=3, unique=True)


@given(st.lists(SCOPES, max_size=4), LABELS)
def test_same_as_ranking_every_scope(scopes: list[list[str]], host: str) -> None:
    """The choice is the first of all scopes that hold, sorted by exactness."""
    entry = [listener(str(place), *scope) for place, scope in enumerate(scopes)]
    ranked = []
    for place, scope in enumerate(scopes):
        ranked += [(0, 0, place) for text in scope if text == host]
        ranked += [(1, -len(text), place) for text in scope if text[0] == "*" and host.endswith(text[1:])]
        ranked += [(2, 0, place)] * (not scope)
    chosen = choose_listener(host, entry, None)
    if ranked:
        assert isinstance(chosen, ListenerSettings)
        assert chosen.name == str(min(ranked)[2])
    else:
        assert isinstance(chosen, Rejection)
