"""Break the rules on purpose, one at a time, and see whether the property suite notices.

A mutant is one change of the text of one file, made in a copy of the tree. The suite runs on the copy; a
mutant that it passes has survived, and the rule that was broken is held by nothing. Prints a table, or JSON
with `--json`; exit code 1 if any survives.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("schema", "compiler", "runtime", "tools", "tests", "pyproject.toml")
SUITE = ("tests/property/test_agreement.py", "tests/property/test_candidates.py")
LIMIT_S = 240

RESOLVE = "compiler/resolve/__init__.py"
RANK = "compiler/resolve/rank.py"
EXPAND = "compiler/resolve/expand.py"
BLOCKS = "compiler/resolve/blocks.py"
SCOPES = "compiler/resolve/scopes.py"
TESTS = "runtime/predicates.py"
MATCH = "runtime/match.py"

LINES = {
    1: "k[0:1]",
    2: "k[1:3]",
    3: "k[3:4]",
    4: "k[4:5]",
    5: "k[5:6]",
    6: "k[6:7]",
    7: "k[7:8]",
    8: "k[8:9]",
    9: "(place,)",
}
"""The nine lines of the order, as what they are of a rank key."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One broken rule: in `file`, `old` (which stands there exactly once) becomes `new`."""

    name: str
    file: str
    old: str
    new: str


def order_mutants() -> Iterator[Mutant]:
    """Any two of the nine lines of the order swapped."""
    for one, other in combinations(LINES, 2):
        order = [other if line == one else one if line == other else line for line in LINES]
        key = " + ".join(LINES[line] for line in order)
        yield Mutant(
            f"lines {one} and {other} of the order swapped",
            RESOLVE,
            "    entries.sort(key=_key)\n",
            "    numbered = [((e[0][0], n), e) for n, e in enumerate(entries)]\n"
            f"    numbered.sort(key=lambda x: (lambda k, place: {key})(*x[0]))\n"
            "    entries = [e for _, e in numbered]\n",
        )


