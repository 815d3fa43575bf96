"""Predicates become conditions: what an alternative asks beside listener, host and path, cheapest first.

Owns the order of tests in the body, which does not depend on the order they were written in (a mapping in
YAML groups what KDL may mix), and the way back from it to the written order, which is for `explain`.
Whether a test holds is the matcher's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from gwc.schema import predicate as p
from gwc.schema import table as t
from gwc.schema.networks import networks_of
from gwc.schema.regex.program import Choice, choose

from .numbering import Numbering

Written: TypeAlias = p.Predicate | Literal["host", "path"]

_FIELD_KINDS = {"header": t.HEADER, "cookie": t.COOKIE, "query": t.QUERY}
_OPERATORS = {
    "equal": t.EQUAL,
    "present": t.PRESENT,
    "prefix": t.PREFIX,
    "suffix": t.SUFFIX,
    "contains": t.CONTAINS,
    "range": t.RANGE,
    "regex": t.REGEX,
}
_LATE = (t.MODELS, t.STREAM, t.TOOLS)
_MARKS = {"host": t.THE_HOST, "path": t.THE_PATH}


class Plain(NamedTuple):
    """A test that refers to nothing by number, so that tests can be put in order by what they say."""

    cost: int
    kind: int
    name: str = ""
    texts: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    inside: tuple[Plain, ...] = ()

    @property
    def late(self) -> bool:
        """Whether only the body can tell."""
        return self.kind in _LATE or any(each.late for each in self.inside)


class Lowered(NamedTuple):
    """A condition's number, the scopes beside it, and the written order as `Notes.written` has it."""

    condition: int
    listeners: tuple[tuple[str, ...], ...]
    written: tuple[int, ...]


class Conditions:
    """The sections that conditions are made of, under construction. Grows with each alternative."""

    def __init__(self) -> None:
        self.conditions: Numbering[t.Condition] = Numbering([(None, None, None, None, None)])
        self.programs: Numbering[t.ProgramRecord] = Numbering()
        self.networks: Numbering[t.Networks] = Numbering()
        self.blocks: Numbering[tuple[t.Test, ...]] = Numbering()
        self._seen: dict[tuple[Written, ...], Lowered] = {}
        # PERF: equal ones are mostly one object after resolving, and hashing them costs ten times as much.
        self._known: dict[int, Lowered] = {}

    def lower(self, written: tuple[Written, ...]) -> Lowered:
        """The condition of some predicates. Those that were seen before cost one look-up."""
        found = self._known.get(id(written))
        if found is None:
            found = self._seen.get(written)
            if found is None:
                found = self._seen[written] = self._lower(written)
            self._known[id(written)] = found
        return found

    def program(self, pattern: str, *, ignore_case: bool = False) -> tuple[int, Choice]:
        """The number of a pattern's program, and what else is known of it."""
        choice = choose(pattern, ignore_case=ignore_case)
        assert isinstance(choice, Choice), f"resolving let a pattern pass: {pattern!r}"
        return self.programs.number(t.ProgramRecord(pattern, choice.program, choice.engine)), choice

    def _lower(self, written: tuple[Written, ...]) -> Lowered:
        plain = {place: _plain(each) for place, each in enumerate(written) if not isinstance(each, str)}
        scopes = [place for place, test in plain.items() if test.kind == t.LISTENERS]
        ordered = sorted((place for place in plain if place not in scopes), key=lambda place: plain[place])
        scopes.sort(key=lambda place: plain[place])
        methods = next((place for place in ordered if plain[place].kind == t.METHODS), None)
        header = next((place for place in ordered if _is_plain_header(plain[place])), None)
        others = [place for place in ordered if place not in (methods, header)]
        early = [place for place in others if not plain[place].late]
        late = [place for place in others if plain[place].late]
        condition: t.Condition = (
            None if methods is None else plain[methods].texts,
            None if header is None else plain[header].name,
            None if header is None else plain[header].texts[0],
            self._tests([plain[place] for place in early]) or None,
            self._tests([plain[place] for place in late]) or None,
        )
        hoisted = [place for place in (methods, header) if place is not None]
        position = {place: number for number, place in enumerate([*hoisted, *early, *late, *scopes])}
        return Lowered(
            condition=self.conditions.number(condition),
            listeners=tuple(plain[place].texts for place in scopes),
            written=tuple(
                _MARKS[each] if isinstance(each, str) else position[place]
                for place, each in enumerate(written)
            ),
        )

    def _tests(self, plain: Sequence[Plain]) -> tuple[t.Test, ...]:
        return tuple(map(self._test, plain))

    def _test(self, plain: Plain) -> t.Test:
        """The test with its references. Recurses into `not`, which resolving keeps shallow."""
        numbers = plain.numbers
        if plain.kind == t.NOT:
            numbers = (self.blocks.number(self._tests(plain.inside)),)
        elif plain.kind == t.CLIENT_IP:
            numbers = (self.networks.number(networks_of(plain.texts)),)
        elif plain.kind in (t.HOSTS, t.PATHS):
            pairs = zip(plain.texts[::2], plain.texts[1::2], strict=True)
            numbers = tuple(self.program(text)[0] for kind, text in pairs if kind == "regex")
        elif plain.kind in (t.HEADER, t.COOKIE, t.QUERY) and numbers[0] == t.REGEX:
            numbers += tuple(self.program(text, ignore_case=bool(numbers[1]))[0] for text in plain.texts)
        texts = () if plain.kind == t.CLIENT_IP else plain.texts
        return plain.kind, plain.name, texts, numbers


