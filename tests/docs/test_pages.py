"""The pages about the running gateway: their commands run, their tables are those of the code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from gwc.cli.commands.run import command as run_command
from gwc.compiler.pipeline import compile_text
from gwc.runtime.observe.access import AccessLog
from gwc.runtime.observe.families import FAMILIES
from gwc.runtime.observe.reasons import REASONS, REFUSALS
from gwc.runtime.observe.record import RequestRecord
from gwc.runtime.tls_session import TlsSession
from gwc.schema.table import LogRecord

from .session import blocks, session

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
RUNNING, SERVING, OBSERVING, ADMIN = (
    (ROOT / "docs" / f"{name}.md").read_text("utf-8") for name in ("running", "serving", "observing", "admin")
)
STREAMING = (ROOT / "docs" / "streaming.md").read_text("utf-8")
EGRESS = (ROOT / "docs" / "egress.md").read_text("utf-8")
WEBSOCKET = (ROOT / "docs" / "websocket.md").read_text("utf-8")
TLS = (ROOT / "docs" / "tls.md").read_text("utf-8")
BALANCING, HEALTH = ((ROOT / "docs" / f"{name}.md").read_text("utf-8") for name in ("balancing", "health"))
AGENTS = (ROOT / "docs" / "agents.md").read_text("utf-8")
CHANGING = re.compile(r"[0-9a-f]{32}|-[0-9a-f]{16}-")
"""Ids."""


def test_five_minutes_with_the_readme() -> None:
    """Its lines in order: an edit shows, a broken one does not and is told, metrics appear, back it goes."""
    with session() as terminal:
        for block in blocks(README, "sh"):
            if not block.startswith("make"):
                terminal.type(block)
        assert terminal.output("curl -s")[:3] == ["hello\n", "good morning\n", "good morning\n"]
        assert terminal.output("curl -s")[-1] == "hello\n"
        assert "did you mean `respond`?" in terminal.output("gwc check")[-1]
        broken, repaired = terminal.output("gwc status")
        assert re.search(r"gwc\.kdl:[0-9]+:[0-9]+: `responds` is not a key", broken)
        assert "stale" in broken
        assert "stale" not in repaired
        assert "gwc_requests_total{" in terminal.output("curl -s")[3]
        unchanged, back = terminal.output("gwc reload")
        assert unchanged.startswith("unchanged")
        assert back.startswith("reloaded")


def test_the_lines_about_running() -> None:
    """A gateway is started, asked, reloaded and gone back with; a built table would start."""
    with session() as terminal:
        for block in blocks(RUNNING, "sh"):
            terminal.type(block)
        assert (terminal.folder / "state" / "state.json").exists()
        assert "2 of 2" in terminal.output("gwc status")[0]


def test_the_lines_about_observing() -> None:
    """On a gateway with metrics."""
    with session() as terminal:
        terminal.type('gwc init demo\nsed -i.bak "s|// metrics|metrics|" demo/gwc.kdl\ngwc run demo')
        for block in blocks(OBSERVING, "sh"):
            terminal.type(block)
        (metrics,) = terminal.output("curl -s")
        told = set(re.findall(r"^# TYPE (\S+)", metrics, re.M))
        assert told == {family.name for family in FAMILIES if family.told}


def test_the_lines_about_the_admin_api() -> None:
    """On a gateway that has the target of the page, and that has served three generations."""
    with session() as terminal:
        config = terminal.folder / "page"
        config.mkdir()
        text = (
            'listeners { listener "public" { address "127.0.0.1:8080" } }\n'
            'upstreams { upstream "orders" { target "10.0.0.1:8080" } }\n'
            'routes { route "orders" { upstream "orders"; priority 1 } }\n'
        )
        (config / "gwc.kdl").write_text(terminal.here(text), "utf-8")
        terminal.type("gwc run page")
        for number in (1, 2):
            terminal.type(f"sed -i.bak 's/priority {number}/priority {number + 1}/' page/gwc.kdl")
        for block in blocks(ADMIN, "sh"):
            terminal.type(block)
        unchanged, back = terminal.output("gwc reload")
        assert unchanged.startswith("unchanged: generation 3")
        assert back.startswith(("reloaded", "unchanged"))
        # What curl says about its progress comes first.
        status, drained = (said[said.index("{") :] for said in terminal.output("curl"))
        assert json.loads(status)["ready"] is True
        assert json.loads(drained)


def test_what_arrives_is_what_the_page_about_serving_shows() -> None:
    """Its configuration, its line, and one of the samples' servers: all but the ids is as printed."""
    with session() as terminal:
        config = terminal.folder / "page"
        config.mkdir()
        (config / "gwc.kdl").write_text(terminal.here(blocks(SERVING, "kdl")[0]), "utf-8")
        server = subprocess.Popen(
            [sys.executable, str(ROOT / "samples" / "upstreams.py"), f"orders={terminal.ports['9103']}"],
            stdout=subprocess.PIPE,
        )
        try:
            assert server.stdout is not None
            assert b"answers" in server.stdout.readline()
            terminal.type("gwc run page")
            for block in blocks(SERVING, "sh"):
                terminal.type(block)
        finally:
            server.kill()
            server.communicate()
        arrived, refused = terminal.output("curl")
        shown, shown_refusal = (terminal.here(each) for each in blocks(SERVING, "json"))
        assert CHANGING.sub("", arrived) == CHANGING.sub("", shown)
        assert CHANGING.sub("", refused) == CHANGING.sub("", shown_refusal)


