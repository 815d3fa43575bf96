"""The pages for those who come from elsewhere, and those of policies: what they show is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from gwc.cli.main import group
from gwc.compiler.pipeline import compile_text
from gwc.compiler.validate.shape import ObjectShape, Scalar, Tagged, language

from .session import blocks

DOCS = Path(__file__).resolve().parents[2] / "docs"
FOLDER = DOCS / "coming-from"
PEERS = ("nginx", "envoy", "caddy", "traefik", "zentinel")


def configuration(name: str) -> str:
    """The one configuration of a page."""
    (text,) = blocks((FOLDER / f"{name}.md").read_text("utf-8"), "kdl")
    return text


def test_there_is_a_page_for_each() -> None:
    """The folder has no other pages, and its own lists them all."""
    assert {each.stem for each in FOLDER.glob("*.md")} == {*PEERS, "README"}
    text = (FOLDER / "README.md").read_text("utf-8")
    assert all(f"({name}.md)" in text for name in PEERS)


@pytest.mark.parametrize("name", PEERS)
def test_the_configuration_checks_clean(name: str) -> None:
    """It has no error, no warning and no note."""
    assert compile_text(configuration(name), "kdl").diagnostics == ()


ASKED = [
    (
        "nginx",
        "public",
        "https://shop.example.com/api/orders/7?x",
        "api",
        {"upstream": "shop", "path": "/orders/7"},
    ),
    ("nginx", "public", "https://shop.example.com/static/a.css", "static", {"path": "/static/a.css"}),
    ("nginx", "public", "https://shop.example.com/health", "health", {"status": 200}),
    ("envoy", "public", "http://shop.example.com/api/orders/7", "orders", {"kind": "split"}),
    ("envoy", "public", "http://shop.example.com/apix", None, {"status": 404}),
    ("caddy", "public", "https://shop.example.com/api/x", "api", {"path": "/x"}),
    ("caddy", "public", "https://shop.example.com/admin", "site", {"kind": "static-files"}),
    ("caddy", "plain", "http://shop.example.com/a", None, {"status": 308}),
    ("traefik", "websecure", "https://shop.example.com/api/x", "api", {"path": "/x", "upstream": "orders"}),
    ("zentinel", "public", "http://a/api/x", "api", {"upstream": "backend", "path": "/api/x"}),
]


@pytest.mark.parametrize(("name", "listener", "url", "route", "wanted"), ASKED)
def test_what_the_configuration_does(
    tmp_path: Path, name: str, listener: str, url: str, route: str | None, wanted: dict[str, object]
) -> None:
    """It does what the other gateway's, above it, does."""
    path = tmp_path / "gwc.kdl"
    path.write_text(configuration(name), "utf-8")
    asked = ["explain", "-c", str(path), "--format", "json", "GET", url, "--listener", listener]
    if name == "envoy":
        asked += ["-H", "x-version: 2"]
    result = CliRunner().invoke(group, asked)
    assert result.exit_code == 0, result.output
    decision = json.loads(result.stdout)["decision"]
    assert decision["route"] == route
    assert {key: decision[key] for key in wanted} == wanted


def test_the_message_of_the_first_page(tmp_path: Path) -> None:
    """A foreign word is told as the page shows it."""
    (shown,) = blocks((FOLDER / "README.md").read_text("utf-8"), "text")
    path = tmp_path / "gwc.kdl"
    before, after = 'routes { route "r" { respond', "} }"
    path.write_text(before + "\n" * 12 + '        limit_req zone="a"\n' + after, "utf-8")
    said = CliRunner().invoke(group, ["check", str(path)]).output
    assert shown.strip() in said.replace(str(path), "gwc.kdl")


@pytest.mark.parametrize("name", PEERS)
def test_words_of_tables_are_in_the_language(name: str) -> None:
    """What the middle column calls ours and is written as one word is a key or a value of the schema."""
    known = {key for shape in language().objects.values() for key in (shape.name, *shape.keys, shape.tag)}
    known |= {found for shape in language().objects.values() for found in _nodes(shape)}
    text = (FOLDER / f"{name}.md").read_text("utf-8")
    for row in re.findall(r"^\|(?:\\\||[^|\n])+\|((?:\\\||[^|\n])+)\|", text, re.M):
        for code in re.findall(r"`([^`]+)`", row):
            first = re.split(r"[ {=\"]", code)[0]
            if re.fullmatch(r"[a-z][a-z0-9-]*", first) and first not in (
                "gwc",
                "x-forwarded-client-cert",
                "srv",
            ):
                assert first in known, (name, code)


def _nodes(shape: ObjectShape) -> set[str]:
    """The names of nodes in KDL lists of an object."""
    return {
        name for key in shape.keys.values() if isinstance(key.shape, Tagged) for name in key.shape.objects
    }


def test_the_page_about_builtins_has_all_of_them() -> None:
    """Its table has each, and its configuration checks clean."""
    text = (DOCS / "builtins.md").read_text("utf-8")
    (kdl,) = blocks(text, "kdl")
    assert compile_text(kdl, "kdl").diagnostics == ()
    named = re.findall(r"^\| `\"([a-z-]+)\"` \|", text, re.M)
    choices = language().objects["route"].keys["builtin"].shape
    assert isinstance(choices, Scalar)
    assert set(named) == set(choices.choices)
