"""Telling the service manager how it goes (sd_notify), where there is one."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping


def notify(*lines: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send `READY=1` and the like to NOTIFY_SOCKET. False where nobody asked for it or nobody listens."""
    where = environment.get("NOTIFY_SOCKET", "")
    if not where.startswith(("/", "@")):
        return False
    name = "\0" + where[1:] if where[0] == "@" else where
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.sendto("\n".join(lines).encode(), name)
        return True
    return False


def reloading() -> bool:
    """Say that a reload has begun; READY=1 says that it is over."""
    return notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def watchdog_s(environment: Mapping[str, str] = os.environ) -> float | None:
    """How often to say WATCHDOG=1: half of what the service manager waits; None where it does not."""
    text, meant_for = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not (text.isascii() and text.isdigit()) or meant_for not in ("", str(os.getpid())) or int(text) == 0:
        return None
    return int(text) / 2_000_000
