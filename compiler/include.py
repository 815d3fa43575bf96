"""Load: a path -> every file that belongs to the configuration, read, parsed, and put in order.

Owns `include` and the choice of the main file. An include at the top level is replaced by the top-level
nodes of the files that it names; one deeper down is left where it is, for validation to refuse. Knows
nothing of any other key. Each file is read once; a file may be written in either syntax.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from gwc.schema.diagnostic import Diagnostic, Label, Severity, error, in_order, warning
from gwc.schema.span import Span

from .files import Disk, Files, Memory, TooManyEntries, expand, is_pattern, nearest_path
from .parse.document import Document, Node, Value
from .source import SourceFile

MAIN_NAMES = ("gwc.kdl", "gwc.yaml", "gwc.yml")
"""What is looked for in a directory."""

MAX_DEPTH = 16
"""How many files may include one another in a row."""

MAX_FILES = 10_000

_SUFFIXES: Mapping[str, Literal["kdl", "yaml"]] = {".kdl": "kdl", ".yaml": "yaml", ".yml": "yaml"}

Parsed = tuple[Document, tuple[Diagnostic, ...]]
Entries = tuple[tuple[Document, Node], ...]
"""Top-level nodes in document order, each with its document, included ones in the place of the include."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration as it lies on disk.

    `main` is the path of the main file as shown to people, `root` the directory it lies in. `sources` has
    every file that could be read, by its shown path. `overlays` are the entries of each overlay.
    `unreadable`: some file could not be read at all, which is not the same as a file that is wrong.
    """

    main: str
    root: Path
    sources: Mapping[str, SourceFile]
    entries: Entries
    overlays: tuple[Entries, ...]
    diagnostics: tuple[Diagnostic, ...]
    unreadable: bool


def load(
    path: str | os.PathLike[str],
    *,
    overlays: Sequence[str | os.PathLike[str]] = (),
    cache: MutableMapping[str, Parsed] | None = None,
) -> Loaded:
    """Load the configuration at `path`: a file, or a directory with exactly one of `MAIN_NAMES`.

    Includes lie below the main file's directory, those of an overlay below the overlay's. `cache` keeps
    parsed files from one call to the next, by digest and path; what this call did not need is dropped
    from it.
    """
    loading = _Loading({} if cache is None else cache)
    typed = os.fspath(path)
    main = _main_of_directory(typed, loading) if os.path.isdir(typed) else typed
    entries: Entries = ()
    if main is None:
        shown, root = typed, typed
    else:
        root = os.path.dirname(main)
        shown = Disk(root).shown(os.path.basename(main))
        entries = _tree(loading, Disk(root), os.path.basename(main))
    laid_over = [
        _tree(loading, Disk(os.path.dirname(each)), os.path.basename(each))
        for each in [os.fspath(overlay) for overlay in overlays]
    ]
    return _finished(loading, shown, root, entries, laid_over)


def load_text(text: str, syntax: str, file: str) -> Loaded:
    """Load one text that is no file, such as standard input; `syntax` is `kdl` or `yaml`.

    There is nothing beside it that it could include.
    """
    assert syntax in ("kdl", "yaml")
    loading = _Loading({})
    files = Memory({file: text}, "a text that is no file has nothing beside it to include")
    entries = _tree(loading, files, file, "kdl" if syntax == "kdl" else "yaml")
    return _finished(loading, file, "", entries, [])


def load_files(files: Mapping[str, str], *, overlays: Sequence[str] = ()) -> Loaded:
    """Load files that are held in memory, by name; the first is the main one, `overlays` names others."""
    loading = _Loading({})
    memory = Memory(files)
    main = next(iter(files))
    entries = _tree(loading, memory, main)
    return _finished(loading, main, "", entries, [_tree(loading, memory, each) for each in overlays])


class _Step(NamedTuple):
    """A file that is being read, and where it was named (None: on the command line)."""

    name: str
    identity: str
    at: Span | None


@dataclass(slots=True)
class _Loading:
    """One load in progress. All of it changes: what has been read, found, and taken from the cache."""

    cache: MutableMapping[str, Parsed]
    sources: dict[str, SourceFile] = field(default_factory=dict)
    found: list[Diagnostic] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class _Tree:
    """The files of one main file or overlay; `done` are the identities of those that were begun."""

    loading: _Loading
    files: Files
    done: set[str] = field(default_factory=set)


def _finished(
    loading: _Loading, main: str, root: str, entries: Entries, overlays: Sequence[Entries]
) -> Loaded:
    for key in [key for key in loading.cache if key not in loading.used]:
        del loading.cache[key]
    if not entries and not any(each.severity is Severity.ERROR for each in loading.found):
        loading.found.append(
            error(
                "GWC010",
                Span(main, 0, 0),
                f"`{main}` holds no configuration",
                help="`gwc init` writes a configuration to start from",
            )
        )
    return Loaded(
        main,
        Path(root),
        loading.sources,
        entries,
        tuple(overlays),
        in_order(loading.found),
        loading.unreadable,
    )


def _main_of_directory(directory: str, loading: _Loading) -> str | None:
    there = [name for name in MAIN_NAMES if os.path.exists(os.path.join(directory, name))]
    if len(there) == 1:
        return os.path.join(directory, there[0])
    loading.unreadable = True
    if there:
        loading.found.append(
            error(
                "GWC009",
                None,
                f"`{directory}` holds {' and '.join(f'`{name}`' for name in there)}",
                help="name the file that is meant, or remove the others",
            )
        )
    else:
        loading.found.append(
            error(
                "GWC008",
                None,
                f"`{directory}` holds neither `gwc.kdl` nor `gwc.yaml` nor `gwc.yml`",
                help="name a file, or a directory with one of these; `gwc init` writes a first one",
            )
        )
    return None


def _tree(
    loading: _Loading, files: Files, name: str, syntax: Literal["kdl", "yaml"] | None = None
) -> Entries:
    """The entries of a main file or an overlay, with all that it includes."""
    tree = _Tree(loading, files)
    identity = files.identity(name)
    tree.done.add(identity)
    document = _document(tree, name, None, syntax)
    if document is None:
        loading.unreadable = True
        return ()
    return tuple(_entries(tree, document, (_Step(name, identity, None),)))


def _entries(tree: _Tree, document: Document, chain: tuple[_Step, ...]) -> Iterator[tuple[Document, Node]]:
    """A document's top-level nodes, with what its includes stand for in their place."""
    for node in document.nodes:
        if node.head.name != "include":
            yield document, node
            continue
        for written, at in _written(tree, document, node):
            for name in _names(tree, chain[-1].name, written, at):
                yield from _included(tree, name, at, chain)


