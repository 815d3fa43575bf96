"""The stages, in order: load, parse, validate, resolve, check, lower.

Owns the list and nothing else. A stage runs only if the one before left something to work on; the findings of
all that ran are told together, sorted. Allow comments are applied at the end.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gwc.schema.diagnostic import Diagnostic, Severity, in_order
from gwc.schema.table import RouteTable

from .check import CheckCache, check
from .diagnostics.allow import apply_allows, scan_allows
from .include import Loaded, load, load_files, load_text
from .lower import lower
from .parse.document import Document
from .resolve import Resolution, ResolveCache, resolve
from .source import SourceFile
from .validate import ValidateCache, Validated, validate
from .validate.overlay import merge_overlays


@dataclass(frozen=True, slots=True)
class CompileResult:
    """What came of a run.

    `table` is None where an error was found. `sources` are the files by the path shown in spans.
    `unreadable` tells a file that could not be read from one that is wrong (exit code 2 rather than 1).
    `validated` and `resolution` are what the stages left, for commands that show them. `root` is the main
    file's directory.
    """

    table: RouteTable | None
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, SourceFile]
    unreadable: bool = False
    validated: Validated | None = None
    resolution: Resolution | None = None
    root: Path = Path()


@dataclass(slots=True)
class CompileCache:
    """What a resident compiler keeps between runs: each stage's own memory of what it has seen.

    Mutable; for one configuration and one thread at a time. Everything in it is found again by content or by
    identity, so a run with a cache gives what a run without one gives.
    """

    parsed: dict[str, tuple[Document, tuple[Diagnostic, ...]]] = field(default_factory=dict)
    validated: ValidateCache = field(default_factory=ValidateCache)
    resolved: ResolveCache = field(default_factory=ResolveCache)
    checked: CheckCache = field(default_factory=CheckCache)


def compile_path(
    path: str | Path,
    *,
    overlays: Sequence[str] = (),
    settings: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    cache: CompileCache | None = None,
) -> CompileResult:
    """Compile the configuration at `path` (a file, or a directory with one).

    `overlays` are files laid over it, `settings` are `PATH=VALUE` flags, `environment` is searched for
    `GWC_SET__…` (none where None). With `cache`, what did not change since an earlier run is not done again.
    """
    with _without_collector():
        loaded = load(path, overlays=overlays, cache=None if cache is None else cache.parsed)
        return _compile(loaded, settings, environment or {}, cache)


def compile_text(
    text: str,
    syntax: str,
    file: str = "gwc.kdl",
    *,
    settings: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> CompileResult:
    """Compile one text; `syntax` is `kdl` or `yaml`. Includes cannot be followed from here."""
    with _without_collector():
        return _compile(load_text(text, syntax, file), settings, environment or {})


def compile_files(files: Mapping[str, str]) -> CompileResult:
    """Compile files that are not on disk, by path; the first is the main one."""
    with _without_collector():
        return _compile(load_files(files), (), {})


def _compile(
    loaded: Loaded,
    settings: Sequence[str],
    environment: Mapping[str, str],
    cache: CompileCache | None = None,
) -> CompileResult:
    found = list(loaded.diagnostics)
    syntaxes = {document.file: document.syntax for document, _ in loaded.entries}
    allows, about_allows = scan_allows(loaded.sources, syntaxes)
    resolution: Resolution | None = None
    table: RouteTable | None = None
    # A file with a syntax error is left out, so that what is told of the others is no consequence of it.
    broken = {each.span.file for each in found if each.severity is Severity.ERROR and each.span is not None}
    validated = validate(
        [entry for entry in loaded.entries if entry[0].file not in broken],
        loaded.sources,
        cache=None if cache is None else cache.validated,
    )
    found += validated.diagnostics
    environment = {name: value for name, value in environment.items() if name.startswith("GWC_SET__")}
    if (loaded.overlays or settings or environment) and not _broken(found):
        validated = merge_overlays(
            validated, loaded.overlays, sources=loaded.sources, settings=settings, environment=environment
        )
        found += validated.diagnostics
    if not _broken(found):
        resolution = resolve(validated.data, loaded.main, None if cache is None else cache.resolved)
        found += resolution.diagnostics
    if resolution is not None and resolution.config is not None and not _broken(found):
        found += check(resolution, None if cache is None else cache.checked)
        table = lower(resolution.config, loaded.sources, loaded.root)
    silenced = apply_allows([*found, *about_allows], allows)
    return CompileResult(
        table,
        in_order(silenced),
        loaded.sources,
        loaded.unreadable,
        validated,
        resolution,
        Path(loaded.root),
    )


def _broken(found: Sequence[Diagnostic]) -> bool:
    return any(diagnostic.severity is Severity.ERROR for diagnostic in found)


@contextmanager
def _without_collector() -> Iterator[None]:
    """PERF: the cyclic collector off while a run makes some hundred thousand objects (1.1x to 4x)."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
