"""Where a worker's time goes under a load, by py-spy where it is installed, else by perf."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from .process import program


def profile(pid: int, seconds: int, root: Path, load: Callable[[], object]) -> str:
    """What a process does while `load` runs, as a text for people."""
    under = subprocess.Popen(_profiler(pid, seconds, root), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    load()
    _, wrong = under.communicate()
    raw = root / "stacks.txt"
    if raw.exists():
        return _hottest(raw.read_text())
    if (root / "perf.data").exists():
        shown = subprocess.run(
            ["perf", "report", "-i", str(root / "perf.data"), "--stdio", "--no-children", "-g", "none"],
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [line for line in shown.stdout.splitlines() if line and not line.startswith("#")]
        return "\n".join(lines[:60])
    sys.exit(f"no profiler could look at the worker: {wrong.decode('utf-8', 'replace')[-500:]}")


def _profiler(pid: int, seconds: int, root: Path) -> list[str]:
    spy = program("py-spy")
    if spy is not None:
        raw = str(root / "stacks.txt")
        return [spy, "record", "-p", str(pid), "-d", str(seconds), "-r", "500", "-f", "raw", "-o", raw]
    perf = program("perf")
    if perf is None:
        sys.exit("profiling needs py-spy (pip install py-spy) or perf")
    data = str(root / "perf.data")
    return [perf, "record", "-q", "-p", str(pid), "-F", "999", "-o", data, "--", "sleep", str(seconds)]


def _hottest(stacks: str) -> str:
    """From stacks with counts: lines and functions by own time, functions by time with all they call."""
    lines: Counter[str] = Counter()
    own: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for stack in stacks.splitlines():
        frames, _, count = stack.rpartition(" ")
        if frames.rpartition(";")[2].startswith("Condition.wait "):
            continue  # a thread that waits
        names = [frame.rpartition(":")[0] + ")" for frame in frames.split(";")]
        lines[frames.rpartition(";")[2]] += int(count)
        own[names[-1]] += int(count)
        for name in set(names):
            within[name] += int(count)
    whole = own.total()
    shown = []
    for title, figures in (("lines", lines), ("functions", own), ("functions with all they call", within)):
        shown.append(f"{title}, of {whole} samples")
        shown += [f"  {100 * count / whole:5.1f} %  {name}" for name, count in figures.most_common(35)]
        shown.append("")
    return "\n".join(shown)
