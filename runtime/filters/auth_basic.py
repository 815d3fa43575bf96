"""Names and passwords (RFC 7617) of an htpasswd file with bcrypt's or argon2's hashes.

Owns the file, the checking of passwords away from the loop, and what is remembered of those that were right.
A name that nobody has takes as long as one that somebody has.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Final

from gwc.schema.policies.authentication import Basic

from ..filter import FilterContext, FilterFaulty, Identity
from .auth_way import Held, Place, Rejected, credential, read_file
from .build import Making

PLACE: Final = Place("header", "authorization", ("basic",))
MOST_WAITING: Final = 64
"""Passwords that are checked or wait for it, in one worker. More at once is an attack, or takes too long."""
_MOST_KNOWN: Final = 4096
_WRONG_S: Final = 2.0
"""How long a wrong password is known to be wrong: somebody's old browser must not cost a core."""
_BCRYPT: Final = (b"$2y$", b"$2b$", b"$2a$")
_LONGEST_BCRYPT: Final = 72
_LONGEST: Final = 1024


class Checking:
    """The thread that checks passwords. Outlives tables; `waiting` counts what it has to do."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="passwords")
        self.waiting = 0

    def close(self) -> None:
        """See Kept."""
        self.pool.shutdown(wait=False)


class BasicWay:
    """The names of one file. Mutable: `_known`, which passwords were right (or not) until when, by a keyed
    hash that nobody can make without the key, oldest first.
    """

    def __init__(self, policy: Basic, realm: str, making: Making) -> None:
        self.challenge = f'Basic realm="{realm}", charset="UTF-8"'
        self._hashes = _read(making.fill(policy.file), making)
        self._stand_in = next(iter(self._hashes.values()), b"")
        self._cache_s = policy.cache_ms / 1000
        self._forward = policy.forward
        self._loop = making.loop
        self._checking = making.keep.at(("passwords",), Checking)
        self._key = os.urandom(32)
        self._known: dict[bytes, tuple[float, bool]] = {}

    async def prepare(self) -> None:
        """See Way."""

    def ask(self, context: FilterContext) -> Held | Rejected | Awaitable[Held | Rejected] | None:
        """See Way."""
        text = credential(context.head, PLACE)
        if text is None:
            return None
        try:
            name, colon, password = base64.b64decode(text, validate=True).partition(b":")
        except (binascii.Error, ValueError):
            return Rejected("bad-credentials", "basic: not base64")
        if not colon or not name or len(password) > _LONGEST or b"\0" in password:
            return Rejected("bad-credentials", "basic: not a name and a password")
        known = hmac.digest(self._key, b"%d:" % len(name) + name + password, hashlib.sha256)
        until, right = self._known.get(known, (0.0, False))
        if until > monotonic():
            return self._verdict(name, right=right)
        if self._checking.waiting >= MOST_WAITING:
            return Rejected("auth-unavailable", "basic: too many passwords to check")
        return self._check(name, password, known)

    async def _check(self, name: bytes, password: bytes, known: bytes) -> Held | Rejected:
        """Work the hash out, elsewhere."""
        expected = self._hashes.get(name)
        self._checking.waiting += 1
        try:
            fits = await self._loop.run_in_executor(
                self._checking.pool, _fits, password, self._stand_in if expected is None else expected
            )
        except RuntimeError:  # the table that had it is gone, and the gateway ends
            return Rejected("auth-unavailable", "basic: the gateway ends")
        finally:
            self._checking.waiting -= 1
        right = fits and expected is not None
        kept_s = self._cache_s if right else min(self._cache_s, _WRONG_S)
        if kept_s:
            self._known.pop(known, None)
            if len(self._known) >= _MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[known] = monotonic() + kept_s, right
        return self._verdict(name, right=right)

    def _verdict(self, name: bytes, *, right: bool) -> Held | Rejected:
        if not right:
            return Rejected("bad-credentials", "basic: wrong name or password")
        return Held(Identity("basic", name.decode("latin-1")), hide=None if self._forward else PLACE)


def _read(path: str, making: Making) -> dict[bytes, bytes]:
    """Names with their hashes."""
    hashes: dict[bytes, bytes] = {}
    for number, line in enumerate(read_file(making.root, path, "`basic`").split(b"\n"), 1):
        text = line.strip(b" \t\r")
        if not text or text.startswith(b"#"):
            continue
        name, colon, hashed = text.partition(b":")
        if not colon or not name or any(each < 0x20 for each in name):
            raise FilterFaulty(f"`basic`: line {number} of file `{path}` is not `name:hash`")
        if not _is_hash(hashed):
            raise FilterFaulty(
                f"`basic`: line {number} of file `{path}` has no hash of bcrypt or argon2 "
                "(`htpasswd -B` makes one)"
            )
        hashes.setdefault(name, hashed)
    return hashes


def _is_hash(text: bytes) -> bool:
    if text.startswith(_BCRYPT):
        return len(text) == 60
    return text.startswith((b"$argon2id$", b"$argon2i$")) and text.count(b"$") == 5


def _fits(password: bytes, hashed: bytes) -> bool:
    """Whether a password is the one of a hash. Takes tens of milliseconds, which is its purpose."""
    if not hashed:
        return False
    if hashed.startswith(_BCRYPT):
        import bcrypt

        long = len(password) > _LONGEST_BCRYPT
        try:
            return bcrypt.checkpw(password[:_LONGEST_BCRYPT], hashed) and not long
        except ValueError:
            return False
    from argon2 import PasswordHasher
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return PasswordHasher().verify(hashed, password)
    except (Argon2Error, InvalidHashError):
        return False
