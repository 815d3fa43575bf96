"""What `make run` runs: compile a sample, ask it some questions, and say what to try next."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
GWC = str(Path(sys.executable).parent / "gwc")
SHOP = str((HERE / "shop").relative_to(HERE.parent))

QUESTIONS = (
    ("GET", "http://shop.example.com:8080/catalog/17?size=m"),
    ("GET", "http://shop.example.com:8080/orders/7", "-H", "x-canary: 1"),
    ("POST", "http://shop.example.com:8080/payments", "-H", "x-amount: 1500"),
    ("GET", "http://shop.example.com:8080/api/v1/orders/17"),
)

NEXT = f"""
Try next:
  .venv/bin/gwc routes -c {SHOP}
  .venv/bin/gwc explain -c {SHOP} GET http://shop.example.com:8080/orders/7
  change something in {SHOP}/gwc.kdl (misspell a key) and run: .venv/bin/gwc check {SHOP}
  .venv/bin/gwc init /tmp/demo && .venv/bin/gwc check /tmp/demo
"""


def main() -> int:
    """Run the commands as a person would type them; the first that fails ends it."""
    commands = [["check", SHOP], *(["explain", "-c", SHOP, "--candidates", "3", *each] for each in QUESTIONS)]
    for command in commands:
        print("$ gwc " + " ".join(f"'{each}'" if " " in each else each for each in command), flush=True)
        done = subprocess.run([GWC, *command], cwd=HERE.parent, check=False)
        if done.returncode:
            return done.returncode
        print(flush=True)
    print(NEXT.strip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