RULES: tuple[Mutant, ...] = (
    Mutant("priority: lower first", RANK, "        -priority,\n", "        priority,\n"),
    Mutant("hosts: regex before wildcard", RANK, '"wildcard": 1, "regex": 2', '"wildcard": 2, "regex": 1'),
    Mutant("hosts: none before regex", RANK, "_NO_HOST = 3", "_NO_HOST = 1"),
    Mutant("hosts: shorter wildcard first", RANK, "-len(host.text) if host", "len(host.text) if host"),
    Mutant("paths: template before exact", RANK, '"exact": 0, "template": 1', '"exact": 1, "template": 0'),
    Mutant(
        "paths: prefix before regex",
        RANK,
        '"regex": 2, "prefix": 3}\n_PREFIX_ORDER = 3',
        '"regex": 3, "prefix": 2}\n_PREFIX_ORDER = 2',
    ),
    Mutant(
        "paths: a rest ranks as a template",
        RANK,
        "(_PREFIX_ORDER if rest else _PATH_ORDER",
        '(_PATH_ORDER["template"] if rest else _PATH_ORDER',
    ),
    Mutant(
        "paths: none ranks after every prefix",
        RANK,
        "(_PREFIX_ORDER, 0) if path is None",
        "(_PREFIX_ORDER + 1, 0) if path is None",
    ),
    Mutant("line 4: fewer literal bytes first", RANK, "        -literal,\n", "        literal,\n"),
    Mutant("line 4: exact counts nothing", RANK, "        return 0, len(text)\n", "        return 0, 0\n"),
    Mutant("line 4: prefix counts its trailing slash", RANK, 'len(text.rstrip("/"))', "len(text)"),
    Mutant(
        "line 4: prefix counts nothing",
        RANK,
        'return _PREFIX_ORDER, len(text.rstrip("/"))',
        "return _PREFIX_ORDER, 0",
    ),
    Mutant("line 4: template counts its braces", RANK, "literal_bytes(text)\n", "len(text)\n"),
    Mutant(
        "line 4: regex counts its text", RANK, '_PATH_ORDER["regex"], 0', '_PATH_ORDER["regex"], len(text)'
    ),
    Mutant(
        "line 4: the slash before a rest counts",
        "schema/template/path.py",
        'text[: text.rfind("/")] if',
        'text[: text.rfind("/") + 1] if',
    ),
    Mutant(
        "line 5: without a method first", RANK, "0 if counts.methods else 1", "1 if counts.methods else 0"
    ),
    Mutant("line 6: fewer headers first", RANK, "        -counts.fields,\n", "        counts.fields,\n"),
    Mutant("line 7: fewer queries first", RANK, "        -counts.queries,\n", "        counts.queries,\n"),
    Mutant("line 8: fewer others first", RANK, "        -counts.others,\n", "        counts.others,\n"),
    Mutant("line 6: cookies count as queries", BLOCKS, '"cookie": _FIELDS', '"cookie": _QUERIES'),
    Mutant("line 7: queries count as headers", BLOCKS, '"query": _QUERIES', '"query": _FIELDS'),
    Mutant(
        "line 8: `not` does not count",
        BLOCKS,
        "                counts[_COUNTED.get(key, _OTHERS)] += 1\n            continue",
        '                counts[_COUNTED.get(key, _OTHERS)] += key != "not"\n            continue',
    ),
    Mutant(
        "line 8: inherited hosts and paths do not count", EXPAND, "counts.others + inherited", "counts.others"
    ),
    Mutant(
        "line 8: `listener` counts",
        BLOCKS,
        "                into.listeners = frozenset(value)\n",
        "                into.listeners = frozenset(value)\n                counts[_OTHERS] += 1\n",
    ),
    Mutant(
        "expansion: paths outer, hosts inner",
        EXPAND,
        "    return tuple(product(block.hosts or (None,), block.paths or (None,)))",
        "    return tuple((h, p) for p in block.paths or (None,) for h in block.hosts or (None,))",
    ),
    Mutant(
        "expansion: the last host alone",
        EXPAND,
        "product(block.hosts or (None,)",
        "product((block.hosts or (None,))[-1:]",
    ),
    Mutant(
        "groups: the outermost host ranks",
        EXPAND,
        "host_level = max((i for i, pair in enumerate(pairs) if pair[0] is not None), default=-1)",
        "host_level = min((i for i, pair in enumerate(pairs) if pair[0] is not None), default=-1)",
    ),
    Mutant(
        "groups: the outermost path ranks",
        EXPAND,
        "path_level = max((i for i, pair in enumerate(pairs) if pair[1] is not None), default=-1)",
        "path_level = min((i for i, pair in enumerate(pairs) if pair[1] is not None), default=-1)",
    ),
    Mutant(
        "groups: an inherited host is no condition",
        EXPAND,
        "                conditions.append(Hosts((host,)))\n",
        "                pass\n",
    ),
    Mutant(
        "groups: an inherited path is no condition",
        EXPAND,
        "                conditions.append(Paths((path,)))\n",
        "                pass\n",
    ),
    Mutant(
        "groups: priority is not inherited",
        SCOPES,
        "levels, listeners, owners = scope\n",
        "levels, listeners, owners = scope\n    priority = 0\n",
    ),
    Mutant("values: case does not count", TESTS, "    if numbers[1]:\n", "    if True:\n"),
    Mutant("values: ignore-case has no effect", TESTS, "    if numbers[1]:\n", "    if False:\n"),
    Mutant(
        "values: prefix is contains",
        TESTS,
        "return value.startswith(texts)",
        "return any(text in value for text in texts)",
    ),
    Mutant(
        "values: suffix is contains",
        TESTS,
        "return value.endswith(texts)",
        "return any(text in value for text in texts)",
    ),
    Mutant(
        "values: contains is equal",
        TESTS,
        "return any(text in value for text in texts)",
        "return value in texts",
    ),
    Mutant("range: min is exclusive", TESTS, "low <= number", "low < number"),
    Mutant("range: max is exclusive", TESTS, "number <= high)", "number < high)"),
    Mutant(
        "range: any text that int() takes",
        TESTS,
        "    if _INTEGER.fullmatch(value) is None:\n        return False\n",
        "    try:\n        int(value)\n    except ValueError:\n        return False\n",
    ),
    Mutant("presence: a missing name is present", TESTS, "(value is not None) == bool(numbers[2])", "True"),
    Mutant(
        "presence: an empty value is missing",
        TESTS,
        "(value is not None) == bool(numbers[2])",
        "bool(value) == bool(numbers[2])",
    ),
    Mutant(
        "headers: names are looked up as queries",
        TESTS,
        "value = head.headers.get(name)",
        "value = query_value(head, name)",
    ),
    Mutant(
        "query: the last value of a name",
        "schema/normalise/query.py",
        "            if name not in values:\n                values[name] = _decoded(value)",
        "            values[name] = _decoded(value)",
    ),
    Mutant(
        "query: names are not decoded", "schema/normalise/query.py", "            name = _decoded(name)\n", ""
    ),
    Mutant(
        "query: plus is plus", "schema/normalise/query.py", 'text.replace("+", " ")', 'text.replace("+", "+")'
    ),
    Mutant(
        "cookies: the last of a name",
        "schema/normalise/cookie.py",
        "if equals and name not in values:",
        "if equals:",
    ),
    Mutant(
        "cookies: a piece without `=` counts",
        "schema/normalise/cookie.py",
        "if equals and name not in values:",
        "if name not in values:",
    ),
    Mutant(
        "headers: repeated ones joined without a space",
        "schema/normalise/fields.py",
        '", ").join(parts)',
        '",").join(parts)',
    ),
    Mutant(
        "headers: only the first of a name",
        "schema/normalise/fields.py",
        '", ").join(parts)',
        '", ").join(parts[:1])',
    ),
    Mutant("sample: up to and including the share", TESTS, "head.sample < test", "head.sample <= test"),
    Mutant(
        "sni: holds without TLS",
        TESTS,
        "    return sni is not None and any(",
        "    return sni is None or any(",
    ),
    Mutant(
        "client-ip: the first address of a network is outside",
        TESTS,
        "place = bisect_right(networks.starts_v4, number) - 1",
        "place = bisect_right(networks.starts_v4, number - 1) - 1",
    ),
    Mutant(
        "`not`: none may hold",
        TESTS,
        "return not all_hold(table, table.blocks[test[3][0]], head)",
        "return not any(test_holds(table, each, head) for each in table.blocks[test[3][0]])",
    ),
    Mutant(
        "models: the whole name only",
        TESTS,
        "any(_glob(text).matches(model) for text in test[2])",
        "model in test[2]",
    ),
    Mutant(
        "stream: absent is true",
        TESTS,
        "(head.late or _UNREAD).stream == bool(test[3][0])",
        "bool((head.late or _UNREAD).stream is not False) == bool(test[3][0])",
    ),
    Mutant(
        "listeners: isolation dropped",
        "schema/normalise/listen.py",
        "    for listener in entry:\n        if host in listener.scope:",
        "    for listener in entry[:1]:\n        if listener.scope:\n            return listener\n"
        "    for listener in entry:\n        if host in listener.scope:",
    ),
    Mutant(
        "listeners: the shorter wildcard",
        "schema/normalise/listen.py",
        'dot = host.find(".")\n    while dot != -1:',
        'dot = host.rfind(".")\n    while dot != -1:',
    ),
    Mutant(
        "hosts: a wildcard takes its own apex",
        MATCH,
        '    dot = host.find(".")\n    while dot >= 0:',
        '    number = wildcards.get("." + host)\n'
        "    if number is not None and layers[number][0] < best:\n"
        "        best = _in_layer(table, layers[number], head, best)\n"
        '    dot = host.find(".")\n    while dot >= 0:',
    ),
    Mutant(
        "hosts: one label below a wildcard",
        MATCH,
        '        dot = host.find(".", dot + 1)\n    return best\n\n\ndef _by_host',
        "        dot = -1\n    return best\n\n\ndef _by_host",
    ),
    Mutant(
        "captures: decoded once more",
        MATCH,
        "            found[name] = segments[number]\n",
        "            found[name] = segments[number].replace('%20', ' ').lower()\n",
    ),
    Mutant(
        "captures: the rest without its first segment",
        MATCH,
        '"/".join(segments[-number:])',
        '"/".join(segments[-number + 1:])',
    ),
    Mutant("late: taken for granted", MATCH, "    if late and head.late is None:\n", "    if False:\n"),
    Mutant(
        "line 8: `not` counts each predicate inside",
        BLOCKS,
        "                counts[_COUNTED.get(key, _OTHERS)] += 1\n            continue",
        "                counts[_COUNTED.get(key, _OTHERS)] += (\n"
        '                    len(predicate.predicates) if key == "not" else 1\n'
        "                )\n            continue",
    ),
    Mutant(
        "line 8: what stands in a `not` counts as its kind",
        BLOCKS,
        "                counts[_COUNTED.get(key, _OTHERS)] += 1\n            continue",
        '                counts[_FIELDS if key == "not" else _COUNTED.get(key, _OTHERS)] += 1\n'
        "            continue",
    ),
    Mutant(
        "line 8: `sample` does not count",
        BLOCKS,
        "            else:\n                counts[_COUNTED.get(key, _OTHERS)] += 1\n",
        '            else:\n                counts[_COUNTED.get(key, _OTHERS)] += key != "sample"\n',
    ),
    Mutant(
        "methods: HEAD is a GET",
        MATCH,
        "(methods is None or head.method in methods)",
        '(methods is None or head.method in methods or (head.method == "HEAD" and "GET" in methods))',
    ),
    Mutant(
        "methods: case does not count",
        MATCH,
        "(methods is None or head.method in methods)",
        "(methods is None or head.method.upper() in methods)",
    ),
    Mutant(
        "values: a header's case does not count",
        TESTS,
        "    if numbers[1]:\n",
        "    if numbers[1] or kind == HEADER:\n",
    ),
    Mutant(
        "values: a query's case does not count",
        TESTS,
        "    if numbers[1]:\n",
        "    if numbers[1] or kind not in (HEADER, COOKIE):\n",
    ),
    Mutant(
        "values: a cookie's case does not count",
        TESTS,
        "    if numbers[1]:\n",
        "    if numbers[1] or kind == COOKIE:\n",
    ),
    Mutant(
        "values: the case of a header with one value does not count",
        MATCH,
        "(name is None or head.headers.get(name) == value)",
        "(name is None or (name in head.headers and head.headers[name].lower() == value.lower()))",
    ),
    Mutant(
        "values: a missing header equals the empty value",
        MATCH,
        "(name is None or head.headers.get(name) == value)",
        '(name is None or head.headers.get(name, "") == value)',
    ),
    Mutant(
        "values: ignore-case folds more than ASCII",
        TESTS,
        'value = value.encode("latin-1").lower().decode("latin-1")',
        "value = value.lower()",
    ),
    Mutant(
        "prefix: no boundary of segments",
        MATCH,
        '                leaf = leaves.get("/".join(literal))\n',
        '                text = "/".join(literal)\n'
        "                leaf = leaves.get(text) or next(\n"
        "                    (each for key, each in leaves.items()\n"
        "                     if each[0] == GOES_ON and text.startswith(key)), None\n"
        "                )\n",
    ),
    Mutant(
        "prefix: as a condition, no boundary of segments",
        TESTS,
        'path.startswith(stem + "/")',
        "path.startswith(stem)",
    ),
    Mutant(
        "prefix: its trailing slash counts",
        "compiler/lower/segments.py",
        'path.text.rstrip("/").split("/")',
        'path.text.split("/")',
    ),
    Mutant(
        "path: a trailing slash is folded away",
        MATCH,
        "    leaf = paths.get(path)\n",
        '    leaf = paths.get(path) or paths.get(path.rstrip("/"))\n',
    ),
    Mutant(
        "path: case does not count",
        MATCH,
        "    leaf = paths.get(path)\n",
        "    leaf = paths.get(path) or paths.get(path.lower())\n",
    ),
    Mutant(
        "template: takes an empty segment",
        MATCH,
        "                        if not segments[at + 1]:\n",
        "                        if False:\n",
    ),
    Mutant(
        "template: takes an empty segment, in a trie",
        MATCH,
        "if parameter is not None and segments[at]:",
        "if parameter is not None:",
    ),
    Mutant(
        "template: a literal segment beats a parameter for good",
        MATCH,
        "                    left.append((parameter, at + 1))\n",
        "                    pass\n",
    ),
    Mutant(
        "template: the rest needs a segment",
        "compiler/lower/segments.py",
        "return (True, segments[:-1]) if template.has_rest",
        "return (True, segments) if template.has_rest",
    ),
    Mutant(
        "search: an exact host ends it",
        MATCH,
        "    if wildcard_best < best:\n",
        "    if best == NO_RANK and wildcard_best < best:\n",
    ),
    Mutant(
        "search: a wildcard host ends it",
        MATCH,
        "    if regex_best < best:\n        best = _by_host_regex",
        "    if best == NO_RANK and regex_best < best:\n        best = _by_host_regex",
    ),
    Mutant(
        "search: any host pattern ends it",
        MATCH,
        "    if any_best < best:\n",
        "    if best == NO_RANK and any_best < best:\n",
    ),
    Mutant(
        "search: an exact path ends it",
        MATCH,
        "    if segments_best < best:\n",
        "    if leaf is None and segments_best < best:\n",
    ),
    Mutant(
        "search: the best rank alone is asked",
        MATCH,
        "        place += 2\n        if place >= len(leaf):\n",
        "        place += 2\n        if True:\n",
    ),
    Mutant(
        "switch: those without the header are forgotten",
        MATCH,
        "    if rest is not None:\n",
        "    if False:\n",
    ),
    Mutant(
        "switch: one value of several",
        "compiler/lower/leaves.py",
        "for value in dict.fromkeys(self._wanted[self._condition_of[rank]][name]):",
        "for value in self._wanted[self._condition_of[rank]][name][:1]:",
    ),
    Mutant(
        "regex: the beginning is enough",
        "schema/regex/program.py",
        "    ask = compiled.fullmatch\n    if not compiled.groups:\n",
        "    ask = compiled.match\n    if not compiled.groups:\n",
    ),
    Mutant(
        "query: case of names does not count",
        "schema/normalise/query.py",
        "            name = _decoded(name)\n",
        "            name = _decoded(name).lower()\n",
    ),
    Mutant(
        "client-ip: a stranger's X-Forwarded-For counts",
        "schema/normalise/head.py",
        "listener.trusted and is_trusted(client, listener)",
        "is_trusted(client, listener) or True",
    ),
    Mutant(
        "client-ip: read from the left",
        "schema/normalise/client.py",
        'reversed(forwarded_for.split(","))',
        'forwarded_for.split(",")',
    ),
    Mutant(
        "client-ip: IPv4-mapped is IPv6",
        "schema/normalise/client.py",
        "    if address.ipv4_mapped is not None:\n        return address.ipv4_mapped\n",
        "",
    ),
    Mutant(
        "tls: another listener's host is served",
        "schema/normalise/listen.py",
        "    if best.tls and sni != host:\n",
        "    if False:\n",
    ),
    Mutant(
        "use: counts as nothing",
        BLOCKS,
        "    _gather(context, matcher, into, options, (*using, _Use(name, record, index)))\n",
        "    before = list(into.counts)\n"
        "    _gather(context, matcher, into, options, (*using, _Use(name, record, index)))\n"
        "    into.counts[:] = before\n",
    ),
)
"""The other rules, one mutant or more for each."""


