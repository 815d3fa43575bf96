"""What the admin API shows of policies: references, never what somebody wrote out."""

from __future__ import annotations

import json

from gwc.compiler.pipeline import compile_text
from gwc.runtime.control.disclosure import config_of
from gwc.runtime.policies_shown import policies_shown

CANARY = "canary0123456789canary0123456789canary"
CONFIG = f"""
routes {{
    route "a" {{ respond
        authenticate {{
            api-key {{ key "k" "sha256:{"5" * 64}"; key "l" "${{env:HASH}}" }}
            jwt {{ issuer "i"; audience "a"; secret "{CANARY}" }}
            jwt {{ issuer "i"; audience "a"; secret "${{env:SECRET}}" }}
            jwt {{ issuer "i"; audience "a"; jwks-url "https://id.test/keys?token={CANARY}" }}
            forward-auth "https://auth.test/?api-key={CANARY}"
        }}
    }}
}}
"""


def test_secrets_that_were_written_out_are_not_shown() -> None:
    """Neither by the admin API nor by `explain`."""
    table = compile_text(CONFIG, "kdl").table
    assert table is not None
    shown = json.dumps(config_of(table, 0, 10))
    explained = json.dumps(policies_shown(table.settings_of_routes[table.routes[0].settings]))
    for each in (shown, explained):
        assert CANARY not in each
        assert "5" * 64 not in each
    assert "${env:SECRET}" in shown
    assert "${env:HASH}" in shown
