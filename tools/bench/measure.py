"""Timing commands and functions, side by side.

Owns how a figure is taken: the contestants run in turn, round after round, so that whatever else the machine
does hits them alike; a figure is the median, a comparison the ratio of medians.
"""

from __future__ import annotations

import gc
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median


def time_commands(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, float]:
    """Median wall milliseconds of each command as a whole process; a failing one raises."""
    samples: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            started = time.perf_counter()
            done = subprocess.run(command, capture_output=True, check=False)
            samples[name].append((time.perf_counter() - started) * 1000)
            if done.returncode != 0:
                raise RuntimeError(f"{name}: exit {done.returncode}: {done.stderr[-500:]!r}")
    return {name: round(median(values), 2) for name, values in samples.items()}


def time_calls(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median wall milliseconds of each call, the collector off while it runs."""
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            gc.collect()
            gc.disable()
            started = time.perf_counter()
            call()
            samples[name].append((time.perf_counter() - started) * 1000)
            gc.enable()
    return {name: round(median(values), 2) for name, values in samples.items()}


def ratios(figures: Mapping[str, float], of: str) -> dict[str, float]:
    """Each figure as a multiple of the one named `of`."""
    return {name: round(value / figures[of], 2) for name, value in figures.items() if name != of}
