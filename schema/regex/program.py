"""Patterns as programs: which engine runs one, and how it is asked.

Owns the choice (the compiler's) and the compiled program (the runtime's), so that both mean the same. A
table carries program text and engine; it never carries what an engine makes of them. Caching compiled
programs is the caller's matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from .automaton import is_deterministic, literal_prefix
from .emit import emit
from .factor import factor
from .parse import parse
from .refusal import RegexRefusal

Engine: TypeAlias = Literal["re", "re2"]

_MEMORY: Final = 2 << 20
"""Bytes that google-re2 may take for one program and the states it remembers."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A pattern of the dialect, ready for an engine.

    `program` is ASCII and means the same to both engines. `engine` is "re" where that takes linear time, else
    "re2". `prefix` is what every match begins with (latin-1). `groups` are the names of the captures.
    """

    pattern: str
    program: str
    engine: Engine
    prefix: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled program. Both questions take latin-1 text and are about the whole of it.

    `matches` gives something true or something false. `fullmatch` gives the captures by name, or None; a
    group that took no part in the match is the empty string. Programs may be shared between threads.
    """

    matches: Callable[[str], object]
    fullmatch: Callable[[str], dict[str, str] | None]


# A memo: pure and bounded. Several stages ask about the same pattern of a configuration.
@lru_cache(maxsize=16384)
def choose(pattern: str, *, ignore_case: bool = False) -> Choice | RegexRefusal:
    """The program for `pattern` (latin-1 text) and the engine that runs it, or why it is not in the dialect.

    `ignore_case` is as if the pattern began with `(?i)`. The program is built here once, so that loading a
    table cannot fail on one. Takes 30 to 150 us for a short pattern, half of it in the engine's compiler.
    """
    parsed = parse(pattern, ignore_case=ignore_case)
    if isinstance(parsed, RegexRefusal):
        return parsed
    tree = factor(parsed.tree)
    prefix = literal_prefix(tree)
    if is_deterministic(tree):
        program = emit(tree)
        if _builds_with_re(program):
            return Choice(pattern, program, "re", prefix, parsed.groups)
    program = emit(parsed.tree)
    try:
        _compile_re2(program)
    except _re2_error():
        return RegexRefusal(
            0,
            len(pattern),
            "size",
            "the pattern is too large for the linear engine",
            "use smaller counts and simpler classes, or several patterns",
        )
    return Choice(pattern, program, "re2", prefix, parsed.groups)


def _builds_with_re(program: str) -> bool:
    """Whether `re` takes the program. It always does, but on a stack that is nearly full already."""
    try:
        re.compile(program)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def compile_program(program: str, engine: Engine) -> Program:
    """A program text of `choose` made ready to be asked. Takes 10 to 200 us; asking takes 0.2 us, or 3."""
    if engine == "re":
        return _program_of_re(re.compile(program))
    return _program_of_re2(_compile_re2(program))


def _program_of_re(compiled: re.Pattern[str]) -> Program:
    ask = compiled.fullmatch
    if not compiled.groups:
        return Program(ask, lambda text: None if ask(text) is None else {})

    def fullmatch(text: str) -> dict[str, str] | None:
        found = ask(text)
        return None if found is None else found.groupdict("")

    return Program(ask, fullmatch)


def _program_of_re2(compiled: Any) -> Program:
    ask = compiled.fullmatch
    names = sorted((index, name.decode("ascii")) for name, index in compiled.groupindex.items())

    def matches(text: str) -> object:
        return ask(text.encode("latin-1"))

    def fullmatch(text: str) -> dict[str, str] | None:
        found = ask(text.encode("latin-1"))
        if found is None:
            return None
        return {name: (found[index] or b"").decode("latin-1") for index, name in names}

    return Program(matches, fullmatch)


def _compile_re2(program: str) -> Any:
    import re2

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.max_mem = _MEMORY
    return re2.compile(program.encode("ascii"), options)


def _re2_error() -> Any:
    """The exception that google-re2 raises, looked up when needed: importing it costs 13 ms."""
    import re2

    return re2.error
