"""Where the admin API is when nobody says where, and who may come in by an address of the network.

Owns the default socket, for the gateway that makes it and for the commands that look for it. Binds nothing.
"""

from __future__ import annotations

import hmac
import os
import socket
import stat
import tempfile
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from .addresses import Place, Unresolvable, place_of

DEFAULT: Final = "unix:"
"""The address that means the default socket."""

OFF: Final = "off"
TOKEN: Final = "GWC_ADMIN_TOKEN"
SOCKET_MODE: Final = 0o600
_NAME: Final = "admin.sock"
_SYSTEM: Final = "/run"
_UNIT_STATE: Final = "/var/lib/gwc"
"""The state directory that the systemd unit gives."""

_LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
_SHORTEST_TOKEN: Final = 16


def default_address(state_dir: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """The default socket's address; its directory is there and is nobody else's.

    In the state directory, else in `$XDG_RUNTIME_DIR/gwc`, else in /run/gwc where that may be written, else
    in a directory of this user's own among the temporary ones. `Unresolvable` where none of them will do.
    """
    wanted = list(_directories(state_dir, environment))
    if state_dir is not None or environment.get("XDG_RUNTIME_DIR"):
        wanted = wanted[:1]  # somebody said where: nowhere else is looked for it
    reason = ""
    for directory in wanted:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = os.lstat(directory)
        except OSError as failed:
            reason = f"{directory}: {(failed.strerror or str(failed)).lower()}"
            continue
        if directory == _private(environment) and not _is_own(found):
            reason = f"{directory} belongs to somebody else, or others may write there"
        elif not os.access(directory, os.W_OK):
            reason = f"{directory} cannot be written"
        else:
            return f"{DEFAULT}{directory / _NAME}"
    raise Unresolvable(f"there is no place for the admin socket: {reason}")


def default_addresses(state_dir: str | None, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Where a default socket may be, the likeliest first; for who looks for a gateway."""
    found = [f"{DEFAULT}{each / _NAME}" for each in _directories(state_dir, environment)]
    found.insert(-1, f"{DEFAULT}{_UNIT_STATE}/{_NAME}")
    private = _private(environment)
    try:
        if not _is_own(os.lstat(private)):
            found.remove(f"{DEFAULT}{private / _NAME}")
    except OSError:
        pass  # nobody listens there then
    return list(dict.fromkeys(found))


def admin_place(address: str, token: str | None, root: Path = Path()) -> Place:
    """The place of an admin address; `Unresolvable` where it is none that the admin API may have."""
    place = place_of(address, root=root)
    if place.family == socket.AF_UNIX:
        return place
    if not ip_address(place.host.partition("%")[0]).is_loopback:
        raise Unresolvable(f"the admin API on `{place.shown}` could be reached from elsewhere")
    if not token:
        raise Unresolvable(
            f"the admin API on `{place.shown}` needs a token: every user of this machine can connect to it; "
            f"set {TOKEN}, or use a unix socket"
        )
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise Unresolvable(f"{TOKEN} has fewer than {_SHORTEST_TOKEN} characters, or others than ASCII ones")
    return place


def host_allowed(host: str, place: Place) -> bool:
    """Whether a Host header may stand in a request to a place: a name of elsewhere that leads here is how a
    web page reaches what listens on loopback."""
    if place.family == socket.AF_UNIX:
        return True
    return host.lower() in {f"{name}:{place.port}" for name in _LOCAL_NAMES}


def token_given(authorization: str, token: str) -> bool:
    """Whether an Authorization header holds the token, compared in constant time."""
    scheme, _, given = authorization.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip(" ").encode(), token.encode())


def _directories(state_dir: str | None, environment: Mapping[str, str]) -> Iterator[Path]:
    if state_dir is not None:
        yield Path(state_dir).absolute()
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/"):
        yield Path(runtime, "gwc")
    yield Path(_SYSTEM, "gwc")
    yield _private(environment)


def _private(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("TMPDIR") or tempfile.gettempdir(), f"gwc-{os.getuid()}")


def _is_own(found: os.stat_result) -> bool:
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