def _is_plain_header(test: Plain) -> bool:
    """Whether the test is for a header that equals one value, case and all."""
    return test.kind == t.HEADER and test.numbers == (t.EQUAL, 0) and len(test.texts) == 1


def _plain(predicate: p.Predicate) -> Plain:
    if isinstance(predicate, p.FieldTest):
        return _field(predicate)
    if isinstance(predicate, p.Not):
        return Plain(100, t.NOT, inside=tuple(sorted(map(_plain, predicate.predicates))))
    if isinstance(predicate, p.Hosts | p.Paths):
        kind = t.HOSTS if isinstance(predicate, p.Hosts) else t.PATHS
        patterns = predicate.patterns
        cost = 50 if any(pattern.kind == "regex" for pattern in patterns) else kind
        texts = tuple(text for pattern in patterns for text in (pattern.kind, pattern.text))
        return Plain(cost, kind, texts=texts)
    if isinstance(predicate, p.ClientIp):
        return _texts(t.CLIENT_IP, predicate.networks)
    if isinstance(predicate, p.Sample):
        return Plain(t.SAMPLE, t.SAMPLE, numbers=(predicate.millionths,))
    if isinstance(predicate, p.Models):
        return _texts(t.MODELS, predicate.globs)
    if isinstance(predicate, p.Flag):
        kind = t.STREAM if predicate.name == "stream" else t.TOOLS
        return Plain(kind, kind, numbers=(int(predicate.value),))
    if isinstance(predicate, p.Methods):
        return _texts(t.METHODS, predicate.values)
    if isinstance(predicate, p.Schemes):
        return _texts(t.SCHEMES, predicate.values)
    if isinstance(predicate, p.Snis):
        return _texts(t.SNIS, predicate.values)
    return _texts(t.LISTENERS, predicate.values)


def _texts(kind: int, texts: tuple[str, ...]) -> Plain:
    return Plain(kind, kind, texts=texts)


def _field(test: p.FieldTest) -> Plain:
    kind, operator = _FIELD_KINDS[test.place], _OPERATORS[test.op]
    operand = test.operand
    texts: tuple[str, ...] = ()
    operands: tuple[int, ...] = ()
    if isinstance(operand, bool):
        operands = (int(operand),)
    elif operator == t.RANGE:
        low, high = operand
        assert not isinstance(low, str)
        assert not isinstance(high, str)
        operands = (int(low is not None), low or 0, int(high is not None), high or 0)
    else:
        texts = tuple(map(str, operand))
        if test.ignore_case and operator != t.REGEX:
            texts = tuple(map(_folded, texts))
    cost = 50 if operator == t.REGEX else kind
    return Plain(cost, kind, test.name, texts, (operator, int(test.ignore_case), *operands))


def _folded(text: str) -> str:
    """ASCII letters in lower case; `str.lower` would change other bytes too."""
    return text.encode("latin-1").lower().decode("latin-1")
