"""The cookie that leads a client to the target it had.

Owns what stands in it and who may have written it: a name for the target that says nothing of its address, an
end, and a signature (HMAC-SHA-256) over both, for this upstream alone. Every worker, and every gateway with
the same secret, makes and reads the same.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from time import time
from typing import TYPE_CHECKING, Final

from gwc.schema.normalise import cookie_value
from gwc.schema.policies.choosing import StickyCookie

if TYPE_CHECKING:
    from gwc.schema.request import RequestHead

    from .targets import Target

LEAST_SECRET: Final = 16
"""Bytes; a shorter secret could be tried out."""

_NAME_BYTES: Final = 9
_SIGNATURE_BYTES: Final = 18


class StickyCookies:
    """The cookies of one upstream. Mutable: the targets, by their names in cookies."""

    def __init__(self, upstream: str, settings: StickyCookie, secret: str) -> None:
        self.settings = settings
        self._secret = secret.encode("utf-8", "surrogateescape")
        self._upstream = upstream
        self._by_name: dict[str, Target] = {}
        self._names: dict[Target, str] = {}

    def refresh(self, targets: Iterable[Target]) -> None:
        """These are the targets now."""
        self._names = {each: self._digest("target", each.address, _NAME_BYTES) for each in targets}
        self._by_name = {name: each for each, name in self._names.items()}

    def target_of(self, head: RequestHead) -> Target | None:
        """The target that a request's cookie names, None where it has none that counts."""
        value = cookie_value(head, self.settings.name)
        found = None if value is None else self._read(value)
        return None if found is None else self._by_name.get(found[0])

    def line_for(self, head: RequestHead, target: Target) -> bytes | None:
        """The Set-Cookie line of a reply from `target`; None where the client's cookie says that already, and
        has more than half of its time before it."""
        settings = self.settings
        name = self._names.get(target)
        if name is None:
            return None
        value = cookie_value(head, settings.name)
        found = None if value is None else self._read(value)
        lasts_s = max(settings.ttl_ms // 1000, 1) if settings.ttl_ms else 0
        now = int(time())
        if found is not None and found[0] == name and (not lasts_s or found[1] - now > lasts_s // 2):
            return None
        ends = str(now + lasts_s) if lasts_s else "0"
        cookie = f"{name}.{ends}.{self._digest('cookie', f'{name}.{ends}', _SIGNATURE_BYTES)}"
        line = f"set-cookie: {settings.name}={cookie}; Path=/; HttpOnly; SameSite=Lax"
        if lasts_s:
            line += f"; Max-Age={lasts_s}"
        if head.scheme == "https":
            line += "; Secure"
        return line.encode("latin-1")

    def _read(self, value: str) -> tuple[str, int] | None:
        """Name and end of a cookie that was signed here and is not over."""
        if len(value) > 128 or not value.isascii():
            return None
        signed, _, signature = value.rpartition(".")
        if not hmac.compare_digest(self._digest("cookie", signed, _SIGNATURE_BYTES), signature):
            return None
        name, _, ends = signed.partition(".")
        end = int(ends)  # it is ours: nobody else can sign
        return None if end and end <= time() else (name, end)

    def _digest(self, kind: str, text: str, length: int) -> str:
        """PERF: 2 us."""
        said = f"{kind}\0{self._upstream}\0{text}".encode("utf-8", "surrogateescape")
        return urlsafe_b64encode(hmac.digest(self._secret, said, "sha256")[:length]).decode("ascii")
