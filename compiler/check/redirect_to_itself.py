"""GWC404: a redirect that its own route answers again, for ever.

The classic is `redirect scheme="https"` on a route that also applies to the https listener. One request is
thought up for each alternative (`_Return`), and followed: the rule speaks only where the request that the
Location leads to is certain to come to the same route.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gwc.schema.diagnostic import Diagnostic, warning
from gwc.schema.listener import ListenerSettings
from gwc.schema.normalise.listen import choose_listener
from gwc.schema.predicate import (
    FieldTest,
    Flag,
    Hosts,
    Listeners,
    Methods,
    Models,
    Not,
    PathPattern,
    Paths,
    Sample,
    Schemes,
    Snis,
)

from ..resolve import Resolution
from ..resolve.resolved import Alternative, Redirect, ResolvedConfig
from ..validate.record import key_span
from .rivals import Rivals, host_holds, path_holds

_WELL_KNOWN = {"http": 80, "https": 443}
_KEEPS_METHOD = (307, 308)
_SEGMENT = "~"
"""A segment, and a label, that stands for any."""


@dataclass(frozen=True, slots=True)
class _Return:
    """A request that comes back. `host` and `path` are None where they may be any that the route takes.

    `moved` is whether the first request was another one: then other conditions may tell the two apart.
    """

    host: str | None
    path: str | None
    moved: bool


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each route with such a redirect."""
    config = resolution.config
    assert config is not None
    told: set[int] = set()
    rivals = Rivals(config)
    for alternative in config.alternatives:
        action = config.routes[alternative.route].action
        if not isinstance(action, Redirect) or alternative.route in told:
            continue
        if _comes_back(config, rivals, alternative, action):
            told.add(alternative.route)
            setting = resolution.routes[alternative.route].scope.action
            assert setting is not None
            yield warning(
                "GWC404",
                key_span(setting.owner, "redirect"),
                f"route `{config.routes[alternative.route].name}` redirects a request to itself",
                label="the new location comes here again",
                help=_advice(action),
            )


def _advice(action: Redirect) -> str:
    if action.scheme is not None:
        other = "http" if action.scheme == "https" else "https"
        return f'add `scheme "{other}"` to the route\'s `matches`'
    return "change the scheme, host or path of the redirect, or narrow the route's `matches`"


def _comes_back(config: ResolvedConfig, rivals: Rivals, alternative: Alternative, action: Redirect) -> bool:
    back = _return(alternative, action)
    if back is None or any(_may_fail(each, action, back) for each in alternative.conditions):
        return False
    return any(
        not rivals.before(alternative, back.host, back.path, listener.name, scheme, any_condition=back.moved)
        for listener, scheme in _doors(config, back, alternative)
        if _same_origin(listener, scheme, action)
    )


def _return(alternative: Alternative, action: Redirect) -> _Return | None:
    """The request that the Location makes, None where the alternative's own host and path do not take it."""
    pattern, host = alternative.path, alternative.host
    path = _example(pattern)
    moved = action.host is not None
    if action.kind == "full":
        path, moved = action.path, True
        if not path_holds(pattern, path):
            return None
    elif action.kind == "prefix":
        assert pattern is not None, "resolving demands a prefix in every alternative"
        old, new = pattern.text.rstrip("/"), action.path.rstrip("/")
        if new != old and not new.startswith(f"{old}/"):
            return None
        path, moved = f"{new}/{_SEGMENT}", moved or new != old
    if action.host is not None:
        return _Return(action.host, path, moved) if host_holds(host, action.host) else None
    if host is None or host.kind == "regex":
        return _Return(None, path, moved)
    return _Return(host.text.replace("*", _SEGMENT), path, moved)


def _example(pattern: PathPattern | None) -> str | None:
    """A path that the pattern takes and that is not likely to be anybody else's."""
    if pattern is None:
        return f"/{_SEGMENT}"
    if pattern.kind == "prefix":
        return f"{pattern.text.rstrip('/')}/{_SEGMENT}"
    return pattern.text if pattern.kind == "exact" else None


def _may_fail(condition: object, action: Redirect, back: _Return) -> bool:
    """Whether a condition that held for the first request may not hold for the second.

    `Listeners` and `Schemes` are looked at with each listener. A browser sends the same fields again.
    """
    match condition:
        case Hosts(patterns) if action.host is not None:
            return not any(host_holds(each, action.host) for each in patterns)
        case Paths(patterns) if action.kind is not None:
            return not any(path_holds(each, back.path or "/") for each in patterns)
        case Methods(values) if action.status not in _KEEPS_METHOD:
            return "GET" not in values
        case FieldTest(place="query", op=op, operand=operand) if not action.keep_query:
            return op != "present" or operand is True
        case Models() | Flag():
            return action.status not in _KEEPS_METHOD
        case Snis():
            return action.host is not None
        case Not(predicates):
            return back.moved or not action.keep_query or any(isinstance(each, Sample) for each in predicates)
        case Sample():
            return True
        case _:
            return False


def _doors(
    config: ResolvedConfig, back: _Return, alternative: Alternative
) -> Iterator[tuple[ListenerSettings, str]]:
    """The listeners that such a request may come in by, each with a scheme that it may have there."""
    settings = [listener.settings for listener in config.listeners]
    # A host that a redirect names and nobody else does is most likely served somewhere else.
    elsewhere = alternative.host is None and back.host is not None
    for listener in settings:
        if elsewhere and not listener.hosts:
            continue
        if back.host is not None and not _takes(listener, back.host, settings):
            continue
        own = "https" if listener.tls else "http"
        # A trusted proxy in front may say that its client used the other one.
        for scheme in ("http", "https") if listener.trusted_proxies else (own,):
            if all(_open(each, listener.name, scheme) for each in alternative.conditions):
                yield listener, scheme


def _open(condition: object, listener: str, scheme: str) -> bool:
    match condition:
        case Listeners(values):
            return listener in values
        case Schemes(values):
            return scheme in values
        case _:
            return True


def _takes(listener: ListenerSettings, host: str, settings: Iterable[ListenerSettings]) -> bool:
    """Whether the host's requests to one of the listener's addresses are this listener's."""
    return any(
        choose_listener(host, [each for each in settings if address in each.addresses], host) is listener
        for address in listener.addresses
    )


def _same_origin(listener: ListenerSettings, scheme: str, action: Redirect) -> bool:
    """Whether scheme and port of the new location are those that this listener's clients use."""
    if action.scheme not in (None, scheme):
        return False
    if scheme == ("https" if listener.tls else "http"):
        port = listener.public_port or _port(listener)
    else:  # the port of the proxy in front
        port = listener.public_port or _WELL_KNOWN[scheme]
    if action.port is not None:
        return action.port == port
    return action.scheme is None or port is None or port == _WELL_KNOWN[scheme]


def _port(listener: ListenerSettings) -> int | None:
    """The port of the listener's first address, None where it has none that is known here."""
    tail = listener.addresses[0].rpartition(":")[2]
    return int(tail) if tail.isascii() and tail.isdigit() else None