def _included(tree: _Tree, name: str, at: Span, chain: tuple[_Step, ...]) -> Iterator[tuple[Document, Node]]:
    """The entries of one included file, none if it has been included before."""
    found, files = tree.loading.found, tree.files
    identity = files.identity(name)
    before = next((index for index, step in enumerate(chain) if step.identity == identity), None)
    if before is not None:
        found.append(_cycle(files, chain[before:], name, at))
    elif identity in tree.done:
        return
    elif len(chain) > MAX_DEPTH:
        found.append(
            error(
                "GWC015",
                at,
                f"`{files.shown(name)}` is included through more than {MAX_DEPTH} files",
                help="include it from a file that is nearer to the main one",
            )
        )
    elif len(tree.done) > MAX_FILES:
        if all(each.code != "GWC016" for each in found):
            what = f"the configuration has more than {MAX_FILES} files"
            found.append(error("GWC016", at, what, help="make the pattern narrower, or join small files"))
    else:
        tree.done.add(identity)
        document = _document(tree, name, at, None)
        if document is not None:
            yield from _entries(tree, document, (*chain, _Step(name, identity, at)))


def _document(
    tree: _Tree, name: str, at: Span | None, syntax: Literal["kdl", "yaml"] | None
) -> Document | None:
    """Read and parse one file; None if it cannot be read."""
    loading = tree.loading
    syntax = syntax or _SUFFIXES.get(posixpath.splitext(name)[1])
    if syntax is None and tree.files.kind(name) == "file":
        loading.found.append(
            error(
                "GWC007",
                at,
                f"`{tree.files.shown(name)}` has none of the suffixes `.kdl`, `.yaml`, `.yml`",
                help="rename it: the suffix says which syntax a file is written in",
            )
        )
        return None
    source, problems = tree.files.read(name, at)
    if source is None or syntax is None:
        loading.found += problems
        loading.unreadable = True
        return None
    loading.sources[source.path] = source
    document, diagnostics = _parsed(loading, source, syntax)
    loading.found += diagnostics
    return document


def _parsed(loading: _Loading, source: SourceFile, syntax: Literal["kdl", "yaml"]) -> Parsed:
    key = f"{source.digest} {syntax} {source.path}"
    loading.used.add(key)
    parsed = loading.cache.get(key)
    if parsed is None:
        # PERF: each front end is imported when a file of its syntax is there.
        if syntax == "kdl":
            from .parse.kdl import parse
        else:
            from .parse.yaml import parse
        parsed = loading.cache[key] = parse(source.text, source.path)
    return parsed


