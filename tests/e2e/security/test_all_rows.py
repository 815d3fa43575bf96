"""That every row of the table of security defaults has a test that is named after it."""

from __future__ import annotations

import re
from pathlib import Path

ROWS = (
    "request_head", "framing", "body", "chunks", "paths", "host_and_sni", "client_identity",
    "dangerous_fields", "http2", "connections", "timeouts", "ssrf", "auth", "upstream_trust", "secrets",
    "admin_api", "redos_and_config_dos", "logs_and_errors", "process",
)  # fmt: skip
"""The topics, in the order of the table."""


def test_every_row_has_a_test() -> None:
    """By its name, in one of the modules beside this one."""
    text = "".join(each.read_text("utf-8") for each in Path(__file__).parent.glob("test_*_table.py"))
    found = set(re.findall(r"^def test_([a-z0-9_]+)\(", text, re.MULTILINE))
    assert [row for row in ROWS if row not in found] == []
