"""Requests by country on a running gateway."""

from __future__ import annotations

from pathlib import Path

from tests.mmdb import country_database

from ..harness import gateway, until
from ..raw import ask, get
from ..upstream import upstream
from .keys import shows

CONFIG = """
listeners {{ listener "public" {{ address "%public%"; trusted-proxies "127.0.0.1" }} }}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
defaults {{ upstream "origin" }}
routes {{
    route "usual" {{ matches {{ path "/usual" }}; geo {{ database "{database}" }} }}
    route "block" {{ matches {{ path "/block" }}
        geo {{ database "{database}"; block "KP" "IR"; status 451; message "not from there" }} }}
    route "allow" {{ matches {{ path "/allow" }}; geo {{ database "{database}"; allow "DE" }} }}
    route "unknown" {{ matches {{ path "/unknown" }}; geo {{ database "{database}"; unknown "deny" }} }}
    route "other" {{ matches {{ path "/other" }} }}
}}
"""


@shows("route.geo.{,database,block,allow,unknown,status,message}")
def test_countries(tmp_path: Path) -> None:
    """Lists let in and keep out; the upstream hears the country; a new database counts by itself."""
    database = tmp_path / "c.mmdb"
    database.write_bytes(country_database({"10.0.0.0/8": "DE", "11.0.0.0/8": "KP"}))
    with upstream() as origin, gateway(CONFIG.format(origin=origin.address, database=database)) as running:

        def status(path: str, client: str) -> int:
            fields = (f"X-Forwarded-For: {client}", "X-GeoIP-Country: US")
            return ask(running.address(), get(path, *fields)).status

        def heard() -> list[str]:
            return origin.requests[-1].values("x-geoip-country")

        clients = ("10.0.0.1", "11.0.0.1", "12.0.0.1")
        assert [status("/block", each) for each in clients] == [200, 451, 200]
        assert [status("/allow", each) for each in clients] == [200, 403, 403]
        assert [status("/unknown", each) for each in clients] == [200, 200, 403]
        reply = ask(running.address(), get("/block", "X-Forwarded-For: 11.0.0.1"))
        assert b"not from there" in reply.body
        said = []
        for client in clients:
            assert status("/usual", client) == 200
            said.append(heard())
        assert said == [["DE"], ["KP"], []]
        assert (status("/other", "10.0.0.1"), heard()) == (200, [])
        assert running.access_lines_for("/block", 4)[1]["reason"] == "country-denied"
        new = tmp_path / "new"
        new.write_bytes(country_database({"10.0.0.0/8": "AT"}))
        new.replace(database)
        until(lambda: status("/allow", "10.0.0.1") == 403, "the new database counts")
