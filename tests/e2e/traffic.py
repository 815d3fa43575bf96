"""Clients that keep asking while something happens, and that tell of everything that went wrong.

Owns the clients of the reload and fault tests. They count as a failure whatever a careful program would
notice: a refused or lost connection, a reply that is cut, an end that no reply announced.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from .raw import Address, Client, Reply, get

Judge = Callable[[Reply], str]
"""What is wrong with a reply; nothing where it is empty."""


def any_success(reply: Reply) -> str:
    """A 200 that is whole."""
    return "" if reply.status == 200 and reply.complete else f"{reply.status} {reply.body[:80]!r}"


@dataclass
class Traffic:
    """Clients on threads of their own. `problems` stays empty where nothing went wrong."""

    address: Address
    problems: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    announced: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, name: str, work: Callable[[], None]) -> None:
        """Do something on a thread; an exception is a problem."""

        def run() -> None:
            try:
                work()
            except BaseException as fault:
                self.problems.append(f"{name}: {type(fault).__name__}: {str(fault)[:400]}")

        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def keep_alive(
        self, path: str, judge: Judge = any_success, *, pause: float = 0.02, may_end: bool = False
    ) -> None:
        """One connection, request after request. `may_end`: a reply may announce the end; a new one then."""

        def ask() -> None:
            while not self.over.is_set():
                with Client(self.address) as client:
                    while not self.over.is_set():
                        reply = client.ask(get(path))
                        self._judged("kept", judge(reply))
                        if reply.closes:
                            self.announced += 1
                            assert may_end, "the gateway ended a kept connection"
                            break
                        time.sleep(pause)

        self.start(f"kept {path}", ask)

    def new_connections(self, path: str, judge: Judge = any_success, *, pause: float = 0.02) -> None:
        """A connection for each request."""

        def ask() -> None:
            while not self.over.is_set():
                with Client(self.address) as client:
                    reply = client.ask(get(path, "Connection: close"))
                    self._judged("new", judge(reply))
                    assert client.end() == b""
                time.sleep(pause)

        self.start(f"new {path}", ask)

    def again(self, name: str, work: Callable[[], str]) -> None:
        """Something over and over; it returns what was wrong."""

        def repeat() -> None:
            while not self.over.is_set():
                self._judged(name, work())

        self.start(name, repeat)

    def stop(self, within: float = 20.0) -> None:
        """Let everybody finish what is begun."""
        self.over.set()
        deadline = time.monotonic() + within
        for each in self._threads:
            each.join(max(deadline - time.monotonic(), 0.1))
            if each.is_alive():
                self.problems.append("a client did not come to an end")

    def _judged(self, kind: str, wrong: str) -> None:
        self.done[kind] += 1
        if wrong:
            self.problems.append(f"{kind}: {wrong}")
