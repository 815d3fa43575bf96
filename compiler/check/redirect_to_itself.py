"""GWC404: a redirect that sends a request to where it came from.

The classic is `redirect scheme="https"` on a route that also applies to the https listener. Only what is
certain is told: with conditions that the new request might escape, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, warning
from gwc.schema.listener import ListenerSettings
from gwc.schema.predicate import HostPattern, Hosts, Listeners, Not, PathPattern, Paths, Schemes
from gwc.schema.regex.program import Choice, choose, compile_program
from gwc.schema.template import match_template

from ..resolve import Resolution
from ..resolve.resolved import Alternative, Redirect, ResolvedConfig
from ..validate.record import key_span

_WELL_KNOWN = {"http": 80, "https": 443}


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each route with such a redirect."""
    config = resolution.config
    assert config is not None
    told: set[int] = set()
    for alternative in config.alternatives:
        action = config.routes[alternative.route].action
        if not isinstance(action, Redirect) or alternative.route in told:
            continue
        if _returns(config, alternative, action):
            told.add(alternative.route)
            setting = resolution.routes[alternative.route].scope.action
            assert setting is not None
            yield warning(
                "GWC404",
                key_span(setting.owner, "redirect"),
                f"route `{config.routes[alternative.route].name}` redirects a request to itself",
                label="the new location is the old one",
                help=_advice(action),
            )


def _advice(action: Redirect) -> str:
    if action.scheme is not None:
        other = "http" if action.scheme == "https" else "https"
        return f'add `scheme "{other}"` to the route\'s `matches`'
    return "change the scheme, host or path of the redirect, or narrow the route's `matches`"


def _returns(config: ResolvedConfig, alternative: Alternative, action: Redirect) -> bool:
    changes_name = action.host is not None or action.kind is not None
    if changes_name and any(isinstance(each, Not | Hosts | Paths) for each in alternative.conditions):
        return False
    if action.host is not None and not _host_holds(alternative.host, action.host):
        return False
    if action.kind == "full":
        if not _path_holds(alternative.path, action.path):
            return False
        if _taken_by_another(config, alternative, action.path):
            return False
    if action.kind == "prefix":
        pattern = alternative.path
        if pattern is None or pattern.text.rstrip("/") != action.path.rstrip("/"):
            return False
    return any(
        _same_origin(listener.settings, alternative, action)
        for listener in config.listeners
        if _applies(listener.settings, alternative)
    )


def _applies(listener: ListenerSettings, alternative: Alternative) -> bool:
    return all(listener.name in each.values for each in alternative.conditions if isinstance(each, Listeners))


def _same_origin(listener: ListenerSettings, alternative: Alternative, action: Redirect) -> bool:
    """Whether scheme and port of the new location are those that this listener's clients use."""
    scheme = "https" if listener.tls else "http"
    if any(isinstance(each, Schemes) and scheme not in each.values for each in alternative.conditions):
        return False
    if action.scheme not in (None, scheme):
        return False
    port = listener.public_port or _port(listener)
    if action.port is not None:
        return action.port == port
    return action.scheme is None or port is None or port == _WELL_KNOWN[scheme]


def _port(listener: ListenerSettings) -> int | None:
    """The port of the listener's first address, None where it has none that is known here."""
    tail = listener.addresses[0].rpartition(":")[2]
    return int(tail) if tail.isascii() and tail.isdigit() else None


def _host_holds(pattern: HostPattern | None, host: str) -> bool:
    if pattern is None:
        return True
    if pattern.kind == "exact":
        return pattern.text == host
    if pattern.kind == "wildcard":
        return host.endswith(pattern.text[1:]) and len(host) > len(pattern.text) - 1
    return _regex_holds(pattern.text, host)


def _path_holds(pattern: PathPattern | None, path: str) -> bool:
    if pattern is None:
        return True
    if pattern.kind == "exact":
        return pattern.text == path
    if pattern.kind == "prefix":
        bare = pattern.text.rstrip("/")
        return path == bare or path.startswith(bare + "/")
    if pattern.kind == "template":
        return match_template(pattern.text, path) is not None
    return _regex_holds(pattern.text, path)


def _regex_holds(pattern: str, text: str) -> bool:
    choice = choose(pattern)
    return isinstance(choice, Choice) and bool(compile_program(choice.program, choice.engine).matches(text))


def _taken_by_another(config: ResolvedConfig, alternative: Alternative, path: str) -> bool:
    """Whether a better-ranked alternative of another route might take the new request."""
    return any(
        other.route != alternative.route and _path_holds(other.path, path)
        for other in config.alternatives[: alternative.rank]
    )
