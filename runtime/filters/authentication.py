"""`authenticate`: nobody gets further who has not proved who they are.

Owns the order in which ways are asked (any may hold), what becomes of a request when none does, and the
fields for the upstream. How each way works is its own file's.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from typing import Final

from gwc.schema.policies.authentication import Authentication
from gwc.schema.table import RouteSettings

from ..actions.headers import Field
from ..filter import Answer, Filter, FilterContext, Outcome, Phase, Refuse, Said
from ..reply import Reply
from .auth_way import Held, Rejected, Verdict, Way, as_field, hide
from .build import Making

NONE: Final = "no-credentials"
_WEIGHT: Final = {"bad-credentials": 1, "auth-unavailable": 2, "not-allowed": 3}
"""Of several ways that refuse, the one that got furthest is told."""


def make(settings: RouteSettings, making: Making) -> Filter | None:
    """The filter of a route that says something of it, or whose listener does."""
    policy = settings.authentication
    if policy is None:
        return None
    ways = _ways(policy, making)
    return (WithCookies if policy.forward_auth else AuthenticationFilter)(policy, ways)


def _ways(policy: Authentication, making: Making) -> tuple[Way, ...]:
    """The ways in the order in which they are asked: those that cost least first."""
    ways: list[Way] = []
    realm = policy.realm.encode("utf-8").decode("latin-1").replace("\\", "\\\\").replace('"', '\\"')
    if policy.certificate is not None:
        from .auth_certificate import CertificateWay

        ways.append(CertificateWay(policy.certificate))
    if policy.api_keys:
        from .auth_api_key import ApiKeyWay

        ways += (ApiKeyWay(each, realm, making) for each in policy.api_keys)
    if policy.basic is not None:
        from .auth_basic import BasicWay

        ways.append(BasicWay(policy.basic, realm, making))
    if policy.jwts:
        from .auth_jwt import JwtWay

        ways += (JwtWay(each, realm, making) for each in policy.jwts)
    if policy.forward_auth is not None:
        from .auth_forward import ForwardAuthWay

        ways.append(ForwardAuthWay(policy.forward_auth, making))
    return tuple(ways)


class AuthenticationFilter(Filter):
    """The ways of one policy."""

    name = "authenticate"
    phase = Phase.AUTHENTICATION

    def __init__(self, policy: Authentication, ways: tuple[Way, ...]) -> None:
        self._policy = policy
        self._ways = ways
        self._closed = frozenset(policy.closed)
        self._header = policy.identity_header
        self._strips = frozenset(policy.strips)
        challenges = dict.fromkeys(each.challenge for each in ways if each.challenge)
        self._challenges: tuple[Field, ...] = tuple(("www-authenticate", each) for each in challenges)

    async def prepare(self) -> None:
        """See Filter."""
        for each in self._ways:
            await each.prepare()

    def on_request(self, context: FilterContext) -> Outcome:
        """See Filter."""
        context.removed |= self._strips
        if not self._strips.isdisjoint(context.head.headers):
            self._forget_forged(context)
        if not self._ways:
            if context.head.listener in self._closed:
                return Refuse("route-closed", "the route has no `authenticate`", rule="authenticate")
            return None
        return self._ask(context, 0, None)

    def _forget_forged(self, context: FilterContext) -> None:
        """Nobody sees them: neither the service that is asked nor header rules that copy a field."""
        head = context.head
        context.head = replace(
            head,
            headers={name: value for name, value in head.headers.items() if name not in self._strips},
            fields=tuple(field for field in head.fields if field[0] not in self._strips),
        )

    def _ask(self, context: FilterContext, first: int, worst: Rejected | None) -> Outcome:
        """The ways from `first` on."""
        for number in range(first, len(self._ways)):
            verdict = self._ways[number].ask(context)
            if isinstance(verdict, Awaitable):
                return self._wait(context, number, verdict, worst)
            if isinstance(verdict, Rejected):
                worst = _worse(worst, verdict)
            elif verdict is not None:
                return self._decided(context, verdict)
        return self._refuse(context, worst)

    async def _wait(
        self, context: FilterContext, number: int, late: Awaitable[Verdict], worst: Rejected | None
    ) -> Said:
        verdict = await late
        if isinstance(verdict, Rejected):
            worst = _worse(worst, verdict)
        elif verdict is not None:
            return self._decided(context, verdict)
        outcome = self._ask(context, number + 1, worst)
        return await outcome if isinstance(outcome, Awaitable) else outcome

    def _decided(self, context: FilterContext, verdict: Held | Answer) -> Said:
        """A way holds, or has the answer."""
        if isinstance(verdict, Answer):
            return verdict
        identity = context.identity = verdict.identity
        context.record.identity = identity.name
        if verdict.hide is not None:
            hide(context, verdict.hide)
        context.set_fields += verdict.fields
        if self._header is not None:
            value = as_field(identity.name.encode("latin-1", "replace").decode("utf-8", "replace"))
            if value:
                context.set_fields.append((self._header, value))
        return None

    def _refuse(self, context: FilterContext, worst: Rejected | None) -> Refuse:
        if worst is None:
            return Refuse(NONE, "no credentials", rule="authenticate", fields=self._challenges)
        if worst.identity is not None:
            context.record.identity = worst.identity.name
        fields = self._challenges if worst.reason == "bad-credentials" else ()
        return Refuse(worst.reason, worst.detail, rule="authenticate", fields=fields)


class WithCookies(AuthenticationFilter):
    """Ways of which one may set cookies for somebody whom it lets in."""

    def on_reply(self, context: FilterContext, reply: Reply) -> None:
        """See Filter."""
        for cookie in context.notes.pop(self.name, ()):
            reply.lines.append(b"set-cookie: " + cookie.encode("latin-1"))


def _worse(one: Rejected | None, other: Rejected) -> Rejected:
    return other if one is None or _WEIGHT[other.reason] > _WEIGHT[one.reason] else one
