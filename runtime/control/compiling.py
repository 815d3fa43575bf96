"""From files to a table, without the compiler in this process.

Owns the child that compiles: it is started by a command line that somebody else knows, asked over its pipes,
and started anew if it dies or hangs. It runs at the lowest priority, so where traffic takes all of every core
it may take long for little: what it works counts, not how long it took. A table that was built before is read
instead. What a file must say is not known here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from .channel import Garbled, encode, read_frame_of
from .watching import Seen

COMPILE_S: Final = 60.0
"""A child that works longer than this, or does nothing for as long, hangs."""
_LIMIT: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came of a compile.

    `data` is None where there is no table, and `reason` says why in one line; `findings` is the report, with
    warnings also where there is a table. `seen` is what was read, to tell whether it has changed; None where
    nobody knows (the child died).
    """

    data: bytes | None
    digest: str = ""
    reason: str = ""
    findings: str = ""
    seen: Seen | None = None


class Compiles(Protocol):
    """Something that makes tables when asked."""

    async def compile(self) -> Compiled:
        """The table as things are now. Raises nothing."""

    async def close(self) -> None:
        """Let go of processes."""


@dataclass(slots=True)
class ChildCompiler:
    """The resident child. `command` starts it. One question at a time."""

    command: Sequence[str]
    tell: Callable[..., None]
    timeout_s: float = COMPILE_S
    _child: asyncio.subprocess.Process | None = field(default=None, init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def compile(self) -> Compiled:
        """Ask the child, which is started if there is none."""
        async with self._lock:
            try:
                return _compiled(*await self._answer())
            except TimeoutError:
                reason = f"compiling took longer than {self.timeout_s:g} s"
            except (OSError, Garbled, asyncio.IncompleteReadError):
                reason = f"the compiler ended{await self._end()}"
            except BaseException:
                await self._kill()  # half an answer may stand in the pipe
                raise
            await self._kill()
            self.tell("error", "compiler-restarted", reason=reason)
            return Compiled(None, reason=reason)

    async def close(self) -> None:
        """End the child."""
        await self._kill()

    async def _answer(self) -> tuple[Mapping[str, Any], bytes]:
        """The child's answer, waited for as long as it gets on. Raises TimeoutError where it hangs."""
        asking = asyncio.ensure_future(self._ask())
        try:
            began, before = _worked_s(self._child), None
            while True:
                done, _ = await asyncio.wait({asking}, timeout=self.timeout_s)
                if done:
                    return asking.result()
                worked = _worked_s(self._child)
                if worked is None or worked == before or worked - (began or 0.0) >= self.timeout_s:
                    raise TimeoutError
                if before is None:
                    self.tell("warning", "compiler-starved", worked_s=worked, seconds=self.timeout_s)
                before = worked
        finally:
            asking.cancel()

    async def _ask(self) -> tuple[Mapping[str, Any], bytes]:
        child = self._child
        if child is None or child.returncode is not None:
            self._child = child = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LIMIT,
            )
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(encode({"kind": "compile"}))
        await child.stdin.drain()
        return await read_frame_of(child.stdout)

    async def _end(self) -> str:
        """How the child ended, in words."""
        child = self._child
        if child is None:
            return ""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                code = await child.wait()
                return f" by signal {-code}" if code < 0 else f" with exit code {code}"
        return ""

    async def _kill(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
            # The transport's own end, so that nothing is left open.
            child._transport.close()  # type: ignore[attr-defined]  # there is no public way


@dataclass(slots=True)
class TableFile:
    """A table that `gwc build` wrote, in the place of a compiler."""

    path: str

    async def compile(self) -> Compiled:
        """Read the file. Whether it is whole, loading says."""
        return await asyncio.to_thread(self._read)

    async def close(self) -> None:
        """Nothing is held."""

    def _read(self) -> Compiled:
        from gwc.schema.artifact import Refusal, digest, load

        from .watching import content_of

        try:
            with open(self.path, "rb") as file:
                data = file.read()
        except OSError as failed:
            reason = f"`{self.path}` cannot be read: {(failed.strerror or str(failed)).lower()}"
            return Compiled(None, reason=reason, seen=Seen({self.path: ""}))
        seen = Seen({self.path: content_of(data)})
        table = load(data)
        if isinstance(table, Refusal):
            return Compiled(None, reason=f"{self.path}: {table.message}", seen=seen)
        return Compiled(data, digest(table), seen=seen)


def _compiled(body: Mapping[str, Any], blob: bytes) -> Compiled:
    return Compiled(
        blob or None,
        str(body.get("digest", "")),
        str(body.get("reason", "")),
        str(body.get("findings", "")),
        Seen(dict(body.get("files", {})), dict(body.get("directories", {}))),
    )


def _worked_s(child: asyncio.subprocess.Process | None) -> float | None:
    """How much processor time a process has had (proc(5), fields 14, 15), None where that cannot be told."""
    if child is None:
        return None
    try:
        with open(f"/proc/{child.pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:  # it is gone, or this is no Linux
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
