"""Whether the parts of a decoded table fit together.

Owns what types cannot say: that every number refers to something, that the way through nodes and blocks ends,
that tests have the operands of their kind. A table that passes cannot make the matcher raise or run for ever;
whether it routes as somebody meant it to is another matter, which the digest speaks of. Works in steps, as
loading does.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from . import table as t

Steps: TypeAlias = Generator[None, None, str | None]
Sections: TypeAlias = Mapping[str, tuple[Any, ...]]

_AT_ONCE: Final = 64
"""Records looked at in one step. PERF: 0.05-0.1 ms."""

_DEEPEST: Final = 200
"""Blocks of `not` inside each other: more than a person can write, less than the stack can hold."""

_ARITIES: Final = {
    t.METHODS: 0,
    t.SCHEMES: 0,
    t.SAMPLE: 1,
    t.SNIS: 0,
    t.LISTENERS: 0,
    t.CLIENT_IP: 1,
    t.NOT: 1,
    t.MODELS: 0,
    t.STREAM: 1,
    t.TOOLS: 1,
}
"""How many numbers a test of a kind has, where that does not depend on the rest of it."""

_OPERANDS: Final = {t.EQUAL: 0, t.PRESENT: 1, t.PREFIX: 0, t.SUFFIX: 0, t.CONTAINS: 0, t.RANGE: 4}

_VARIABLES: Final = frozenset(
    (
        "req.method",
        "req.scheme",
        "req.host",
        "req.path",
        "req.query",
        "client-ip",
        "listener",
        "route",
        "trace-id",
        "request-id",
        "identity.name",
        "identity.kind",
    )
)
_NAMED_VARIABLES: Final = ("req.header.", "path.", "identity.claim.", "env:", "file:")


class _Misshapen(Exception):
    """Raised inside this module where parts do not fit."""


def misshapen(sections: Sections) -> Steps:
    """What does not fit, None where all does. `sections` are the fields of a `RouteTable`, types checked."""
    try:
        yield from _Check(sections).run()
    except _Misshapen as fault:
        return str(fault)
    return None


class _Check:
    """One run over the sections; holds what they are and what has been reached."""

    def __init__(self, sections: Sections) -> None:
        self.sections = sections
        self.size = {name: len(records) for name, records in sections.items()}
        self.reached = bytearray(self.size["nodes"])
        self.depths: list[int] = []

    def run(self) -> Generator[None, None, None]:
        """All sections, those first that others refer to in ways that count here."""
        self.demand(self.size["gateway"] == 1, "`gateway` has not one record")
        for name, check in (
            ("listeners", self.listener),
            ("rules", self.rules),
            ("splits", self.split),
            ("responds", self.respond),
            ("routes", self.route),
            ("networks", self.networks),
            ("settings_of_routes", self.settings),
            ("blocks", self.block),
            ("conditions", self.condition),
            ("alternatives", self.alternative),
            ("switches", self.switch),
            ("nodes", self.node),
            ("shapes", self.shape),
            ("path_groups", self.path_group),
            ("layers", self.layer),
            ("host_groups", self.host_group),
            ("indexes", self.index),
        ):
            yield from self.each(name, check)

    def each(self, name: str, check: Callable[[int, Any], Iterator[None] | None]) -> Iterator[None]:
        """Run a check over a section. One that looks at many entries gives steps of its own."""
        for number, record in enumerate(self.sections[name]):
            steps = check(number, record)
            if steps is not None:
                yield from steps
            if number % _AT_ONCE == _AT_ONCE - 1:
                yield
        yield

    def refer(self, section: str, number: int) -> None:
        """A number of a section."""
        if not 0 <= number < self.size[section]:
            raise _Misshapen(f"there is no {number} in `{section}`")

    def demand(self, holds: bool, what: str) -> None:
        """What has to hold."""
        if not holds:
            raise _Misshapen(what)

    def listener(self, number: int, record: t.ListenerRecord) -> None:
        """A listener has an index, and networks that are networks."""
        from ipaddress import ip_network

        self.refer("indexes", record.indexed)
        for text in record.trusted_proxies:
            try:
                ip_network(text)
            except ValueError:
                raise _Misshapen(f"listener {number} trusts what is no network") from None

    def rules(self, _number: int, record: t.HeaderRules) -> None:
        """Header values know their variables."""
        for _, value in (*record.set, *record.add):
            if len(value) != 1:
                self.value(value)

    def value(self, value: t.Value) -> None:
        """Text, variable, text, … text, with variables that there are."""
        self.demand(len(value) % 2 == 1, "a value does not end in text")
        for name in value[1::2]:
            known = name in _VARIABLES or name.startswith(_NAMED_VARIABLES)
            self.demand(known, f"there is no variable `{name[:40]}`")

    def rewrite(self, record: t.RewriteRecord | None) -> None:
        """A rewritten path knows its variables."""
        if record is not None:
            self.value(record.path)

    def split(self, _number: int, parts: tuple[t.SplitPart, ...]) -> None:
        """Parts have upstreams, rules and weights."""
        for part in parts:
            self.refer("upstreams", part.upstream)
            self.refer("rules", part.request_rules)
            self.refer("rules", part.response_rules)
            self.demand(part.weight >= 0, "a weight is negative")
            self.rewrite(part.rewrite)

    def respond(self, _number: int, record: t.RespondRecord) -> None:
        """Header values know their variables."""
        for _, value in record.headers:
            self.value(value)

    def route(self, _number: int, record: t.RouteRecord) -> None:
        """A route's action, rules and settings are there."""
        if record.action == "builtin":
            self.demand(0 <= record.target < len(t.BUILTINS), "there is no such builtin")
        else:
            self.refer(_TARGETS[record.action], record.target)
        self.refer("settings_of_routes", record.settings)
        self.refer("rules", record.request_rules)
        self.refer("rules", record.response_rules)
        self.rewrite(record.rewrite)

    def networks(self, number: int, record: t.Networks) -> None:
        """Ranges have two ends."""
        self.demand(
            len(record.starts_v4) == len(record.ends_v4) and len(record.starts_v6) == len(record.ends_v6),
            f"networks {number} have ranges with one end",
        )

    def settings(self, number: int, record: t.RouteSettings) -> None:
        """What policies refer to is there."""
        if record.fallback is not None:
            for upstream in record.fallback.upstreams:
                self.refer("upstreams", upstream)
        for mirror in record.mirrors:
            self.refer("upstreams", mirror.upstream)
        for networks in record.addresses or ():
            if networks is not None:
                self.networks(number, networks)

    def block(self, number: int, tests: tuple[t.Test, ...]) -> None:
        """A block's own blocks come before it, and are not too many inside each other."""
        depth = 1
        for test in tests:
            self.test(test)
            if test[0] == t.NOT:
                self.demand(test[3][0] < number, f"block {number} holds a later one")
                depth = max(depth, self.depths[test[3][0]] + 1)
        self.demand(depth <= _DEEPEST, "too many blocks stand inside each other")
        self.depths.append(depth)

    def condition(self, _number: int, record: t.Condition) -> None:
        """Every test has what its kind needs."""
        for test in (*(record[3] or ()), *(record[4] or ())):
            self.test(test)

    def test(self, test: t.Test) -> None:
        """A test has the operands of its kind."""
        kind, _, texts, numbers = test
        if kind in (t.HEADER, t.COOKIE, t.QUERY):
            self.demand(len(numbers) >= 2, "a test has no operator")
            operator = numbers[0]
            if operator == t.REGEX:
                self.programs(numbers[2:])
            else:
                self.demand(len(numbers) - 2 == _OPERANDS.get(operator, -1), "a test lacks operands")
        elif kind in (t.HOSTS, t.PATHS):
            self.demand(len(texts) % 2 == 0, "a pattern lacks its text")
            known = _HOST_KINDS if kind == t.HOSTS else _PATH_KINDS
            self.demand(known.issuperset(texts[::2]), "a pattern has no kind")
            self.demand(texts[::2].count("regex") == len(numbers), "a pattern lacks its program")
            self.programs(numbers)
            if kind == t.PATHS:
                for place in range(0, len(texts), 2):
                    if texts[place] == "template":
                        self.template(texts[place + 1])
        else:
            self.demand(_ARITIES.get(kind) == len(numbers), f"there is no test of kind {kind}")
            if kind == t.CLIENT_IP:
                self.refer("networks", numbers[0])
            elif kind == t.NOT:
                self.refer("blocks", numbers[0])
            elif kind == t.MODELS:
                self.globs(texts)

    def template(self, text: str) -> None:
        """A template is one."""
        from .template import PathTemplate, parse_template

        self.demand(isinstance(parse_template(text), PathTemplate), "a template cannot be read")

    def globs(self, texts: Iterable[str]) -> None:
        """Globs are globs."""
        from .glob import Glob, parse_glob

        for text in texts:
            self.demand(isinstance(parse_glob(text), Glob), "a glob cannot be read")

    def programs(self, numbers: Iterable[int]) -> None:
        """Programs are there."""
        for number in numbers:
            self.refer("programs", number)

    def alternative(self, _number: int, record: t.Alternative) -> None:
        """An alternative's route, condition and programs are there; a prefix that is replaced is one."""
        route, _, _, host, path, condition, _, captures, host_program, path_program = record
        self.refer("routes", route)
        self.refer("conditions", condition)
        for pattern, program in ((host, host_program), (path, path_program)):
            if pattern is not None and pattern[0] == "regex":
                self.refer("programs", program)
            else:
                self.demand(program == t.NOTHING, "a pattern that is no regular expression has a program")
        if captures and (path is None or path[0] != "regex"):
            self.demand(path is not None and path[0] == "template", "nothing can be captured")
        if path is None or path[0] != "prefix":
            self.demand(not self.replaces_prefix(self.sections["routes"][route]), "a prefix has no pattern")

    def replaces_prefix(self, route: t.RouteRecord) -> bool:
        """Whether what a route does needs the prefix that won."""
        if route.action == "redirect":
            return bool(self.sections["redirects"][route.target].kind == "prefix")
        rewrites = [route.rewrite]
        if route.action == "split":
            rewrites += (part.rewrite for part in self.sections["splits"][route.target])
        return any(rewrite is not None and rewrite.kind == "prefix" for rewrite in rewrites)

    def leaf(self, leaf: t.Leaf) -> None:
        """Candidates are alternatives with conditions, or a switch."""
        size = len(leaf)
        self.demand(size >= 3 and size % 2 == 1, "a leaf has no candidates")
        if leaf[1] < 0:
            self.demand(leaf[1] == -1 and size == 3, "a leaf is neither flat nor a switch")
            self.refer("switches", leaf[2])
        elif size == 3:
            self.refer("alternatives", leaf[1])
            self.refer("conditions", leaf[2])
        else:
            self.refer("alternatives", min(leaf[1::2]))
            self.refer("alternatives", max(leaf[1::2]))
            self.refer("conditions", min(leaf[2::2]))
            self.refer("conditions", max(leaf[2::2]))

    def flat(self, leaf: t.Leaf) -> None:
        """A leaf inside a switch is none itself."""
        self.leaf(leaf)
        self.demand(leaf[1] >= 0, "a switch leads to a switch")

    def switch(self, _number: int, record: t.Switch) -> Iterator[None]:
        """A switch leads to flat leaves."""
        _, tables, rest = record
        for _, leaves in tables:
            yield from self.entries(leaves, self.flat)
        if rest is not None:
            self.flat(rest)

    def node(self, number: int, record: t.Node) -> Iterator[None] | None:
        """Children come later than their parent, and have one."""
        step, children, further, parameter, ends, goes_on, _ = record
        for leaf in (ends, goes_on):
            if leaf is not None:
                self.leaf(leaf)

        def child(found: t.Child) -> None:
            if isinstance(found, tuple):
                self.leaf(found)
                return
            self.refer("nodes", found)
            self.demand(found > number and not self.reached[found], f"node {found} is reached twice")
            self.reached[found] = 1

        if parameter is not None:
            child(parameter)
        if children is None:
            self.demand(not further, "a step goes nowhere")
            return None
        steps = ((step, children), *further)
        self.demand(all(1 <= length <= t.LONGEST_STEP for length, _ in steps), "a step goes nowhere")
        if not further and len(children) < _AT_ONCE:
            for found in children.values():
                child(found)
            return None
        return self.steps(steps, child)

    def steps(self, steps: Iterable[t.Steps], child: Callable[[t.Child], None]) -> Iterator[None]:
        """The children of a node that has many."""
        for _, children in steps:
            yield from self.entries(children, child)

    def entries(self, entries: Mapping[str, Any], check: Callable[[Any], None]) -> Iterator[None]:
        """Run a check over the values of a dict, in steps."""
        for place, found in enumerate(entries.values()):
            check(found)
            if place % _AT_ONCE == _AT_ONCE - 1:
                yield

    def shape(self, _number: int, record: t.Shape) -> Iterator[None]:
        """A shape's parameters are among its segments."""
        end, parameters, _, leaves = record
        self.demand(end >= 1, "a shape has a negative length")
        self.demand(all(0 <= at < end - 1 for at in parameters), "a parameter is no segment of its shape")
        return self.entries(leaves, self.leaf)

    def path_group(self, _number: int, record: t.PathGroup) -> Iterator[None]:
        """Regular expressions have programs and leaves."""
        length, _, beginnings = record
        self.demand(length >= 0, "a beginning has a negative length")

        def check(entries: tuple[tuple[int, t.Leaf], ...]) -> None:
            for program, leaf in entries:
                self.refer("programs", program)
                self.leaf(leaf)

        return self.entries(beginnings, check)

    def layer(self, number: int, record: t.Layer) -> Iterator[None]:
        """A layer's parts are there, or are said not to be."""
        _, paths, root, shapes, best, depth, groups, _ = record
        self.demand(depth >= 0, f"layer {number} has a negative depth")
        if root != t.NOTHING:
            self.refer("nodes", root)
            self.demand(not self.reached[root], f"node {root} is reached twice")
        elif best != t.NO_RANK:
            self.demand(len(shapes) == depth + 2, f"layer {number} has shapes for other paths")
        for of_count, numbers in enumerate(shapes):
            for shape in numbers:
                self.refer("shapes", shape)
                end = self.sections["shapes"][shape][0]
                self.demand(end <= of_count + 1, "a shape is longer than its paths")
        for group in groups:
            self.refer("path_groups", group)
        return self.entries(paths, self.leaf)

    def host_group(self, _number: int, record: t.HostGroup) -> Iterator[None]:
        """Regular expressions have programs and layers."""
        length, _, beginnings = record
        self.demand(length >= 0, "a beginning has a negative length")

        def check(entries: tuple[tuple[int, int], ...]) -> None:
            for program, layer in entries:
                self.refer("programs", program)
                self.refer("layers", layer)

        return self.entries(beginnings, check)

    def index(self, number: int, record: t.Index) -> Iterator[None]:
        """An index's layers are there, or are said not to be."""
        hosts, wildcards, _, groups, _, any_host, any_best = record
        if any_host == t.NOTHING:
            self.demand(any_best == t.NO_RANK, f"index {number} has no layer for any host")
        else:
            self.refer("layers", any_host)
        for group in groups:
            self.refer("host_groups", group)
        for found in (hosts, wildcards):
            yield from self.entries(found, lambda layer: self.refer("layers", layer))


_TARGETS: Final = {
    "upstream": "upstreams",
    "split": "splits",
    "redirect": "redirects",
    "respond": "responds",
    "static-files": "static_files",
}
_HOST_KINDS: Final = frozenset(("exact", "wildcard", "regex"))
_PATH_KINDS: Final = frozenset(("exact", "prefix", "template", "regex"))
