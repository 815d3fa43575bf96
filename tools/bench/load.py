"""What loading a table costs: all in all, the longest step, and memory.

Prints JSON. Times are milliseconds; those of steps are CPU time, in which nobody else's turn on the processor
counts. The memory is what a process of its own grows by when it holds one loaded table.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from statistics import median

from gwc.compiler.lower import lower
from gwc.compiler.source import source_from_text
from gwc.schema.artifact import Refusal, dump, load, load_slices
from gwc.schema.table import RouteTable

from .resolved import resolved_config
from .workload import make_routes

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 9


def main() -> None:
    """Measure and print; with a file, tell what loading it does to this process's memory."""
    if len(sys.argv) > 1:
        print(json.dumps(_memory(Path(sys.argv[1]))))
        return
    report: dict[str, object] = {"benchmark": "load", "unit": "ms"}
    for size in SIZES:
        config = resolved_config(make_routes(size))
        lowering = []
        for _ in range(3):
            gc.collect()
            gc.disable()
            started = time.perf_counter()
            table = lower(config, {"gwc.kdl": source_from_text("", "gwc.kdl")})
            lowering.append((time.perf_counter() - started) * 1000)
            gc.enable()
        started = time.perf_counter()
        data = dump(table)
        dumped = (time.perf_counter() - started) * 1000
        del config, table
        runs = [_steps(data) for _ in range(ROUNDS)]
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            done = subprocess.run(
                [sys.executable, "-m", "tools.bench.load", file.name],
                capture_output=True,
                check=True,
                cwd=Path(__file__).resolve().parents[2],
            )
        report[f"{size} routes"] = {
            "bytes": len(data),
            "lower": round(median(lowering), 1),
            "dump": round(dumped, 1),
            "load": round(median(total for total, _, _ in runs), 1),
            "longest step, median run": round(median(longest for _, longest, _ in runs), 2),
            "longest step, worst run": round(max(longest for _, longest, _ in runs), 2),
            "steps": runs[0][2],
            **json.loads(done.stdout),
        }
    print(json.dumps(report, indent=2))


def _steps(data: bytes) -> tuple[float, float, int]:
    """(milliseconds in all, the longest step, how many) of one load."""
    gc.collect()
    gc.disable()
    answers: list[RouteTable | Refusal] = []

    def run() -> Generator[None, None, None]:
        answers.append((yield from load_slices(data)))

    steps = run()
    longest, count = 0.0, 0
    began, before = time.perf_counter(), time.thread_time()
    for _ in steps:
        now = time.thread_time()
        longest, count, before = max(longest, now - before), count + 1, now
    ended, now = time.perf_counter(), time.thread_time()
    gc.enable()
    assert isinstance(answers[0], RouteTable)
    return (ended - began) * 1000, max(longest, now - before) * 1000, count


def _memory(path: Path) -> dict[str, float]:
    """MiB that this process grows by: at most while loading, and afterwards without the file's bytes."""
    load(dump(lower(resolved_config(make_routes(10)), {})))  # what loading imports
    gc.collect()
    before = _status()
    data = path.read_bytes()
    table = load(data)
    assert isinstance(table, RouteTable)
    del data
    gc.collect()
    after = _status()
    return {
        "resident MiB": round((after["VmRSS"] - before["VmRSS"]) / 1024, 1),
        "peak MiB": round((after["VmHWM"] - before["VmRSS"]) / 1024, 1),
    }


def _status() -> dict[str, int]:
    """Memory figures of this process in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith("Vm")}


if __name__ == "__main__":
    main()
