"""API keys: the request has a key of which the gateway knows the hash.

Owns the reading of key files and the comparison. Nobody here has a key but the request.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Final

from gwc.schema.policies.authentication import ApiKeys
from gwc.schema.values.key_hash import parse_key_hash
from gwc.schema.values.refusal import ValueRefusal

from ..filter import FilterContext, FilterFaulty, Identity
from .auth_way import Held, Place, Rejected, credential, digest_of, keep_out_of_logs, read_file
from .build import Making

_SCHEMES: Final = ("bearer", "apikey")
_FIRST: Final = 8
"""Bytes of a hash that find it. What is found by the hash of a secret says nothing of the secret; the whole
is then compared in constant time."""


class ApiKeyWay:
    """Keys of one list."""

    def __init__(self, policy: ApiKeys, realm: str, making: Making) -> None:
        self.challenge = f'ApiKey realm="{realm}"'
        header, query, cookie = policy.header, policy.query, policy.cookie
        places = []
        if header is not None:
            places.append(Place("header", header, _SCHEMES if header == "authorization" else ()))
        if query is not None:
            places.append(Place("query", query))
        if cookie is not None:
            places.append(Place("cookie", cookie))
        self._places = tuple(places)
        self._forward = policy.forward
        self._keys: dict[bytes, list[tuple[bytes, Identity]]] = {}
        for name, text in policy.keys:
            self._add(name, making.fill(text), f"the key of `{name}`")
        if policy.file is not None:
            self._read(making.fill(policy.file), making)

    async def prepare(self) -> None:
        """See Way."""

    def ask(self, context: FilterContext) -> Held | Rejected | None:
        """See Way."""
        for place in self._places:
            key = credential(context.head, place)
            if key is None:
                continue
            keep_out_of_logs(context, place)
            digest = digest_of(key)
            for known, identity in self._keys.get(digest[:_FIRST], ()):
                if compare_digest(known, digest):
                    return Held(identity, hide=None if self._forward else place)
            return Rejected("bad-credentials", "api-key: not a known key")
        return None

    def _add(self, name: str, text: str, where: str) -> None:
        digest = parse_key_hash(text)
        if isinstance(digest, ValueRefusal) or len(digest) != 32:
            raise FilterFaulty(f"`api-key`: {where} is not `sha256:` and 64 hexadecimal digits")
        found = self._keys.setdefault(digest[:_FIRST], [])
        found.append((digest, Identity("api-key", name.encode("utf-8", "replace").decode("latin-1"))))

    def _read(self, path: str, making: Making) -> None:
        content = read_file(making.root, path, "`api-key`")
        for number, line in enumerate(content.split(b"\n"), 1):
            text = line.strip(b" \t\r")
            if not text or text.startswith(b"#"):
                continue
            name, colon, digest = text.partition(b":")
            if not colon or not name:
                raise FilterFaulty(f"`api-key`: line {number} of file `{path}` is not `name:hash`")
            self._add(
                name.decode("utf-8", "replace"), digest.decode("latin-1"), f"line {number} of file `{path}`"
            )