def _written(tree: _Tree, document: Document, node: Node) -> Iterator[tuple[str, Span]]:
    """The paths and patterns of an include, each with its place; whatever else stands there is refused."""
    values: list[tuple[Node, Value]] = [(node, value) for value in node.head.args]
    misplaced = [
        Span(document.file, node.start + each.start, node.start + each.end) for each in node.head.props
    ]
    for item in node.items or ():
        values += [(item, value) for value in item.head.args]
        if item.children is not None or item.items is not None:
            misplaced.append(Span(document.file, item.start, item.end))
    misplaced += [Span(document.file, child.start, child.end) for child in node.children or ()]
    for place in misplaced:
        tree.loading.found.append(_no_path(place, "`include` takes paths and nothing else"))
    if not values and not misplaced:
        name = Span(document.file, node.start + node.head.name_start, node.start + node.head.name_end)
        tree.loading.found.append(_no_path(name, "`include` names no file"))
    for owner, value in values:
        at = Span(document.file, owner.start + value.start, owner.start + value.end)
        if isinstance(value.value, str) and value.value:
            yield value.value, at
        else:
            tree.loading.found.append(_no_path(at, "a path is a text that is not empty"))


def _names(tree: _Tree, including: str, written: str, at: Span) -> Iterable[str]:
    """The names of the files that a path or pattern stands for, in their order; says so if there are none."""
    files, found = tree.files, tree.loading.found
    shown = _printable(written)
    if written.startswith("/"):
        target = files.inside(written)
    else:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(including), written))
        target = None if target == ".." or target.startswith("../") else target
    if target is None:
        what = f"`{shown}` lies outside the main file's directory"
        found.append(
            error("GWC014", at, what, help="move the file below that directory, or link to it from there")
        )
        return ()
    if is_pattern(target):
        return _matching(tree, including, target, shown, at)
    kind = files.kind(target)
    if kind == "file":
        return (target,)
    if kind == "directory":
        what = f"`{shown}` is a directory"
        pattern = f"{shown.rstrip('/')}/*.kdl"
        found.append(error("GWC018", at, what, help=f"write `{pattern}` for the files in it"))
    else:
        help = _help_to_find(target, including, files) or files.absent_help
        found.append(error("GWC011", at, f"`{shown}` does not exist", help=help))
    return ()


def _matching(tree: _Tree, including: str, pattern: str, shown: str, at: Span) -> Iterable[str]:
    files, found = tree.files, tree.loading.found
    try:
        names = expand(pattern, files)
    except OSError as failed:
        reason = (failed.strerror or str(failed)).lower()
        what = f"a directory that `{shown}` leads to cannot be read: {reason}"
        found.append(error("GWC002", at, what, help="look at the permissions of the directory"))
        tree.loading.unreadable = True
        return ()
    except TooManyEntries:
        what = f"`{shown}` leads to more than 200000 files and directories"
        found.append(error("GWC016", at, what, help="make the pattern narrower: name the directories"))
        return ()
    readable = [name for name in names if posixpath.splitext(name)[1] in _SUFFIXES]
    if not readable:
        others = f"; {len(names)} of other kinds match" if names else ""
        found.append(
            error(
                "GWC012",
                at,
                f"no `.kdl`, `.yaml` or `.yml` file matches `{shown}`{others}",
                help=_help_to_find(pattern, including, files)
                or f"{files.absent_help}; `*` matches no leading dot, `**` any number of directories",
            )
        )
        return ()
    for name in names:
        if name not in readable:
            found.append(
                warning(
                    "GWC019",
                    at,
                    f"`{files.shown(name)}` matches `{shown}` and is not read",
                    label="matches a file that is neither KDL nor YAML",
                    help="end the pattern with `.kdl` or `.yaml`, or move the file elsewhere",
                )
            )
    return readable


def _help_to_find(target: str, including: str, files: Files) -> str:
    meant = nearest_path(target, files)
    if meant is None:
        return ""
    return f"did you mean `{posixpath.relpath(meant, posixpath.dirname(including) or '.')}`?"


def _cycle(files: Files, chain: Sequence[_Step], name: str, at: Span) -> Diagnostic:
    """The finding for an include, at `at`, of the first file of `chain`, which led to it."""
    round_trip = [files.shown(step.name) for step in chain] + [files.shown(name)]
    if len(chain) == 1:
        what = f"`{round_trip[0]}` includes itself"
        help = "keep included files in a directory of their own, so that the pattern does not match this one"
    else:
        what = f"a circle of includes: {' -> '.join(f'`{each}`' for each in round_trip)}"
        help = "remove one of these includes; a file that several others need is included by the main file"
    labels = [
        Label(step.at, f"`{files.shown(step.name)}` is included here")
        for step in chain[1:]
        if step.at is not None
    ]
    return error("GWC013", at, what, label="closes the circle" if labels else "", secondary=labels, help=help)


def _no_path(at: Span, what: str) -> Diagnostic:
    return error(
        "GWC017",
        at,
        what,
        help='write `include "routes/*.kdl"`, in YAML `include: routes/*.yaml` or a list of paths',
    )


def _printable(text: str) -> str:
    """What a person wrote, on one line."""
    return "".join([each if each.isprintable() else f"\\u{{{ord(each):x}}}" for each in text])
