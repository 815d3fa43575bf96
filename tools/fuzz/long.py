"""Fuzz for as long as asked: the property suites with new random seeds, and the KDL differential.

Owns the rounds and the summary. Each round is a process of its own with a seed of its own, which is printed,
so that a failure can be had again. Exit code 1 at the first failure.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SUITES = (
    "tests/property",
    "tests/compiler/kdl",
    "tests/compiler/yaml",
    "tests/compiler/validate",
    "tests/schema",
    "tests/runtime",
    "tests/compiler/diagnostics",
)
DOCUMENTS = 5000


def main() -> int:
    """Run rounds until the minutes are over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=None, help="the first round's seed")
    parser.add_argument("--suite", action="append", help="a folder of tests instead of the usual ones")
    options = parser.parse_args()
    deadline = time.monotonic() + options.minutes * 60
    seeds = random.Random(options.seed)
    rounds = passed = 0
    while time.monotonic() < deadline:
        seed = seeds.randrange(1 << 31)
        print(f"round {rounds + 1}, seed {seed}", flush=True)
        left = deadline - time.monotonic()
        suite = options.suite or SUITES
        done = _run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-x",
                "-n",
                "auto",
                "-m",
                "not slow",
                f"--hypothesis-seed={seed}",
                *suite,
            ],
            GWC_HYPOTHESIS_PROFILE="round",
        )
        if done.returncode:
            return _failed(done, f"property suites, seed {seed}")
        passed += _count(done.stdout)
        done = _run(
            [
                sys.executable,
                "tools/fuzz/kdl_differential.py",
                "--documents",
                str(DOCUMENTS),
                "--seed",
                str(seed),
            ]
        )
        if done.returncode:
            return _failed(done, f"KDL differential, seed {seed}")
        rounds += 1
        print(
            f"  ok, {max(0.0, deadline - time.monotonic()) / 60:.1f} of {left / 60:.1f} min left", flush=True
        )
    print(f"{rounds} rounds, {passed} tests passed, {rounds * DOCUMENTS} KDL documents, nothing found")
    return 0


def _run(command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )


def _count(output: str) -> int:
    """The number before pytest's `passed`."""
    found = re.search(r"(\d+) passed", output)
    return int(found[1]) if found else 0


def _failed(done: subprocess.CompletedProcess[str], what: str) -> int:
    print(f"failed: {what}", flush=True)
    print(done.stdout[-8000:], done.stderr[-2000:])
    return 1


if __name__ == "__main__":
    sys.exit(main())