@pytest.mark.parametrize(
    "page",
    [RUNNING, SERVING, OBSERVING, WEBSOCKET, EGRESS, TLS, STREAMING, BALANCING, HEALTH, AGENTS],
    ids=[
        "running",
        "serving",
        "observing",
        "websocket",
        "egress",
        "tls",
        "streaming",
        "balancing",
        "health",
        "agents",
    ],
)
def test_configurations_of_the_pages_check_clean(page: str) -> None:
    """Each is whole, and has no finding."""
    found = blocks(page, "kdl")
    assert found
    for text in found:
        assert compile_text(text, "kdl").diagnostics == ()


def test_the_reasons_are_those_that_there_are() -> None:
    """Every reason with its status, and whether it is in the audit log; none that is not there."""
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([0-9]{3}) \| (yes)? *\| \S", SERVING, re.M)
    assert len(rows) == len({name for name, _, _ in rows})
    assert {name: int(status) for name, status, _ in rows} == dict(REASONS)
    assert {name for name, _, audit in rows if audit} == REFUSALS


def test_the_metrics_are_those_that_there_are() -> None:
    """Every metric with its kind, labels and help; none that is not there."""
    rows = re.findall(r"^\| `(gwc_\w+)` \| (\w+) \| ?(.*?) ?\| (.*) \|$", OBSERVING, re.M)
    assert {
        (name, kind, tuple(re.findall(r"`(\w+)`", labels)), said) for name, kind, labels, said in rows
    } == {(family.name, family.kind, family.labels, family.help) for family in FAMILIES if family.told}


def test_the_fields_of_the_access_log_are_those_that_there_are() -> None:
    """The example has them in their order, and the table explains each."""
    lines: list[bytes] = []
    AccessLog(LogRecord(None), "worker-0", lines.append).tell(RequestRecord())
    fields = list(json.loads(lines[0]))
    assert list(json.loads(blocks(OBSERVING, "json")[0])) == fields
    section = OBSERVING[OBSERVING.index("### The access log") : OBSERVING.index("### The error log")]
    explained = [
        name for cell in re.findall(r"^\| (`.*?) \|", section, re.M) for name in re.findall(r"`(\w+)`", cell)
    ]
    record = RequestRecord()
    record.session = TlsSession("TLSv1.3", "TLS_AES_128_GCM_SHA256", "a.test", None)
    AccessLog(LogRecord(None), "worker-0", lines.append).tell(record)
    assert sorted(explained) == sorted(json.loads(lines[1]))


def test_every_variable_of_gwc_run_is_explained() -> None:
    """Those of its options are in the table, and each variable of the table is read somewhere."""
    table = set(re.findall(r"^\| `(GWC_\w+)`", RUNNING, re.M))
    of_options = {
        str(each.envvar) for each in run_command.params if isinstance(each, click.Option) and each.envvar
    }
    assert of_options <= table
    sources = "".join(
        path.read_text("utf-8")
        for folder in ("tools/cli", "runtime", "compiler")
        for path in (ROOT / folder).rglob("*.py")
    )
    for name in table:
        assert name.removesuffix("PATH") in sources, name


def test_links_within_the_documentation_lead_to_places() -> None:
    """A link with `#place` names a heading or an anchor of its page."""
    for page in (ROOT / "docs").glob("*.md"):
        for target, place in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text("utf-8")):
            text = ((page.parent / target) if target else page).read_text("utf-8")
            headings = {
                re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-")
                for line in re.findall(r"^#+ (.*)$", text, re.M)
            }
            assert place in headings or f'id="{place}"' in text, f"{page.name}: {target}#{place}"


def test_the_readme_leads_to_every_page() -> None:
    """Nobody has to find a page by chance."""
    linked = set(re.findall(r"\]\((docs/[^)#]+)(?:#[^)]*)?\)", README))
    pages = {each.relative_to(ROOT).as_posix() for each in (ROOT / "docs").glob("*.md")}
    assert pages - linked == set()
