"""Signed tokens (RFC 7519, and RFC 8725 for what has gone wrong with them elsewhere).

Owns what a token must be: signed in one of the ways that the configuration names, by a key of that kind, and
still good. Fields of a token's head choose among known keys, and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Awaitable, Iterator, Mapping
from typing import Any, Final

import jwt
from gwc.schema.policies.authentication import Jwt

from ..actions.headers import Field
from ..filter import FilterContext, FilterFaulty, Identity
from .auth_keys import Key, KeySet, NoKeys, keys_of
from .auth_way import Held, Place, Rejected, as_field, credential, keep_out_of_logs, read_file
from .build import Making

LONGEST: Final = 8 * 1024
_MOST_KNOWN: Final = 4096
_KNOWN_S: Final = 300.0
"""How long a token that was good is known to be; its own end comes before."""
_MOST_CLAIMS: Final = 64
_MOST_TRIED: Final = 4
_BEARER: Final = Place("header", "authorization", ("bearer",))
_FAULTS: Final[Mapping[type[Exception], str]] = {
    jwt.ExpiredSignatureError: "expired",
    jwt.ImmatureSignatureError: "not good yet",
    jwt.InvalidIssuedAtError: "made in the future",
    jwt.InvalidIssuerError: "of another issuer",
    jwt.InvalidAudienceError: "for another audience",
    jwt.MissingRequiredClaimError: "without `exp`, `iss` or `aud`",
    jwt.InvalidSignatureError: "signed by somebody else",
}


class JwtWay:
    """Tokens of one issuer. Mutable: `_known`, tokens that were good until when, by their hash, and for which
    version of the keys.
    """

    def __init__(self, policy: Jwt, realm: str, making: Making) -> None:
        self.challenge = f'Bearer realm="{realm}"'
        self._policy = policy
        self._places = [_BEARER]
        if policy.cookie is not None:
            self._places.append(Place("cookie", policy.cookie))
        if policy.query is not None:
            self._places.append(Place("query", policy.query))
        self._algorithms = frozenset(policy.algorithms)
        self._set: KeySet | None = None
        self._keys: tuple[Key, ...] = ()
        self._known: dict[bytes, tuple[float, Held]] = {}
        self._version = 0
        if policy.secret is not None:
            self._keys = (self._secret(making.fill(policy.secret)),)
        elif policy.key_file is not None:
            path = making.fill(policy.key_file)
            try:
                self._keys = keys_of(read_file(making.root, path, "`jwt`"))
            except NoKeys as fault:
                raise FilterFaulty(f"`jwt`: file `{path}` {fault.args[0]}") from fault
            if not any(key.fits(each) for key in self._keys for each in policy.algorithms):
                named = ", ".join(policy.algorithms)
                raise FilterFaulty(f"`jwt`: file `{path}` has no key for {named}")
        else:
            assert policy.jwks_url is not None, "resolving demands one of the three"
            url, refresh_s = making.fill(policy.jwks_url), policy.refresh_ms / 1000
            self._set = making.keep.at(
                ("jwks", url, policy.refresh_ms),
                lambda: KeySet(making.loop, making.observer, url, refresh_s),
            )

    def _secret(self, text: str) -> Key:
        key = Key(text.encode("utf-8"))
        for each in self._policy.algorithms:
            if not key.fits(each):
                raise FilterFaulty(f"`jwt`: the secret is too short for {each}")
        return key

    async def prepare(self) -> None:
        """See Way."""
        if self._set is not None:
            await self._set.first()

    def ask(self, context: FilterContext) -> Held | Rejected | Awaitable[Held | Rejected] | None:
        """See Way."""
        for place in self._places:
            token = credential(context.head, place)
            if token is not None:
                keep_out_of_logs(context, place)
                return self._judge(token, place)
        return None

    def _judge(self, token: str, place: Place) -> Held | Rejected | Awaitable[Held | Rejected]:
        if len(token) > LONGEST:
            return _bad("too long")
        if self._set is not None and self._set.version != self._version:
            self._version, self._keys = self._set.version, self._set.keys
            self._known.clear()
        digest = hashlib.sha256(token.encode("latin-1", "replace")).digest()
        until, held = self._known.get(digest, (0.0, None))
        if held is not None and until > time.time():
            return self._at(held, place)
        try:
            head = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            return _bad("not a token")
        algorithm, kid = head.get("alg"), head.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            return _bad("signed in a way that is not among `algorithms`")
        if "crit" in head or head.get("b64") is False:
            return _bad("with extensions that are not known here")
        if self._set is not None and not self._candidates(algorithm, kid):
            return self._judge_later(token, algorithm, kid, digest, place)
        return self._verified(token, algorithm, kid, digest, place)

    async def _judge_later(
        self, token: str, algorithm: str, kid: str | None, digest: bytes, place: Place
    ) -> Held | Rejected:
        """The key is not known: perhaps it is new."""
        assert self._set is not None
        await self._set.look_again()
        if self._set.version != self._version:
            self._version, self._keys = self._set.version, self._set.keys
            self._known.clear()
        if not self._keys:
            return Rejected("auth-unavailable", "jwt: the issuer's keys could not be fetched")
        return self._verified(token, algorithm, kid, digest, place)

    def _candidates(self, algorithm: str, kid: str | None) -> list[Key]:
        """The keys that may have signed; a token that names one is tried with keys of that name, and with
        those that have none.
        """
        fitting = [key for key in self._keys if key.fits(algorithm)]
        if kid is not None:
            fitting = [key for key in fitting if key.kid in (kid, None)]
        return fitting[:_MOST_TRIED]

    def _verified(
        self, token: str, algorithm: str, kid: str | None, digest: bytes, place: Place
    ) -> Held | Rejected:
        policy = self._policy
        why = "signed with a key that is not known"
        for each in self._candidates(algorithm, kid):
            try:
                claims = jwt.decode(
                    token,
                    each.key,
                    algorithms=[algorithm],
                    audience=list(policy.audience),
                    issuer=list(policy.issuer),
                    leeway=policy.leeway_ms / 1000,
                    options={"require": ["exp", "iss", "aud"]},
                )
            except jwt.InvalidSignatureError:
                why = "signed by somebody else"
                continue
            except jwt.PyJWTError as fault:
                return _bad(_FAULTS.get(type(fault), "not a token"))
            except (ValueError, TypeError, OverflowError, RecursionError):
                return _bad("not a token")
            return self._allowed(claims, digest, place)
        return _bad(why)

    def _allowed(self, claims: dict[str, Any], digest: bytes, place: Place) -> Held | Rejected:
        """What a good token says."""
        policy = self._policy
        name = _text(claims.get(policy.name))
        if not name:
            return _bad(f"without the claim `{policy.name}`")
        told = tuple(_told(claims))
        identity = Identity("jwt", name, told)
        for claim, wanted in policy.require:
            if not _has(claims.get(claim), wanted):
                return Rejected("not-allowed", f"jwt: the claim `{claim}` is missing or another", identity)
        fields: list[Field] = []
        for field, claim in policy.headers:
            value = _text(claims.get(claim))
            if value is not None:
                fields.append((field, value))
        held = Held(identity, tuple(fields))
        now = time.time()
        until = min(float(claims["exp"]) + policy.leeway_ms / 1000, now + _KNOWN_S)
        self._known.pop(digest, None)
        if len(self._known) >= _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[digest] = until, held
        return self._at(held, place)

    def _at(self, held: Held, place: Place) -> Held:
        return held if self._policy.forward else held._replace(hide=place)


def _bad(why: str) -> Rejected:
    return Rejected("bad-credentials", f"jwt: {why}")


def _told(claims: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The claims as header rules may use them."""
    for name in list(claims)[:_MOST_CLAIMS]:
        value = _text(claims[name])
        if value is not None:
            yield name.encode("utf-8", "replace").decode("latin-1"), value


def _text(value: object) -> str | None:
    """A claim as the value of a field; None where it is none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return as_field(value)
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(each, str | int) for each in value):
        return as_field(",".join(map(str, value)))
    return None if value is None else as_field(json.dumps(value, separators=(",", ":")))


def _has(value: object, wanted: tuple[str, ...]) -> bool:
    """Whether a claim is one of these, or has one of them among several."""
    if value is None or value is False:
        return False
    if not wanted:
        return True
    if isinstance(value, str):
        return value in wanted or not set(wanted).isdisjoint(value.split(" "))
    if isinstance(value, list):
        return any(isinstance(each, str | int) and str(each) in wanted for each in value)
    return _text(value) in wanted
