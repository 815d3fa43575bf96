"""Who is let in: by address."""

from __future__ import annotations

from ..harness import Gateway, Line, gateway, until
from ..raw import ask, get
from .keys import shows

ADDRESSES = """
listeners {
    listener "public" { address "%public%"; trusted-proxies "127.0.0.1" }
}
routes {
    route "allow" { matches { path "/allow" }; allow "127.0.0.0/8" "10.0.0.0/8"; respond }
    route "deny" { matches { path "/deny" }; deny "10.1.0.0/16"; respond }
    route "rest" { respond }
}
"""


def audit(running: Gateway, number: int) -> list[Line]:
    """That many lines about refusals; waits for them."""

    def found() -> list[Line]:
        return [line for line in running.error_lines() if line.get("type") == "refusal"]

    until(lambda: len(found()) >= number, f"{number} refusals in the audit log")
    return found()


@shows("route.{allow,deny}")
def test_clients_by_address() -> None:
    """Those in `deny` and those not in `allow` get 403 with a reason; the audit log names the network."""
    with gateway(ADDRESSES) as running:

        def status(path: str, client: str) -> int:
            return ask(running.address(), get(path, f"X-Forwarded-For: {client}")).status

        assert [status("/allow", each) for each in ("10.9.9.9", "127.0.0.1", "11.1.1.1")] == [200, 200, 403]
        assert [status("/deny", each) for each in ("10.9.9.9", "10.1.0.1", "2001:db8::1")] == [200, 403, 200]
        line = running.access_line(lambda line: line["path"] == "/deny" and line["status"] == 403)
        assert (line["reason"], line["client_ip"]) == ("address-denied", "10.1.0.1")
        refusals = audit(running, 2)
        assert [(each["reason"], each["rule"], each["client"], each["route"]) for each in refusals] == [
            ("address-denied", "not in allow", "11.1.1.1", "allow"),
            ("address-denied", "deny 10.1.0.0/16", "10.1.0.1", "deny"),
        ]
