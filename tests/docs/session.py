"""What a page of the documentation has one type, typed: line by line, beside a gateway that runs.

Owns the terminal: `gwc run` goes on in the background, every other line must end as the page says. Ports of
the page are replaced by free ones in lines and in the configuration.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

LINE_S = 30.0
END_S = 20.0
LOOK_S = 3.0
"""How long a person looks at a live view."""
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
_EXIT = re.compile(r"\s+# exits with ([0-9]+)$")
_PORT = re.compile(r":(8080|9100|9103)\b")
_RELOADED = re.compile(r"reload-(?:committed|failed)")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return [body for name, body in FENCE.findall(text) if name == language]


@dataclass
class Session:
    """One terminal. `ports` are the free ones by those of the page; `said` what each line printed."""

    folder: Path
    ports: dict[str, int]
    said: list[tuple[str, str]] = field(default_factory=list)
    gateway: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """That of a fresh shell in which gwc is installed."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GWC_")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
        return {**kept, "PATH": path, "XDG_RUNTIME_DIR": str(self.folder)}

    @property
    def told(self) -> str:
        """What the gateway wrote."""
        return (self.folder / "gateway.out").read_text("utf-8", "replace")

    def here(self, text: str) -> str:
        """A text of the page with the ports and the admin socket of this session."""
        text = text.replace("/run/gwc/admin.sock", f"{self.folder}/gwc/admin.sock")
        return _PORT.sub(lambda found: f":{self.ports[found[1]]}", text)

    def type(self, block: str) -> None:
        """Type the lines of a block."""
        for line in block.splitlines():
            self._type(line)
            self._replace_ports()

    def _type(self, line: str) -> None:
        found = _EXIT.search(line)
        words = self.here(_EXIT.sub("", line).split("  #")[0].strip())
        if words.startswith("curl ") and shutil.which("curl") is None:
            pytest.skip("`curl` is not installed")
        if words.startswith("gwc run ") and "--check-only" not in words:
            self.run(shlex.split(words))
            return
        if words == "gwc top":
            self._look_and_leave(words.split())
            return
        before = len(_RELOADED.findall(self.told)) if self.gateway else 0
        done = subprocess.run(
            ["bash", "-c", words],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LINE_S,
            check=False,
        )
        said = done.stdout.decode("utf-8", "replace")
        assert done.returncode == int(found[1] if found else 0), f"{words}: {done.returncode}\n{said}"
        self.said.append((words, said))
        if words.startswith("sed ") and self.gateway:
            self._replace_ports()
            self.until(lambda: len(_RELOADED.findall(self.told)) > before, "the edit is noticed")

    def run(self, words: list[str]) -> None:
        """Start a gateway and wait until it is ready."""
        with (self.folder / "gateway.out").open("wb") as output:
            self.gateway = subprocess.Popen(
                words, cwd=self.folder, env=self.environment, stdout=output, stderr=output
            )
        self.until(lambda: bool(re.search(r'"event":"ready"|info ready', self.told)), "the gateway is ready")

    def _look_and_leave(self, words: list[str]) -> None:
        """What runs until Ctrl-C: it shows something, and Ctrl-C leaves it with 0."""
        looking = subprocess.Popen(
            words, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            time.sleep(LOOK_S)
            assert looking.poll() is None
            looking.send_signal(signal.SIGINT)
            said, _ = looking.communicate(timeout=LINE_S)
        finally:
            looking.kill()
        assert looking.returncode == 0, said
        self.said.append((" ".join(words), said.decode()))

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for something that the gateway must do."""
        assert self.gateway is not None
        deadline = time.monotonic() + LINE_S
        while not holds():
            assert self.gateway.poll() is None, self.told
            assert time.monotonic() < deadline, f"not in {LINE_S:g} s: {what}\n{self.told}"
            time.sleep(0.01)

    def end(self) -> None:
        """Ctrl-C: it drains and leaves with 0."""
        if self.gateway is not None:
            self.gateway.send_signal(signal.SIGINT)
            assert self.gateway.wait(END_S) == 0, self.told
            assert "Traceback" not in self.told

    def output(self, words: str) -> list[str]:
        """What the lines that begin so printed, in order."""
        return [said for line, said in self.said if line.startswith(words)]

    def _replace_ports(self) -> None:
        """A configuration that a line wrote gets the ports of this session."""
        for path in self.folder.glob("*/gwc.kdl"):
            text = path.read_text("utf-8")
            if _PORT.search(text):
                path.write_text(self.here(text), "utf-8")


@contextlib.contextmanager
def session() -> Iterator[Session]:
    """A terminal in an empty folder; at its end the gateway is ended as Ctrl-C does it."""
    folder = Path(tempfile.mkdtemp(prefix="gwc-docs-"))
    opened = Session(folder, {port: _free_port() for port in ("8080", "9100", "9103")})
    try:
        yield opened
        opened.end()
    finally:
        if opened.gateway is not None and opened.gateway.poll() is None:
            opened.gateway.kill()
            opened.gateway.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