def mutants() -> list[Mutant]:
    """All of them."""
    return [*order_mutants(), *RULES]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one mutant: `caught`, `survived`, or `stale` where the text to change is gone; seconds."""

    name: str
    file: str
    verdict: str
    seconds: float


def judge(mutant: Mutant, profile: str, words: Sequence[str] = ()) -> Verdict:
    """Run the suite on a copy with the mutant in it."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gwc-mutant-") as name:
        copy = Path(name)
        for each in COPIED:
            if (ROOT / each).is_dir():
                shutil.copytree(
                    ROOT / each, copy / each, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
                )
            else:
                shutil.copy(ROOT / each, copy / each)
        target = copy / mutant.file
        text = target.read_text(encoding="utf-8")
        if text.count(mutant.old) != 1:
            return Verdict(
                mutant.name, mutant.file, f"stale: stands there {text.count(mutant.old)} times", 0.0
            )
        target.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        environment = {
            **os.environ,
            # The copy's packages before the installed ones.
            "PYTHONPATH": str(copy / "tools" / "typing"),
            "GWC_HYPOTHESIS_PROFILE": profile,
        }
        command = [str(Path(sys.executable).with_name("pytest")), "-q", "-x", *words, *SUITE]
        try:
            done = subprocess.run(
                command, cwd=copy, env=environment, capture_output=True, timeout=LIMIT_S, check=False
            )
            caught = done.returncode == 1
            if done.returncode not in (0, 1):
                raise SystemExit(
                    f"{mutant.name}: pytest exit {done.returncode}\n{done.stdout.decode()[-2000:]}"
                )
        except subprocess.TimeoutExpired:
            caught = True  # a suite that no longer ends has noticed
    return Verdict(mutant.name, mutant.file, "caught" if caught else "survived", time.monotonic() - started)


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge the mutants whose name holds PATTERN (all by default) and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pattern", nargs="?", default="")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--profile", default="mutant", help="the Hypothesis profile")
    parser.add_argument("--no-rows", action="store_true", help="leave out the rows written by hand")
    options = parser.parse_args(arguments)
    chosen = [mutant for mutant in mutants() if options.pattern in mutant.name]
    words = ("-k", "not rows") if options.no_rows else ()
    verdicts = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for verdict in pool.map(lambda mutant: judge(mutant, options.profile, words), chosen):
            verdicts.append(verdict)
            if not options.json:
                print(f"{verdict.verdict:<9} {verdict.seconds:5.1f} s  {verdict.name}", flush=True)
    if options.json:
        print(json.dumps([asdict(verdict) for verdict in verdicts], indent=2))
    survivors = [verdict for verdict in verdicts if verdict.verdict != "caught"]
    print(f"{len(verdicts) - len(survivors)} of {len(verdicts)} caught", file=sys.stderr)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
