"""Check: findings about a configuration that has a meaning.

Owns the lists of rules. A rule is a file with a function `check` that yields diagnostics; it looks at what
was resolved and changes nothing. A rule judges either each item by itself, as it was written, or the whole
configuration. Rules run only on a configuration without errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from gwc.schema.diagnostic import Diagnostic
from gwc.schema.listener import ListenerSettings

from ..resolve import Item, Resolution
from ..resolve.resolved import Listener
from . import (
    builtin_not_private,
    closed_route,
    exposed_credential,
    foreign_pattern,
    host_out_of_scope,
    identical_matches,
    implicit_listener,
    impossible_host,
    linear_regex,
    long_try,
    lower_case_method,
    mirrored_to_itself,
    nameless_identity,
    needs_tls,
    no_certificate,
    no_routes,
    nobody_allowed,
    open_metrics,
    plain_agent,
    plain_service,
    redirect_to_itself,
    single_target,
    timeout_off,
    trailing_slash,
    unfilled_variable,
    unread_body,
    unseen_header,
    unused_agent,
    unused_matcher,
    unused_upstream,
    unverified_upstream,
    written_secret,
    zero_weights,
)

Rule = Callable[[Resolution], Iterable[Diagnostic]]
ItemRule = Callable[[Item, Sequence[Listener]], Iterable[Diagnostic]]

RULES: tuple[Rule, ...] = (
    unused_upstream.check,
    unused_agent.check,
    plain_agent.check,
    closed_route.check,
    builtin_not_private.check,
    unused_matcher.check,
    zero_weights.check,
    redirect_to_itself.check,
    host_out_of_scope.check,
    identical_matches.check,
    implicit_listener.check,
    no_routes.check,
    nobody_allowed.check,
    long_try.check,
    mirrored_to_itself.check,
    timeout_off.check,
    open_metrics.check,
    unread_body.check,
    unverified_upstream.check,
    single_target.check,
    written_secret.check,
    nameless_identity.check,
    exposed_credential.check,
    no_certificate.check,
    plain_service.check,
)

ITEM_RULES: tuple[ItemRule, ...] = (
    impossible_host.check,
    linear_regex.check,
    trailing_slash.check,
    lower_case_method.check,
    unfilled_variable.check,
    foreign_pattern.check,
    unseen_header.check,
    needs_tls.check,
)


class CheckCache:
    """What an earlier run found in items, by their identity.

    Mutable: `settings` are the listeners' that the findings were made with; others begin anew. Each entry
    keeps its item, so that its identity stays its own; items that are gone are forgotten.
    """

    def __init__(self) -> None:
        self.settings: list[ListenerSettings] = []
        self.found: dict[int, tuple[Item, tuple[Diagnostic, ...]]] = {}


def check(resolution: Resolution, cache: CheckCache | None = None) -> Iterator[Diagnostic]:
    """The findings of every rule. With `cache`, items that an earlier run judged are not judged again."""
    assert resolution.config is not None, "rules run on a configuration without errors"
    listeners = resolution.config.listeners
    settings = [listener.settings for listener in listeners]
    earlier = cache.found if cache is not None and cache.settings == settings else {}
    found: dict[int, tuple[Item, tuple[Diagnostic, ...]]] = {}
    for item in resolution.items:
        judged = earlier.get(id(item))
        if judged is None:
            judged = item, tuple(each for rule in ITEM_RULES for each in rule(item, listeners))
        found[id(item)] = judged
        yield from judged[1]
    if cache is not None:
        cache.settings, cache.found = settings, found
    for rule in RULES:
        yield from rule(resolution)
