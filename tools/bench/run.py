"""Every benchmark, one after the other, as one JSON document on stdout; progress on stderr.

The soak (`python -m tools.bench.soak`) takes an hour and runs only where it is named.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = (
    "check",
    "parse",
    "match",
    "load",
    "policies",
    "policy_path",
    "balance",
    "costs",
    "proxy",
    "reload",
    "memory",
)


def main() -> None:
    """Run what was named on the command line, or all."""
    names = sys.argv[1:] or BENCHMARKS
    report: dict[str, object] = {
        "machine": f"{platform.machine()}, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        done = subprocess.run(
            [sys.executable, "-m", f"tools.bench.{name}"],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        if done.returncode:
            sys.exit(f"{name} failed:\n{done.stderr}")
        report[name] = json.loads(done.stdout)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
