"""The compiling child: waited for while it gets on, ended where it does not."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from gwc.runtime.control.compiling import ChildCompiler, Compiled

ANSWER = """
import sys, time
from gwc.runtime.control.channel import encode
def spin(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
sys.stdin.buffer.read(8)
"""


def compiled(script: str, timeout_s: float = 0.5) -> tuple[Compiled, list[str]]:
    """What comes of a child with this script, and the events that were told."""
    told: list[str] = []

    def tell(_level: str, event: str, **_fields: Any) -> None:
        told.append(event)

    async def run() -> Compiled:
        compiler = ChildCompiler([sys.executable, "-c", ANSWER + script], tell, timeout_s)
        try:
            return await compiler.compile()
        finally:
            await compiler.close()

    return asyncio.run(run()), told


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs proc(5)")
def test_a_child_that_gets_little_of_the_processor_is_waited_for() -> None:
    """It works on, though it takes four times the limit: a busy gateway still gets its table."""
    found, told = compiled(
        "for _ in range(8):\n    spin(0.03)\n    time.sleep(0.22)\n"
        "sys.stdout.buffer.write(encode({'digest': 'd', 'reason': 'r'}))\nsys.stdout.buffer.flush()\n"
        "time.sleep(9)"
    )
    assert (found.digest, found.reason) == ("d", "r")
    assert told == ["compiler-starved"]


@pytest.mark.parametrize("script", ["time.sleep(60)", "spin(60)"], ids=["asleep", "spinning"])
def test_a_child_that_hangs_is_ended(script: str) -> None:
    """One that does nothing, and one that works without end: the reload has failed and says why."""
    found, told = compiled(script)
    assert found.data is None
    assert found.reason == "compiling took longer than 0.5 s"
    assert told[-1] == "compiler-restarted"
