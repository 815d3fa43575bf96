"""Client certificates: who it is was proved in the TLS handshake.

Owns which of a certificate's names counts. Whether the certificate is good was the listener's matter.
"""

from __future__ import annotations

from gwc.schema.policies.authentication import Certificate

from ..filter import FilterContext, Identity
from ..tls_session import ClientCertificate
from .auth_way import Held, Rejected, as_field


class CertificateWay:
    """The names that may."""

    challenge = ""

    def __init__(self, policy: Certificate) -> None:
        self._name = policy.name
        self._allow = frozenset(policy.allow)

    async def prepare(self) -> None:
        """See Way."""

    def ask(self, context: FilterContext) -> Held | Rejected | None:
        """See Way."""
        session = context.record.session
        shown = None if session is None else session.client
        if shown is None:
            return None
        names = _names(shown, self._name)
        first = as_field(names[0]) if names else None
        if not first:
            return Rejected("not-allowed", f"client-certificate: it has no {self._name}")
        told = (
            (each, as_field(getattr(shown, each))) for each in ("subject", "issuer", "serial", "fingerprint")
        )
        claims = tuple((name, value) for name, value in told if value)
        identity = Identity("client-certificate", first, claims)
        if self._allow and self._allow.isdisjoint(names):
            return Rejected(
                "not-allowed", f"client-certificate: its {self._name} is not in `allow`", identity
            )
        return Held(identity)


def _names(shown: ClientCertificate, kind: str) -> tuple[str, ...]:
    if kind == "dns":
        return tuple(each.lower() for each in shown.dns)
    return {
        "subject": (shown.subject,) if shown.subject else (),
        "uri": shown.uris,
        "email": shown.emails,
        "fingerprint": (shown.fingerprint,),
    }[kind]
