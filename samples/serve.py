"""What `make run` runs: a gateway on samples/shop with servers behind it, and what to try on it.

    python samples/serve.py [--port 8080] [--others 9100] [--config samples/shop]

Starts the servers that samples/shop forwards to (samples/upstreams.py), then `gwc run`, and prints commands
to copy. Nothing but loopback is used. Ctrl-C ends all of it.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import upstreams

HERE = Path(__file__).resolve().parent
GWC = str(Path(sys.executable).parent / "gwc")
HOST = upstreams.HOST
SITE = "shop.example.com"
PORT, OTHERS = 8080, 9100
"""As samples/shop/gwc.kdl has them: the gateway, and its metrics with the servers after them."""
SERVERS = {
    "catalog": ("catalog-1", "catalog-2"),
    "orders": ("orders",),
    "orders-next": ("orders-next",),
    "payments": ("payments",),
}
"""The upstreams of samples/shop, with a server for each target in the order of their ports."""
START_S = 30.0
TAKEN = 2


def main() -> int:
    """Serve until Ctrl-C (0), or say why not: 2 where a port is taken, else the gateway's own code."""
    asked = _arguments()
    # The metrics have the first of the other ports.
    ports = {name: port for port, name in enumerate(sum(SERVERS.values(), ()), start=asked.others + 1)}
    for port, word in [(asked.port, "PORT"), (asked.others, "OTHERS")]:
        if not _is_free(port):
            return _taken(port, word)
    try:
        upstreams.start(ports)
    except OSError:
        return _taken(next((port for port in ports.values() if not _is_free(port)), asked.others), "OTHERS")
    command = [GWC, "run", asked.config, "--drain-timeout", "5s"]
    settings = [f"{log}.format=text" for log in ("access-log", "error-log", "audit-log")]
    if asked.port != PORT:
        settings.append(f"listeners.public.address={HOST}:{asked.port}")
    if asked.others != OTHERS:
        settings.append(f"metrics.address={HOST}:{asked.others}")
        for upstream, servers in SERVERS.items():
            places = ",".join(f"{HOST}:{ports[server]}" for server in servers)
            settings.append(f"upstreams.{upstream}.targets={places}")
    command += [word for each in settings for word in ("--set", each)]
    return _serve(command, asked)


def _serve(command: list[str], asked: argparse.Namespace) -> int:
    """Run the gateway, print what to try once it answers, and wait for its end."""
    print(f"$ {shlex.join(['gwc', *command[1:]])}", flush=True)
    # A process group of its own: Ctrl-C reaches this program alone, which then has the gateway drain.
    running = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
    ended = False

    def end(_signal: int, _frame: object) -> None:
        nonlocal ended
        ended = True
        with suppress(ProcessLookupError):
            running.send_signal(signal.SIGTERM)

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, end)
    try:
        if not _answers(running, asked.port):
            return _end_of(running, ended)
        if not ended:
            print(_what_to_try(asked), flush=True)
        code = running.wait()
        if ended and code == 0:
            print("The gateway has drained and ended.", flush=True)
        return code
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()


def _what_to_try(asked: argparse.Namespace) -> str:
    """The text for people; the lines that begin with two spaces are commands to copy."""
    site = f"http://{HOST}:{asked.port}"
    curl = f"curl -s -H 'host: {SITE}'"
    gwc = os.path.relpath(GWC)
    file = os.path.join(asked.config, "gwc.kdl")
    return f"""
The gateway serves {file} at {site}. Its servers say who they are and what they got. In another terminal:

  {curl} '{site}/catalog/17?size=m'
  {curl} -H 'x-canary: 1' {site}/orders/7
  {curl} --cookie session=anna {site}/orders/7
  {curl} {site}/api/v1/orders/17
  {curl} -H 'x-amount: 1500' --data 'amount=1500' {site}/payments
  {curl} {site}/notice
  {curl} {site}/nothing-here
  curl -s http://{HOST}:{asked.others}/metrics

  {gwc} status
  {gwc} top
  {gwc} explain -c {asked.config} GET http://{SITE}:{asked.port}/orders/7

Change something: edit the text of route `notice` in {file}, save it, and ask for /notice again.
It is served within a second. Break something: write `responds` for `respond`. The gateway answers as before,
and says here which line of which file is wrong.

Ctrl-C ends the gateway and its servers.
"""


def _answers(running: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the gateway says that it is ready; False where it ended before."""
    deadline = time.monotonic() + START_S
    while running.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/-/ready", timeout=2):
                return True
        except OSError:
            if time.monotonic() > deadline:
                print(f"the gateway does not answer after {START_S:.0f} s", file=sys.stderr)
                return False
            time.sleep(0.05)
    return False


def _end_of(running: subprocess.Popen[bytes], ended: bool) -> int:
    if running.poll() is None:
        running.terminate()
    code = running.wait()
    return code if ended else code or 1


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _taken(port: int, word: str) -> int:
    option = f"--{word.lower()}"
    print(
        f"port {port} of {HOST} is taken; choose another: `make run {word}={port + 100}`, "
        f"or `{option} {port + 100}` of this program",
        file=sys.stderr,
    )
    return TAKEN


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A gateway on samples/shop, with servers behind it.")
    parser.add_argument("--port", type=int, default=PORT, help=f"the gateway's port (default {PORT})")
    parser.add_argument(
        "--others",
        type=int,
        default=OTHERS,
        help=f"the port of its metrics; the servers have the five after it (default {OTHERS})",
    )
    parser.add_argument(
        "--config", default=os.path.relpath(HERE / "shop"), help="a copy of samples/shop to serve instead"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
