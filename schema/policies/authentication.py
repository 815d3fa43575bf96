"""Who may send requests, and how they prove who they are.

Texts of files, URLs, hashes and secrets may hold references.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class ApiKeys(NamedTuple):
    """Keys by their SHA-256. Where they are looked for, in this order; `keys` are names with hashes.

    `forward`: the upstream gets the credential too.
    """

    header: str | None
    query: str | None
    cookie: str | None
    file: str | None
    keys: tuple[tuple[str, str], ...]
    forward: bool = False


class Basic(NamedTuple):
    """Names and passwords of a file. `cache_ms`: how long a password is known to be right."""

    file: str
    cache_ms: int = 60_000
    forward: bool = False


class Jwt(NamedTuple):
    """Signed tokens. Of `secret`, `key_file` and `jwks_url` one is there.

    `name` is the claim that says who it is; `require` are claims with the values of which one must be there
    (none: any); `headers` are fields with the claims that they get, names in lower case.
    """

    issuer: tuple[str, ...]
    audience: tuple[str, ...]
    algorithms: tuple[str, ...]
    jwks_url: str | None = None
    key_file: str | None = None
    secret: str | None = None
    refresh_ms: int = 300_000
    leeway_ms: int = 30_000
    cookie: str | None = None
    query: str | None = None
    name: str = "sub"
    require: tuple[tuple[str, tuple[str, ...]], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    forward: bool = False


class ForwardAuth(NamedTuple):
    """A service that is asked. `request_headers` None: all fields. Names are in lower case."""

    url: str
    request_headers: tuple[str, ...] | None = None
    response_headers: tuple[str, ...] = ()
    identity: str | None = None
    timeout_ms: int = 5_000
    on_failure: Literal["deny", "allow"] = "deny"


class Certificate(NamedTuple):
    """What of a client's certificate says who it is, and who may; () is everybody with one."""

    name: Literal["subject", "dns", "uri", "email", "fingerprint"] = "subject"
    allow: tuple[str, ...] = ()


class Authentication(NamedTuple):
    """The ways of which any may hold; without one, and not `public`, nobody is let in on listeners that are
    `closed`.

    `closed` are the listeners where a route that says nothing of this refuses everybody, because others of
    the listener say it. `strips` are the lower-case names of fields that only the gateway may set.
    """

    public: bool = False
    realm: str = "restricted"
    identity_header: str | None = None
    api_keys: tuple[ApiKeys, ...] = ()
    basic: Basic | None = None
    jwts: tuple[Jwt, ...] = ()
    forward_auth: ForwardAuth | None = None
    certificate: Certificate | None = None
    closed: tuple[str, ...] = ()
    strips: tuple[str, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether there is a way to prove who one is."""
        return bool(self.api_keys or self.basic or self.jwts or self.forward_auth or self.certificate)

    def result_fields(self) -> set[str]:
        """The fields that this sets for the upstream."""
        fields = {field for each in self.jwts for field, _ in each.headers}
        if self.forward_auth is not None:
            fields.update(self.forward_auth.response_headers)
        return fields | {self.identity_header} if self.identity_header else fields

    def texts(self) -> list[str]:
        """The texts in which references may stand, those of `files` too."""
        return [
            *(text for each in self.api_keys for _, text in each.keys),
            *(text for each in self.jwts for text in (each.secret, each.jwks_url) if text),
            *((self.forward_auth.url,) if self.forward_auth else ()),
            *self.files(),
        ]

    def files(self) -> list[str]:
        """The files that are read when a table is prepared."""
        return [
            *(each.file for each in self.api_keys if each.file),
            *((self.basic.file,) if self.basic else ()),
            *(each.key_file for each in self.jwts if each.key_file),
        ]
