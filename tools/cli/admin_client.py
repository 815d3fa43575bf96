"""A running gateway, asked over its admin API.

Owns how the gateway is found and what is said where nobody answers (exit code 2). What its answers mean, each
command knows.
"""

from __future__ import annotations

import functools
import http.client
import json
import os
import socket
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any, NoReturn, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

NOBODY = 2
CONNECT_S = 5.0
ANSWER_S = 30.0
RELOAD_S = 600.0


class Refused(Exception):
    """The gateway said no; `words` are its own."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


class Nobody(Exception):
    """Nobody answers; `words` say where."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class AdminClient:
    """One gateway. A connection for each request: these are few."""

    def __init__(self, address: str) -> None:
        """`address` as `--admin` takes it. `Nobody` where it is none."""
        from gwc.runtime.control.addresses import Unresolvable, place_of

        try:
            self._place = place_of(address)
        except Unresolvable as failed:
            raise Nobody(failed.reason) from None
        self.address = address

    def get(self, path: str) -> Any:
        """The JSON of a path. `Nobody`, `Refused`."""
        return json.loads(self._ask("GET", path, ANSWER_S, (200, 503))[1])

    def text(self, path: str) -> str:
        """The text of a path. `Nobody`, `Refused`."""
        return self._ask("GET", path, ANSWER_S, (200,))[1].decode("utf-8", "replace")

    def post(self, path: str, *, also: tuple[int, ...] = ()) -> Any:
        """The JSON that a change answers; statuses of `also` are answers, too. `Nobody`, `Refused`."""
        return json.loads(self._ask("POST", path, RELOAD_S, (200, 202, *also))[1])

    def _ask(self, method: str, path: str, timeout_s: float, good: tuple[int, ...]) -> tuple[int, bytes]:
        from gwc.runtime.control.own_places import TOKEN

        headers = {"connection": "close"}
        token = os.environ.get(TOKEN)
        if token and not self._place.path:
            headers["authorization"] = f"Bearer {token}"
        try:
            with closing(_Connection(self._place.name, timeout_s)) as connection:
                connection.request(method, path, headers=headers)
                reply = connection.getresponse()
                status, body = reply.status, reply.read()
        except UnicodeEncodeError:
            raise Nobody(f"{TOKEN} has characters that no token has") from None
        except (OSError, http.client.HTTPException) as failed:
            why = getattr(failed, "strerror", None) or str(failed) or type(failed).__name__
            raise Nobody(f"nobody answers at {self.address}: {why[:1].lower()}{why[1:]}") from failed
        if status not in good:
            raise Refused(status, _words(status, body))
        return status, body


class _Connection(http.client.HTTPConnection):
    """HTTP to a path or to an address."""

    def __init__(self, name: str | tuple[str, int], timeout_s: float) -> None:
        host, port = ("localhost", 80) if isinstance(name, str) else name
        super().__init__(host, port, timeout=timeout_s)
        self._name = name

    def connect(self) -> None:
        """Connect soon or not at all; answers may take longer."""
        if isinstance(self._name, str):
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.settimeout(CONNECT_S)
                sock.connect(self._name)
            except OSError:
                sock.close()
                raise
        else:
            sock = socket.create_connection(self._name, CONNECT_S)
        sock.settimeout(self.timeout)
        self.sock = sock


def admin_options(function: Function) -> Function:
    """`--admin` and `--state-dir`: where the gateway is."""
    function = click.option(
        "--state-dir",
        envvar="GWC_STATE_DIR",
        metavar="DIR",
        help="The gateway's state directory, where its admin socket is.",
    )(function)
    return click.option(
        "--admin",
        envvar="GWC_ADMIN",
        metavar="ADDR",
        help="The gateway's admin address: `unix:/path`, or `host:port` with GWC_ADMIN_TOKEN. Else it is "
        "looked for where `gwc run` puts its socket by default.",
    )(function)


def find(admin: str | None, state_dir: str | None) -> AdminClient:
    """The gateway that is meant. `Nobody` where there is none."""
    from gwc.runtime.control.own_places import DEFAULT, OFF, default_addresses

    if admin is not None and admin not in (DEFAULT, OFF):
        return AdminClient(admin)
    addresses = default_addresses(state_dir)
    for address in addresses:
        path = address[len(DEFAULT) :]
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(CONNECT_S)
            try:
                probe.connect(path)
            except PermissionError:
                raise Nobody(f"{address} is another user's gateway") from None
            except OSError:
                continue
        return AdminClient(address)
    looked = ", ".join(each[len(DEFAULT) :] for each in addresses)
    raise Nobody(f"no gateway is running here; looked for {looked}; say where it is with --admin ADDR")


def exits(function: Function) -> Function:
    """Say what went wrong with the gateway and leave: 2 where nobody answers, 1 where it said no."""

    @functools.wraps(function)
    def command(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except Nobody as fault:
            _leave(fault.words, NOBODY)
        except Refused as fault:
            _leave(f"the gateway says no ({fault.status}): {fault.words}", 1)

    return command  # type: ignore[return-value]  # the same signature, which wraps cannot say of a TypeVar


def _leave(words: str, code: int) -> NoReturn:
    from .explaining import visible

    click.echo(f"gwc: {visible(words)}", err=True)
    sys.exit(code)


def _words(status: int, body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {status}"
