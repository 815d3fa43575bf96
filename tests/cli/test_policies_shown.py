"""`gwc explain`, `gwc routes` and `gwc config` show the policies of a route."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Gwc

LISTS = """
listeners { listener "public" { address "127.0.0.1:8080" } }
defaults { deny "10.0.0.0/8" }
routes {
    route "a" { matches { path "/a" }; deny "12.0.0.0/8"; respond }
    route "rest" { allow "14.0.0.1" "::/0"; builtin "echo" }
}
"""


def test_lists_of_addresses(gwc: Gwc, tmp_path: Path) -> None:
    """Inherited ones too, and for an action that is the gateway's own."""
    config = tmp_path / "gwc.kdl"
    config.write_text(LISTS, "utf-8")
    place = ("-c", str(config))
    assert (
        "allow 14.0.0.1/32 ::/0\n          deny 10.0.0.0/8\n"
        in gwc("explain", "GET", "http://x/", *place).stdout
    )
    shown = json.loads(gwc("explain", "GET", "http://x/a", *place, "--format", "json").stdout)
    assert shown["decision"]["policies"] == {"deny": ["12.0.0.0/8"]}
    assert "builtin echo with allow, deny" in gwc("routes", *place).stdout
    (entry, _) = json.loads(gwc("routes", *place, "--format", "json").stdout)["alternatives"]
    assert entry["policies"] == ["deny"]
    assert "routes.rest.deny" in gwc("config", *place).stdout
