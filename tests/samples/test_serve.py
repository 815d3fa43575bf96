"""What `make run` starts and prints: every line works when it is copied, edits show, mistakes are told."""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVE = ROOT / "samples" / "serve.py"
START_S = 30.0
SOON_S = 10.0


@dataclass
class Served:
    """The program as it runs: what it printed is in a file."""

    process: subprocess.Popen[bytes]
    config: Path
    output: Path
    environment: dict[str, str]

    @property
    def printed(self) -> str:
        """All of it, errors too."""
        return self.output.read_text("utf-8", "replace")

    def lines(self, program: str) -> list[str]:
        """The commands to copy whose program ends in this name."""
        commands = [line.strip() for line in self.printed.splitlines() if line.startswith("  ")]
        return [line for line in commands if shlex.split(line)[0].endswith(program)]

    def notice(self) -> str:
        """What /notice answers."""
        (line,) = (each for each in self.lines("curl") if each.endswith("/notice"))
        return _ask(line)

    def edit(self, old: str, new: str) -> None:
        """Replace a text of the configuration, as an editor does it."""
        text = self.config.read_text("utf-8")
        assert old in text
        beside = self.config.with_suffix(".tmp")
        beside.write_text(text.replace(old, new), "utf-8")
        beside.replace(self.config)

    def until(self, holds: Callable[[], bool]) -> float:
        """Wait for something; the seconds that it took."""
        began = time.monotonic()
        while not holds():
            assert time.monotonic() - began < SOON_S, self.printed[-3000:]
            assert self.process.poll() is None, self.printed[-3000:]
            time.sleep(0.01)
        return time.monotonic() - began


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The program on free ports, with a copy of its sample."""
    folder = tmp_path_factory.mktemp("serve")
    shutil.copytree(ROOT / "samples" / "shop", folder / "shop")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GWC_")}
    environment["XDG_RUNTIME_DIR"] = str(folder)
    port, others = _free_ports(1), _free_ports(6)
    command = [sys.executable, str(SERVE), "--config", str(folder / "shop")]
    command += ["--port", str(port), "--others", str(others)]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment, cwd=ROOT)
    running = Served(process, folder / "shop" / "gwc.kdl", folder / "output", environment)
    try:
        deadline = time.monotonic() + START_S
        while "Ctrl-C ends" not in running.printed:
            assert process.poll() is None, running.printed
            assert time.monotonic() < deadline, running.printed
            time.sleep(0.02)
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(SOON_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def test_every_printed_curl_line_works(served: Served) -> None:
    """Each, as it is copied, is answered by the server that its route names, or by the gateway."""
    answers = [_ask(line) for line in served.lines("curl")]
    catalog, canary, orders, moved, payments, notice, nothing, metrics = answers
    assert json.loads(catalog)["server"] in ("catalog-1", "catalog-2")
    assert json.loads(catalog)["target"] == "/catalog/17?size=m"
    assert json.loads(canary)["server"] == "orders-next"
    assert json.loads(orders)["server"] in ("orders", "orders-next")
    assert (json.loads(moved)["server"], json.loads(moved)["target"]) == ("orders", "/orders/17")
    said = json.loads(payments)
    assert (said["server"], said["target"]) == ("payments", "/payments/review")
    assert said["body"] == "amount=1500"
    assert notice == "open until 18:00\n"
    assert json.loads(nothing)["status"] == 404
    assert 'gwc_requests_total{route="catalog",method="GET",status="2xx"}' in metrics


def test_a_session_keeps_its_part(served: Served) -> None:
    """The line with the cookie is answered by one server, however often it is asked."""
    (line,) = (each for each in served.lines("curl") if "--cookie" in each)
    assert len({json.loads(_ask(line))["server"] for _ in range(5)}) == 1


def test_every_printed_gwc_line_works(served: Served) -> None:
    """`gwc status`, `top` and `explain` find the gateway and the configuration that were meant."""
    lines = served.lines("gwc")
    assert [shlex.split(line)[1] for line in lines] == ["status", "top", "explain"]
    for line in lines:
        words = shlex.split(line) + (["--once"] if line.endswith(" top") else [])
        done = subprocess.run(
            words, env=served.environment, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "generation" in done.stdout or "orders-next" in done.stdout


def test_an_edit_is_served_within_a_second(served: Served) -> None:
    """Of three edits, the middle one took less than a second until it was served."""
    took = []
    for old, new in (("18:00", "19:00"), ("19:00", "20:00"), ("20:00", "18:00")):
        served.edit(old, new)
        took.append(served.until(lambda new=new: new in served.notice()))  # type: ignore[misc]  # the loop's value
    assert sorted(took)[1] < 1.0, took


def test_a_broken_edit_is_told_with_its_line_and_the_old_answer_stays(served: Served) -> None:
    """The printed output names file, line and column; repaired, the file is served again."""
    line = next(
        number
        for number, text in enumerate(served.config.read_text().splitlines(), start=1)
        if "respond {" in text
    )
    served.edit("respond {", "responds {")
    place = re.compile(rf"{re.escape(str(served.config))}:{line}:\d+")
    served.until(lambda: bool(place.search(served.printed)))
    assert "did you mean `respond`?" in served.printed
    assert served.notice() == "open until 18:00\n"
    served.edit("responds {", "respond {")
    served.edit("18:00", "21:00")
    served.until(lambda: "21:00" in served.notice())


def test_a_port_that_is_taken_is_named(served: Served) -> None:
    """A second one on the same port, or on another's, says which port and what to type; it starts nothing."""
    taken = urlsplit(shlex.split(served.lines("curl")[0])[-1]).port
    for option, word in (("--port", "PORT"), ("--others", "OTHERS")):
        command = [sys.executable, str(SERVE), "--port", str(_free_ports(1)), option, str(taken)]
        done = subprocess.run(
            command, env=served.environment, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 2
        assert f"port {taken} of 127.0.0.1 is taken" in done.stderr
        assert f"make run {word}=" in done.stderr


def test_ctrl_c_ends_all_of_it(served: Served) -> None:
    """SIGINT: exit 0, and neither the gateway nor a server listens any more."""
    ports = {urlsplit(shlex.split(line)[-1]).port for line in served.lines("curl")}
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(SOON_S) == 0, served.printed[-3000:]
    assert "has drained and ended" in served.printed
    assert "Traceback" not in served.printed
    for port in ports:
        with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port or 0), 2):
            pass


def _ask(line: str) -> str:
    """What a printed curl line answers: by curl, or as curl would where there is none."""
    words = shlex.split(line)
    if shutil.which("curl"):
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, line
        return done.stdout
    url = urlsplit(words[-1])
    headers, data = {}, None
    options = iter(words[1:-1])
    for option in options:
        if option == "-H":
            name, _, value = next(options).partition(": ")
            headers[name] = value
        elif option == "--cookie":
            headers["cookie"] = next(options)
        elif option == "--data":
            data = next(options)
        else:
            assert option == "-s", line
    connection = http.client.HTTPConnection(url.netloc, timeout=30)
    try:
        target = url.path + (f"?{url.query}" if url.query else "")
        connection.request("GET" if data is None else "POST", target, data, headers)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def _free_ports(number: int) -> int:
    """The first of so many free ports in a row."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            start: int = first.getsockname()[1]
            try:
                for port in range(start + 1, start + number):
                    socket.create_server(("127.0.0.1", port)).close()
            except (OSError, OverflowError):
                continue
        return start
