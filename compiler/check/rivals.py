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


class _Paths:
    """The alternatives of one host pattern by what they ask of the path, each list in the order of rank."""

    __slots__ = ("exact", "others", "prefix")

    def __init__(self) -> None:
        self.exact: dict[str, list[Alternative]] = {}
        self.prefix: dict[str, list[Alternative]] = {}
        self.others: list[Alternative] = []

    def add(self, alternative: Alternative) -> None:
        pattern = alternative.path
        if pattern is None or pattern.kind == "prefix":
            bare = "" if pattern is None else pattern.text.rstrip("/")
            self.prefix.setdefault(bare, []).append(alternative)
        elif pattern.kind == "exact":
            self.exact.setdefault(pattern.text, []).append(alternative)
        else:
            self.others.append(alternative)

    def that_may_take(self, path: str | None) -> Iterator[list[Alternative]]:
        """Lists of all that may take the path; where it may be any, of those that take every one."""
        yield self.prefix.get("", [])
        if path is None:
            return
        yield self.exact.get(path, [])
        slash = path.find("/", 1)
        while slash != -1:
            yield self.prefix.get(path[:slash], [])
            slash = path.find("/", slash + 1)
        if path != "/":
            yield self.prefix.get(path, [])
        yield self.others


class Rivals:
    """The alternatives by host and path. Made when first asked.

    Mutable: `_patience` falls with every comparison. At 0 every question is answered with yes, which a rule
    that speaks only of what is certain takes for silence.
    """

    def __init__(self, config: ResolvedConfig) -> None:
        self._config = config
        self._by_host: dict[str | None, _Paths] = {}
        self._by_expression: dict[HostPattern, _Paths] = {}
        self._patience = _PATIENCE

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
        for paths in self._of_host(host):
            for rivals in paths.that_may_take(path):
                for rival in rivals:
                    if rival.rank >= alternative.rank:
                        break
                    self._patience -= 1
                    if self._patience < 0:
                        return True
                    if rival.route == alternative.route or not path_holds(rival.path, path or "/"):
                        continue
                    if all(_may_hold(each, listener, scheme, any_condition) for each in rival.conditions):
                        return True
        return self._patience < 0

    def _of_host(self, host: str | None) -> Iterator[_Paths]:
        if not self._by_host and not self._by_expression:
            self._make()
        names: list[str | None] = [None]
        if host is not None:
            names.append(host)
            dot = host.find(".")
            while dot != -1:
                names.append(f"*{host[dot:]}")
                dot = host.find(".", dot + 1)
            for pattern, paths in self._by_expression.items():
                self._patience -= 1
                if self._patience < 0:
                    return
                if host_holds(pattern, host):
                    yield paths
        for name in names:
            if name in self._by_host:
                yield self._by_host[name]

    def _make(self) -> None:
        for each in self._config.alternatives:
            if each.host is not None and each.host.kind == "regex":
                self._by_expression.setdefault(each.host, _Paths()).add(each)
            else:
                self._by_host.setdefault(each.host.text if each.host else None, _Paths()).add(each)


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
