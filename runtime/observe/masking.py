"""What may stand in a log, and how.

Owns which parameters are secret, how long a text may be, and that no control character is ever written raw:
whoever sends a request must not be able to forge a line or to steer a terminal. All text is one byte a
character. Nothing here raises for any text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

MASK: Final = "***"

_SECRET: Final = frozenset(
    {
        *("key", "token", "apikey", "accesstoken", "secret", "password", "signature", "sig", "auth", "code"),
        # what else is known to carry one: OAuth 2.0, OpenID, signed links of the clouds, forms, fields
        *(
            "authorization",
            "proxyauthorization",
            "bearer",
            "jwt",
            "cookie",
            "setcookie",
            "session",
            "sessionid",
        ),
        *("credential", "credentials", "clientsecret", "clientassertion", "codeverifier", "samlresponse"),
        *(
            "session",
            "sessionid",
            "refreshtoken",
            "idtoken",
            "authtoken",
            "sessiontoken",
            "xauthtoken",
            "xapikey",
        ),
        *("privatekey", "secretkey", "accesskey", "pwd", "passwd", "passphrase", "otp", "pin"),
        *("xamzsignature", "xamzsecuritytoken", "xamzcredential", "xgoogsignature", "xgoogcredential"),
    }
)
"""Names without `-`, `_`, blanks and case."""

_SEPARATORS: Final = re.compile(r"[\[\].]+")
_JOINERS: Final = str.maketrans("", "", "-_ \t\r\n\0")
_MATRIX: Final = re.compile(r";([^=;/]*)=([^;/]*)")
_RAW: Final = re.compile(rb"\x7f|\xc2[\x80-\x9f]")

PLAIN: Final = {
    0x5C: "\\\\",
    **{code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))},
}
"""For `str.translate`: control characters, and the backslash that stands for them."""


@lru_cache(maxsize=2048)
def is_secret(name: str) -> bool:
    """Whether a parameter or field of that name holds a secret.

    Case, `-` and `_` do not count, percent-encoding is undone, `user[password]` and `user.password` are
    secret by their part.
    """
    if "%" in name or "+" in name:
        name = unquote_to_bytes(name.encode("latin-1", "replace").replace(b"+", b" ")).decode("latin-1")
    words = _SEPARATORS.split(name.lower().translate(_JOINERS))
    return not _SECRET.isdisjoint(words)


def masked_query(query: str, longest: int = 4096) -> str:
    """A query with the values of secret parameters replaced; at most `longest` characters are looked at."""
    if ";" not in query and len(query) <= longest:
        for part in query.split("&"):
            if is_secret(part.partition("=")[0]):
                break
        else:
            return query
    query = query[:longest]
    parts = query.split("&")
    for index, part in enumerate(parts):
        if ";" in part:
            parts[index] = _masked_list(part)
        else:
            name, equals, _ = part.partition("=")
            if equals and is_secret(name):
                parts[index] = f"{name}={MASK}"
            else:
                continue
    return "&".join(parts)


def masked_path(path: str, longest: int = 4096) -> str:
    """A path with secret matrix parameters (`;token=x`) replaced."""
    path = path[:longest]
    if ";" not in path:
        return path
    return _MATRIX.sub(lambda found: f";{found[1]}={MASK if is_secret(found[1]) else found[2]}", path)


def masked_reference(reference: str, longest: int = 512) -> str:
    """A URL as in `Referer`: user information, query and fragment masked."""
    reference = reference[: longest * 8]  # a cut must not leave half of what would have been masked
    rest, hash_mark, fragment = reference.partition("#")
    rest, question_mark, query = rest.partition("?")
    scheme, slashes, place = rest.partition("//")
    authority, slash, path = place.partition("/")
    if "@" in authority:
        authority = f"{MASK}@{authority.rpartition('@')[2]}"
    told = f"{scheme}{slashes}{authority}{slash}{masked_path(path)}" if slashes else masked_path(rest)
    if question_mark:
        told += f"?{masked_query(query)}"
    if hash_mark:
        told += f"#{masked_query(fragment)}"
    return told[:longest]


def clean_json(line: bytes) -> bytes:
    """A JSON text with the control characters that JSON allows (DEL and C1) written as escapes too."""
    if line.isascii() and 0x7F not in line:  # PERF: a number is looked for twice as fast as a byte string
        return line
    return _RAW.sub(lambda found: b"\\u00%02x" % found[0][-1], line)


def _masked_list(part: str) -> str:
    """`a=1;token=x;b=2`: all that follows a secret name may belong to its value."""
    told: list[str] = []
    for piece in part.split(";"):
        name, equals, _ = piece.partition("=")
        if equals and is_secret(name):
            told.append(f"{name}={MASK}")
            break
        told.append(piece)
    return ";".join(told)
