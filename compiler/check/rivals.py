"""Rivals: the alternatives of better rank that might take a request instead.

Owns an index of the alternatives by host, so that a rule can ask for each of many routes. What is certain
about a request is its host, path, listener and scheme; everything else may be one way or the other.
"""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.predicate import HostPattern, Listeners, Methods, PathPattern, Schemes
from gwc.schema.regex.program import Choice, choose, compile_program
from gwc.schema.template import match_template

from ..resolve.resolved import Alternative, ResolvedConfig

_PATIENCE = 500_000  # comparisons in all: some tenths of a second


class Rivals:
    """The alternatives by host pattern, each list in the order of rank. Made when first asked.

    Mutable: `_patience` falls with every comparison. At 0 every question is answered with yes, which a rule
    that speaks only of what is certain takes for silence.
    """

    def __init__(self, config: ResolvedConfig) -> None:
        self._config = config
        self._by_host: dict[str | None, list[Alternative]] = {}
        self._regexes: list[Alternative] = []
        self._patience = _PATIENCE
        self._made = False

    def before(
        self,
        alternative: Alternative,
        host: str | None,
        path: str | None,
        listener: str,
        scheme: str,
        *,
        any_condition: bool,
    ) -> bool:
        """Whether a better-ranked alternative of another route may take such a request.

        `host` and `path` are None where they may be any: then only what asks for none is counted. With
        `any_condition` an alternative counts whatever else it asks for, else only one that no request can
        escape but by its method.
        """
        for rival in self._of_host(host):
            if rival.rank >= alternative.rank:
                continue
            self._patience -= 1
            if self._patience < 0:
                return True
            if rival.route == alternative.route:
                continue
            if not (_any_path(rival.path) if path is None else path_holds(rival.path, path)):
                continue
            if all(_may_hold(each, listener, scheme, any_condition) for each in rival.conditions):
                return True
        return False

    def _of_host(self, host: str | None) -> Iterator[Alternative]:
        if not self._made:
            self._make()
        yield from self._by_host.get(None, ())
        if host is None:
            return
        yield from self._by_host.get(host, ())
        dot = host.find(".")
        while dot != -1:
            yield from self._by_host.get(f"*{host[dot:]}", ())
            dot = host.find(".", dot + 1)
        for each in self._regexes:
            if host_holds(each.host, host):
                yield each

    def _make(self) -> None:
        self._made = True
        for each in self._config.alternatives:
            if each.host is not None and each.host.kind == "regex":
                self._regexes.append(each)
            else:
                self._by_host.setdefault(each.host.text if each.host else None, []).append(each)


def _may_hold(condition: object, listener: str, scheme: str, any_condition: bool) -> bool:
    match condition:
        case Listeners(values):
            return listener in values
        case Schemes(values):
            return scheme in values
        case "host" | "path" | Methods():
            return True
        case _:
            return any_condition


def _any_path(pattern: PathPattern | None) -> bool:
    return pattern is None or (pattern.kind == "prefix" and not pattern.text.strip("/"))


def host_holds(pattern: HostPattern | None, host: str) -> bool:
    """Whether a host pattern takes a normalised host."""
    if pattern is None:
        return True
    if pattern.kind == "exact":
        return pattern.text == host
    if pattern.kind == "wildcard":
        return host.endswith(pattern.text[1:]) and len(host) > len(pattern.text) - 1
    return _regex_holds(pattern.text, host)


def path_holds(pattern: PathPattern | None, path: str) -> bool:
    """Whether a path pattern takes a normalised path."""
    if pattern is None:
        return True
    if pattern.kind == "exact":
        return pattern.text == path
    if pattern.kind == "prefix":
        bare = pattern.text.rstrip("/")
        return path == bare or path.startswith(f"{bare}/")
    if pattern.kind == "template":
        return match_template(pattern.text, path) is not None
    return _regex_holds(pattern.text, path)


def _regex_holds(pattern: str, text: str) -> bool:
    choice = choose(pattern)
    return isinstance(choice, Choice) and bool(compile_program(choice.program, choice.engine).matches(text))
