"""The keys that tokens are signed with: of a file, a secret, or a set that is fetched (RFC 7517).

Owns the reading of keys, which algorithm a key may be used for, and the fetching: with a time and a size, the
last good set kept, refreshed by itself and, not too often, for keys that nobody knows.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable
from time import monotonic
from typing import Any, Final, NamedTuple, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from ..observe.observing import Observing

MOST_BYTES: Final = 256 * 1024
MOST_KEYS: Final = 64
FETCH_S: Final = 5.0
FIRST_S: Final = 3.0
"""How long a new table waits for its keys; tokens wait no longer than one fetch."""
LEAST_BETWEEN_S: Final = 10.0
"""Between two fetches for keys that nobody knows: whoever makes tokens up must not make us fetch."""
RETRY_S: Final = 5.0
_LEAST_BITS: Final = 2048
_CURVES: Final = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
_SECRET_BYTES: Final = {"HS256": 32, "HS384": 48, "HS512": 64}

PublicKey: TypeAlias = "RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey"


class Key(NamedTuple):
    """One key. `kid` and `alg` are what its set says of it, None for nothing."""

    key: PublicKey | bytes
    kid: str | None = None
    alg: str | None = None

    def fits(self, algorithm: str) -> bool:
        """Whether a token of this algorithm may be verified with it. A public key is never a secret."""
        key = self.key
        if self.alg is not None and self.alg != algorithm:
            return False
        if isinstance(key, bytes):
            return len(key) >= _SECRET_BYTES.get(algorithm, 1 << 30)
        if isinstance(key, RSAPublicKey):
            return algorithm[:2] in ("RS", "PS")
        if isinstance(key, EllipticCurvePublicKey):
            return _CURVES.get(algorithm) == key.curve.name
        return algorithm == "EdDSA"


class NoKeys(ValueError):
    """Raised where a text has no key that can be used; `args[0]` says why."""


def keys_of(content: bytes) -> tuple[Key, ...]:
    """The keys of a file: JSON (RFC 7517), or one public key or certificate in PEM. Raises NoKeys."""
    if content.lstrip().startswith(b"{"):
        return keys_of_set(content)
    found: object
    try:
        if b"BEGIN CERTIFICATE" in content:
            found = load_pem_x509_certificate(content).public_key()
        else:
            found = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as fault:
        raise NoKeys("holds no public key or certificate in PEM, and no keys in JSON") from fault
    key = _usable(found)
    if key is None:
        raise NoKeys(f"holds a key of another kind, or one of less than {_LEAST_BITS} bits")
    return (Key(key),)


def keys_of_set(content: bytes) -> tuple[Key, ...]:
    """The keys of a set that signatures can be verified with; others are left out. Raises NoKeys."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError) as fault:
        raise NoKeys("is not JSON") from fault
    written = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(written, list):
        raise NoKeys("is no set of keys")
    keys = tuple(_keys_among(written[:MOST_KEYS]))
    if not keys:
        raise NoKeys("has no key that signatures can be verified with")
    return keys


def _keys_among(written: Iterable[Any]) -> Iterable[Key]:
    from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
    from jwt.exceptions import PyJWTError

    # Symmetric keys (`oct`) are not there: what is fetched is public.
    readers: dict[Any, Any] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}
    for each in written:
        if not isinstance(each, dict) or each.get("use", "sig") != "sig":
            continue
        operations = each.get("key_ops", ["verify"])
        reader = readers.get(each.get("kty")) if isinstance(each.get("kty"), str) else None
        if reader is None or not isinstance(operations, list) or "verify" not in operations:
            continue
        try:
            found = reader.from_jwk(each)
        except (PyJWTError, ValueError, TypeError, KeyError, UnsupportedAlgorithm):
            continue
        key = _usable(found.public_key() if hasattr(found, "private_numbers") else found)
        kid, alg = each.get("kid"), each.get("alg")
        if key is not None:
            yield Key(key, kid if isinstance(kid, str) else None, alg if isinstance(alg, str) else None)


def _usable(key: object) -> PublicKey | None:
    if isinstance(key, RSAPublicKey):
        return key if key.key_size >= _LEAST_BITS else None
    if isinstance(key, EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey):
        return key
    return None


class KeySet:
    """The keys at a URL. Outlives tables.

    Mutable: `keys`, the last good ones, with `version`, which changes with them; the fetch under way, and
    when the last one began.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, observer: Observing, url: str, refresh_s: float
    ) -> None:
        self.url = url
        self.keys: tuple[Key, ...] = ()
        self.version = 0
        self._loop = loop
        self._observer = observer
        self._refresh_s = refresh_s
        self._fetching: asyncio.Task[None] | None = None
        self._began = -LEAST_BETWEEN_S
        self._failing = False
        self._turning = loop.create_task(self._turn())

    def close(self) -> None:
        """See Kept."""
        self._turning.cancel()

    async def first(self) -> None:
        """Wait for the first set, not for long: a gateway starts without it, and refuses tokens so long."""
        if not self.keys:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FIRST_S):
                    await asyncio.shield(self._fetch())

    async def look_again(self) -> bool:
        """Fetch because a key is not known, unless that was done a moment ago; whether it was done now."""
        if self._fetching is None and monotonic() - self._began < LEAST_BETWEEN_S:
            return False
        await asyncio.shield(self._fetch())
        return True

    async def _turn(self) -> None:
        """Fetch again and again."""
        while True:
            await asyncio.shield(self._fetch())
            await asyncio.sleep(RETRY_S if self._failing and not self.keys else self._refresh_s)

    def _fetch(self) -> asyncio.Task[None]:
        """The fetch under way, a new one where there is none."""
        if self._fetching is None:
            self._began = monotonic()
            self._fetching = self._loop.create_task(self._fetch_now())
        return self._fetching

    async def _fetch_now(self) -> None:
        why = ""
        try:
            async with asyncio.timeout(FETCH_S):
                keys = keys_of_set(await _content_at(self.url))
            if keys != self.keys:
                self.keys = keys
                self.version += 1
        except NoKeys as fault:
            why = str(fault.args[0])
        except TimeoutError:
            why = f"takes longer than {FETCH_S:g} s"
        except Exception as fault:  # the client raises what its layers do
            why = f"cannot be fetched: {type(fault).__name__}"
        finally:
            self._fetching = None
        self._failing = bool(why)
        if why:
            self._observer.error(
                "warning", "keys-not-fetched", url=self.url.partition("?")[0], what=why, kept=len(self.keys)
            )


async def _content_at(url: str) -> bytes:
    """The body of a 200, of limited size. Redirects are not followed."""
    import ssl

    import httpcore

    context = ssl.create_default_context() if url.startswith("https:") else None
    async with httpcore.AsyncConnectionPool(ssl_context=context) as pool:
        headers = [("accept", "application/json"), ("accept-encoding", "identity"), ("user-agent", "gwc")]
        async with pool.stream("GET", url, headers=headers) as reply:
            if reply.status != 200:
                raise NoKeys(f"answers {reply.status}")
            content = b""
            async for piece in reply.aiter_stream():
                content += piece
                if len(content) > MOST_BYTES:
                    raise NoKeys(f"is longer than {MOST_BYTES} bytes")
            return content
