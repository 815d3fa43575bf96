"""Requests by country, with a database that the test writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gwc.compiler.pipeline import compile_text
from gwc.runtime.filter import FilterContext, FilterFaulty, Refuse

from tests.mmdb import country_database

from .asking import Worker, request, run, settings_of

NETWORKS = {
    "10.0.0.0/8": "DE",
    "11.0.0.0/8": "KP",
    "12.1.0.0/16": "fr",
    "13.0.0.0/8": None,
    "2001:db8::/32": "DE",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the database."""
    (tmp_path / "c.mmdb").write_bytes(country_database(NETWORKS))
    return tmp_path


def _ask(root: Path, words: str, *contexts: FilterContext) -> list[Any]:
    """For each request the country that the upstream hears of, "" for none, or the refusal."""

    async def talk() -> list[Any]:
        worker = Worker(root)
        asked = await worker.made(settings_of(f'geo {{ database "c.mmdb"; {words} }}'))
        found: list[Any] = []
        for context in contexts:
            said = await asked.ask(context)
            assert context.removed == {"x-geoip-country"}
            found.append(said if said is not None else dict(context.set_fields).get("x-geoip-country", ""))
        worker.over()
        return found

    found: list[Any] = run(talk)
    return found


def _clients(root: Path, words: str) -> list[str]:
    clients = ["10.1.1.1", "2001:db8::1", "11.1.1.1", "12.1.1.1", "12.2.1.1", "13.1.1.1", "::1", None]
    said = _ask(root, words, *(request({"x-geoip-country": "US"}, client=each) for each in clients))
    return [each.reason if isinstance(each, Refuse) else each for each in said]


def test_the_country_of_a_client(folder: Path) -> None:
    """The upstream gets it, and never a client's own word for it."""
    assert _clients(folder, "") == ["DE", "DE", "KP", "FR", "", "", "", ""]
    (folder / "c.mmdb").write_bytes(country_database(NETWORKS, key="registered_country"))
    assert _clients(folder, "") == ["DE", "DE", "KP", "FR", "", "", "", ""]


NO = "country-denied"
LISTS = [
    ('block "kp"', ["DE", "DE", NO, "FR", "", "", "", ""]),
    ('block "KP"; unknown "deny"', ["DE", "DE", NO, "FR", NO, NO, NO, NO]),
    ('allow "DE" "FR"', ["DE", "DE", NO, "FR", NO, NO, NO, NO]),
    ('allow "DE"; unknown "allow"', ["DE", "DE", NO, NO, "", "", "", ""]),
    ('allow "DE" "FR"; block "FR"', ["DE", "DE", NO, NO, NO, NO, NO, NO]),
]


@pytest.mark.parametrize(("words", "expected"), LISTS)
def test_lists_of_countries(folder: Path, words: str, expected: list[str]) -> None:
    """`block` counts before `allow`; unknown countries are let in unless there is `allow`."""
    assert _clients(folder, words) == expected


def test_the_refusal(folder: Path) -> None:
    """Says why for the audit log, and to the client what the configuration says."""
    words = 'block "KP"; status 451; message "not there"'
    (said,) = _ask(folder, words, request(client="11.0.0.1"))
    assert (said.detail, said.status, said.message) == ("geo: block KP", 451, "not there")


def test_one_database_for_all_routes_until_it_changes(folder: Path) -> None:
    """A reload opens the file anew only where it is another one."""

    async def talk() -> None:
        worker = Worker(folder)
        settings = settings_of('geo { database "c.mmdb" }')
        first, second = await worker.made(settings), await worker.made(settings)
        assert first.filters[0]._database is second.filters[0]._database
        (folder / "new").write_bytes(country_database({"10.0.0.0/8": "AT"}))
        (folder / "new").replace(folder / "c.mmdb")
        third = await worker.made(settings)
        for asked, country in ((first, "DE"), (third, "AT")):
            context = request(client="10.0.0.1")
            assert await asked.ask(context) is None
            assert context.set_fields == [("x-geoip-country", country)]
        worker.over()

    run(talk)


def test_a_database_of_ipv4_addresses_knows_no_other(folder: Path) -> None:
    """And files that are no database refuse the table."""
    for content, why in (
        (b"", "is no MaxMind database"),
        (b"x" * 4096, "is no MaxMind database"),
        (None, "exist"),
    ):
        (folder / "c.mmdb").unlink()
        if content is not None:
            (folder / "c.mmdb").write_bytes(content)
        with pytest.raises(FilterFaulty, match=why):
            _ask(folder, "", request())
        (folder / "c.mmdb").touch()


@pytest.mark.parametrize(
    ("words", "code", "at"),
    [
        ('database "c.mmdb"; block "Germany"', "GWC371", "Germany"),
        ('database "c.mmdb"; allow "UK"', "GWC371", "UK"),
        ('database "c.mmdb"; status 200', "GWC2", "200"),
        ('database "c.mmdb"; unknown "maybe"', "GWC212", "maybe"),
        ('block "DE"', "GWC2", "geo"),
    ],
)
def test_bad_values_are_refused(words: str, code: str, at: str) -> None:
    """With the smallest span."""
    text = f'routes {{ route "r" {{ respond; geo {{ {words} }} }} }}'
    found = [each for each in compile_text(text, "kdl").diagnostics if each.severity.name == "ERROR"]
    assert [each.code[: len(code)] for each in found] == [code]
    assert [text[each.span.start : each.span.end].strip('"') for each in found if each.span] == [at]


def test_no_client_says_its_country_anywhere() -> None:
    """Where one route looks it up, the field is taken out on all."""
    text = (
        'routes { route "a" { geo { database "c" }; respond }; route "b" { matches { path "/" }; respond } }'
    )
    table = compile_text(text, "kdl").table
    assert table is not None
    policies = [table.settings_of_routes[each.settings].authentication for each in table.routes]
    assert [each and each.strips for each in policies] == [("x-geoip-country",)] * 2
