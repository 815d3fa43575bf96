"""The agent of samples/agent, with the samples' own server behind the gateway."""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.e2e.harness import gateway
from tests.e2e.raw import ask, chunked, get, post

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
CARD = b"4111 1111 1111 1234"


@pytest.mark.parametrize("form", ["gwc.kdl", "yaml/gwc.yaml"])
def test_a_shield(form: str, tmp_path: Path) -> None:
    """What looks like SQL is refused, in a query and in a body; cards in replies are masked."""
    ports = [_free(), _free()]
    programs = [
        subprocess.Popen(command, stdout=subprocess.PIPE)
        for command in (
            [sys.executable, str(SAMPLES / "upstreams.py"), f"orders={ports[0]}"],
            [sys.executable, str(SAMPLES / "agent" / "shield.py"), str(ports[1])],
        )
    ]
    text = (SAMPLES / "agent" / form).read_text("utf-8").replace("127.0.0.1:8080", "%public%")
    for port, known in zip(ports, ("9103", "9200"), strict=True):
        text = text.replace(f"127.0.0.1:{known}", f"127.0.0.1:{port}")
    text = text.replace("500ms", "5s")  # a machine that does much else
    try:
        for each in programs:
            assert each.stdout is not None
            assert each.stdout.readline()
        (tmp_path / Path(form).name).write_text(text, "utf-8")
        with gateway(tmp_path) as running:
            address = running.address()
            plain = ask(address, get("/orders/7"))
            assert json.loads(plain.body)["headers"]["x-shield"] == "passed"
            assert ask(address, get("/orders?q=1;drop+table+orders")).status == 403
            assert ask(address, post("/orders", b"id=1 or 1=1"), b"POST").status == 403
            echoed = ask(address, post("/orders", b"card " + CARD + b" please"), b"POST")
            assert echoed.status == 200
            assert "card **** 1234 please" in json.loads(echoed.body)["body"]
            streamed = ask(address, chunked("/orders", [b"card ", CARD]), b"POST")
            assert json.loads(streamed.body)["body"] == "card **** 1234"
    finally:
        for each in programs:
            each.kill()
            each.communicate()


def test_the_words_of_the_kit() -> None:
    """Each decision is one that the gateway understands."""
    from gwc.runtime.filters.agent_words import read_answer

    kit = _module()
    said = kit.block(429, b"slow", "too fast", retry_after="1").content()
    verdict = read_answer(said, "request-headers", end=True)
    assert (verdict.action, verdict.status, verdict.body, verdict.reason) == (
        "block",
        429,
        b"slow",
        "too fast",
    )
    assert verdict.fields == (("retry-after", "1"),)
    moved = read_answer(kit.redirect("/x", 307).content(), "response-headers", end=True)
    assert (moved.action, moved.status, moved.fields) == ("redirect", 307, (("location", "/x"),))
    assert read_answer(kit.more().content(), "response-body", end=False).action == "more"
    changed = kit.Decision(set_request={"a": "1"}, remove_response=["b"], body=b"", done=True)
    verdict = read_answer(changed.content(), "request-body", end=True)
    assert verdict.request is not None
    assert verdict.response is not None
    assert (verdict.request.set, verdict.response.remove) == ((("a", "1"),), ("b",))
    assert (verdict.body, verdict.done) == (b"", True)
    assert read_answer(kit.Decision().content(), "request-headers", end=True).action == "continue"


def _module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("agent_kit", SAMPLES / "agent" / "kit.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules["agent_kit"] = found
    spec.loader.exec_module(found)
    return found


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
    return port
