"""`gwc explain`, `gwc routes` and `gwc config` show the policies of a route."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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


REFUSING = """
listeners {
    listener "public" { address "127.0.0.1:8080" }
    listener "inside" { address "127.0.0.1:8081"; private #true }
}
routes {
    route "near" { matches { path "/near" }; authenticate "public"; allow "10.0.0.0/8"; respond }
    route "keys" { matches { path "/keys" }; authenticate { api-key file="keys" }; respond }
    route "numbers" { matches { path "/numbers" }; authenticate "public"; builtin "metrics" }
    route "rest" { respond }
}
"""

FORESEEN = [
    ("/near", "public", "10.1.2.3", None),
    ("/near", "public", "192.0.2.1", (403, "address-denied")),
    ("/rest", "public", "192.0.2.1", (401, "route-closed")),
    ("/keys", "public", "192.0.2.1", None),
    ("/numbers", "public", "192.0.2.1", (404, "not-private")),
    ("/numbers", "inside", "192.0.2.1", None),
]


@pytest.mark.parametrize(("path", "listener", "client", "refused"), FORESEEN)
def test_what_is_certain_to_be_refused(
    gwc: Gwc, tmp_path: Path, path: str, listener: str, client: str, refused: tuple[int, str] | None
) -> None:
    """A refusal that the head of a request is enough for is the decision."""
    config = tmp_path / "gwc.kdl"
    config.write_text(REFUSING, "utf-8")
    asked = ["explain", "-c", str(config), "GET", f"http://x{path}"]
    asked += ["--listener", listener, "--client-ip", client]
    shown = json.loads(gwc(*asked, "--format", "json").stdout)["decision"]
    assert (shown["kind"] == "rejected") == (refused is not None)
    text = gwc(*asked).stdout
    if refused is not None:
        assert (shown["status"], shown["reason"]) == refused
        assert f"decision  {refused[0]}: " in text
        assert f"({refused[1]})" in text


FILES = """
routes {
    route "site" {
        static-files "." { fallback "index.html" }
        compress { least "4KiB"; types "text/*" }
        error-pages { page 404 body="x"; page "5xx" body="y" }
    }
}
"""


def test_files_and_what_becomes_of_replies(gwc: Gwc, tmp_path: Path) -> None:
    """The directory, what is packed, and for which statuses there are pages."""
    config = tmp_path / "gwc.kdl"
    config.write_text(FILES, "utf-8")
    asked = ("explain", "-c", str(config), "GET", "http://x/a")
    shown = json.loads(gwc(*asked, "--format", "json").stdout)["decision"]
    assert (shown["kind"], shown["path"], shown["root"]) == ("static-files", "/a", ".")
    assert shown["policies"]["error-pages"] == {"pages": ["404", "500-599"]}
    text = gwc(*asked).stdout
    assert "answered with a file, /a below `.`" in text
    assert "static-files indexes index.html; fallback index.html" in text
    assert "compress encodings zstd br gzip; types text/*; least 4KiB" in text
