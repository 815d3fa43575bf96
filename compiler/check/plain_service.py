"""GWC514, GWC516, GWC517: secrets written out, keys and verdicts without TLS, doors that fail open."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Resolution
from ..validate.record import Record, span_of
from .environment import owners

_HERE = ("http://localhost", "http://127.", "http://[::1]")


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each."""
    for owner in owners(resolution.root):
        policy = owner.get("authenticate", {})
        service = policy.get("forward-auth")
        if service is not None:
            yield from _plain(service, "url", "verdicts")
            if service.get("on-failure") == "allow":
                yield warning(
                    "GWC517",
                    span_of(service, "on-failure"),
                    "everybody is let in while the service cannot be asked",
                    label="whoever can keep it from answering gets in",
                    help="take it out: `deny` answers 503 until the service is back",
                )
        for tokens in policy.get("jwt", ()):
            if "jwks-url" in tokens:
                yield from _plain(tokens, "jwks-url", "keys")
            if "${" not in tokens.get("secret", "${"):
                yield warning(
                    "GWC514",
                    span_of(tokens, "secret"),
                    "the secret of tokens is written out here",
                    label="everybody who reads this file can make tokens",
                    help="keep it in a variable or a file: `${env:TOKEN_SECRET}`, `${file:/run/token}`",
                )


def _plain(record: Record, key: str, what: str) -> Iterator[Diagnostic]:
    url = record[key].lower()
    if url.startswith("http://") and not url.startswith(_HERE):
        yield warning(
            "GWC516",
            span_of(record, key),
            f"{what} come without TLS",
            label="anybody on the way can let in everybody",
            help="write `https://`",
        )
