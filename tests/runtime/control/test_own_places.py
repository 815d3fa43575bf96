"""Where the admin socket is by default, and who may come in over the network."""

from __future__ import annotations

from pathlib import Path

import pytest
from gwc.runtime.control.addresses import Unresolvable, place_of
from gwc.runtime.control.own_places import (
    admin_place,
    default_address,
    default_addresses,
    host_allowed,
    token_given,
)

TOKEN = "0123456789abcdef"


def test_the_state_directory_comes_first(tmp_path: Path) -> None:
    """Then the user's runtime directory; directories are made for their owner alone."""
    environment = {"XDG_RUNTIME_DIR": str(tmp_path / "run"), "TMPDIR": str(tmp_path)}
    state = str(tmp_path / "state")
    assert default_address(state, environment) == f"unix:{state}/admin.sock"
    assert default_address(None, environment) == f"unix:{tmp_path}/run/gwc/admin.sock"
    assert (tmp_path / "run" / "gwc").stat().st_mode & 0o777 == 0o700
    assert default_addresses(state, environment)[:2] == [
        f"unix:{state}/admin.sock",
        f"unix:{tmp_path}/run/gwc/admin.sock",
    ]


def test_where_somebody_said_where_nowhere_else_is_taken(tmp_path: Path) -> None:
    """A file in the place of the directory: there is no default socket then, and the reason names it."""
    (tmp_path / "run").write_text("")
    with pytest.raises(Unresolvable, match=f"{tmp_path}/run/gwc"):
        default_address(None, {"XDG_RUNTIME_DIR": str(tmp_path / "run")})


def test_a_temporary_directory_of_somebody_else_is_not_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may make one there; what others may write to is not this user's."""
    monkeypatch.setattr("gwc.runtime.control.own_places._SYSTEM", str(tmp_path / "none" / "such"))
    (tmp_path / "none").write_text("")
    environment = {"TMPDIR": str(tmp_path)}
    found = default_address(None, environment)
    private = Path(found[5:]).parent
    assert private.parent == tmp_path
    assert found in default_addresses(None, environment)
    private.chmod(0o777)
    with pytest.raises(Unresolvable, match="belongs to somebody else"):
        default_address(None, environment)
    assert found not in default_addresses(None, environment)
    private.rmdir()
    private.symlink_to(tmp_path)
    with pytest.raises(Unresolvable, match="belongs to somebody else"):
        default_address(None, environment)


@pytest.mark.parametrize(
    ("address", "token", "words"),
    [
        ("127.0.0.1:1", None, "needs a token"),
        ("[::1]:1", "", "needs a token"),
        ("127.0.0.1:1", "short", "fewer than 16"),
        ("127.0.0.1:1", "with a blank in it", "ASCII"),
        ("127.0.0.1:1", "0123456789abcdé0", "ASCII"),
        ("0.0.0.0:1", TOKEN, "from elsewhere"),
        ("[::]:1", TOKEN, "from elsewhere"),
        ("192.0.2.1:1", TOKEN, "from elsewhere"),
    ],
)
def test_what_an_admin_address_may_not_be(address: str, token: str | None, words: str) -> None:
    """On the network: loopback alone, and with a token."""
    with pytest.raises(Unresolvable, match=words):
        admin_place(address, token)


def test_what_it_may_be() -> None:
    """A unix socket needs no token."""
    assert admin_place("unix:/run/x", None).path == "/run/x"
    assert admin_place("127.0.0.7:1", TOKEN).port == 1


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost:9", True),
        ("127.0.0.1:9", True),
        ("[::1]:9", True),
        ("LocalHost:9", True),
        ("localhost", False),
        ("localhost.:9", False),
        ("localhost:9.evil.example", False),
        ("evil.example:9", False),
        ("127.0.0.1:99", False),
        ("user@localhost:9", False),
        ("", False),
    ],
)
def test_hosts(host: str, allowed: bool) -> None:
    """Those that mean this machine, with the port; on a unix socket any."""
    assert host_allowed(host, place_of("127.0.0.1:9")) is allowed
    assert host_allowed(host, place_of("unix:/x"))


@pytest.mark.parametrize(
    ("header", "given"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer  {TOKEN} ", True),
        (f"Bearer {TOKEN}0", False),
        (f"Basic {TOKEN}", False),
        (TOKEN, False),
        ("Bearer ", False),
        ("Bearer \xff", False),
        ("", False),
    ],
)
def test_tokens(header: str, given: bool) -> None:
    """The scheme in any case, the token to the letter."""
    assert token_given(header, TOKEN) is given
