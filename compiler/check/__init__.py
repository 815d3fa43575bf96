"""Check: findings about a configuration that has a meaning.

Owns the list of rules. A rule is a file with a function `check(resolution)` that yields diagnostics; it looks
at what was resolved and changes nothing. Rules run only on a configuration without errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from gwc.schema.diagnostic import Diagnostic

from ..resolve import Resolution
from . import (
    foreign_pattern,
    host_out_of_scope,
    identical_matches,
    implicit_listener,
    impossible_host,
    linear_regex,
    lower_case_method,
    needs_tls,
    no_routes,
    redirect_to_itself,
    trailing_slash,
    unfilled_variable,
    unseen_header,
    unused_matcher,
    unused_upstream,
    zero_weights,
)

Rule = Callable[[Resolution], Iterable[Diagnostic]]

RULES: tuple[Rule, ...] = (
    unused_upstream.check,
    unused_matcher.check,
    zero_weights.check,
    redirect_to_itself.check,
    host_out_of_scope.check,
    impossible_host.check,
    linear_regex.check,
    identical_matches.check,
    trailing_slash.check,
    lower_case_method.check,
    implicit_listener.check,
    no_routes.check,
    unfilled_variable.check,
    foreign_pattern.check,
    unseen_header.check,
    needs_tls.check,
)


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """The findings of every rule, rule by rule."""
    for rule in RULES:
        yield from rule(resolution)
