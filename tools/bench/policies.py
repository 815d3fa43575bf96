"""What each policy of a route costs: microseconds of CPU time a request, asked by itself in one process.

Owns the cases and the timing. A filter is made as a worker makes it and given the same request again and
again, so this is the cost of who comes back: `first` is that of who comes for the first time, where it is
another. What the rest of a request takes is `proxy.py`'s. Prints JSON. `python -m tools.bench.policies
[country.mmdb]`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from statistics import median
from typing import Any, Final, cast

from gwc.compiler.pipeline import compile_text
from gwc.runtime.filter import FilterContext
from gwc.runtime.filters.build import Making, filters_of
from gwc.runtime.filters.keeping import Keeping
from gwc.runtime.observe.observing import Silent
from gwc.runtime.observe.record import RequestRecord
from gwc.runtime.plan import Plan
from gwc.runtime.secrets import Secrets
from gwc.runtime.sides import Services
from gwc.runtime.state.buckets import Buckets
from gwc.schema.request import RequestHead

_TURNS: Final = 4000
_ROUNDS: Final = 7
_SECRET: Final = "0123456789abcdef0123456789abcdef"
_KEY: Final = "a-key-that-nobody-guesses"


@dataclass(frozen=True, slots=True)
class Case:
    """A policy as a route says it, and the request's fields. `anew` makes what was known of it forgotten."""

    words: str
    headers: Mapping[str, str]
    turns: int = _TURNS
    anew: str = ""


def cases(root: Path) -> dict[str, Case]:
    """Every policy that is measured; files go to `root`."""
    import bcrypt
    import jwt
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    claims = {"iss": "i", "aud": "a", "sub": "ann", "scope": "read", "exp": int(time.time()) + 3600}
    found = {
        "allow, 2 networks": Case('allow "10.0.0.0/8" "127.0.0.0/8"', {}),
        "deny, 1000 networks": Case(
            "deny " + " ".join(f'"11.{each // 256}.{each % 256}.0/25"' for each in range(1000)), {}
        ),
        "authenticate public": Case('authenticate "public"', {}),
    }
    lines = [f"n{each}:{hashlib.sha256(str(each).encode()).hexdigest()}" for each in range(1000)]
    lines.append(f"ci:{hashlib.sha256(_KEY.encode()).hexdigest()}")
    (root / "keys").write_text("\n".join(lines))
    found["api-key, 1001 keys"] = Case('authenticate { api-key file="keys" }', {"x-api-key": _KEY})
    (root / "users").write_bytes(b"ann:" + bcrypt.hashpw(b"open", bcrypt.gensalt(10)))
    basic = {"authorization": "Basic " + base64.b64encode(b"ann:open").decode()}
    found["basic, bcrypt of cost 10"] = Case('authenticate { basic file="users" }', basic)
    found["basic, bcrypt of cost 10, first"] = Case(
        'authenticate { basic file="users" cache="off" }', basic, 5
    )
    keys: dict[str, Any] = {
        "HS256": _SECRET,
        "RS256": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
    }
    for algorithm, key in keys.items():
        source = f'secret "{_SECRET}"'
        if not isinstance(key, str):
            pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            (root / f"{algorithm}.pem").write_bytes(pem)
            source = f'key-file "{algorithm}.pem"'
        words = f'authenticate {{ jwt {{ issuer "i"; audience "a"; require "scope" "read"; {source} }} }}'
        token = {"authorization": f"Bearer {jwt.encode(claims, key, algorithm)}"}
        found[f"jwt {algorithm}"] = Case(words, token)
        found[f"jwt {algorithm}, first"] = Case(words, token, 300, anew="_known")
    return found


async def measured(case: Case, root: Path) -> float:
    """Microseconds a request."""
    compiled = compile_text(f'routes {{ route "r" {{ respond; {case.words} }} }}', "kdl")
    assert compiled.table is not None, compiled.diagnostics
    secrets, keeping = Secrets({}, root), Keeping()
    keeping.begin()
    making = Making(
        asyncio.get_running_loop(),
        Silent(),
        "r",
        root,
        lambda text: secrets.text(text).reveal(),
        cast(Callable[[str], Any], None),
        keeping,
        Buckets(),
    )
    chain = filters_of(compiled.table.settings_of_routes[compiled.table.routes[0].settings], making)
    assert chain is not None
    for each in chain.filters:
        await each.prepare()
    head = _head(case.headers)
    rounds = []
    for _ in range(_ROUNDS):
        contexts = [
            FilterContext(cast(Services, None), cast(Plan, None), head, RequestRecord(), "127.0.0.1", 0)
            for _ in range(case.turns)
        ]
        began = time.process_time()
        for context in contexts:
            for each in chain.requests:
                if case.anew:
                    for way in cast(Any, each)._ways:
                        getattr(way, case.anew).clear()
                said = each.on_request(context)
                if isinstance(said, Awaitable):
                    said = await said
                assert said is None, said
        rounds.append((time.process_time() - began) / case.turns * 1e6)
    keeping.begin()
    keeping.commit()
    return round(median(rounds), 2)


def _head(headers: Mapping[str, str]) -> RequestHead:
    fields = {"user-agent": "bench", "accept": "*/*", **headers}
    client = ip_address("127.0.0.1")
    return RequestHead(
        "default",
        "GET",
        "a.test",
        "a.test",
        "/a",
        None,
        fields,
        tuple(fields.items()),
        "http",
        client,
        None,
        0,
    )


async def _all(root: Path, database: str | None) -> dict[str, float]:
    found = cases(root)
    if database is not None:
        found["geo"] = Case(f'geo database="{database}" unknown="allow"', {})
    return {name: await measured(case, root) for name, case in found.items()}


def main() -> None:
    """Measure and print. With the path of a MaxMind database `geo` is measured, too."""
    database = os.path.abspath(sys.argv[1]) if sys.argv[1:] else None
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps({"us_per_request": asyncio.run(_all(Path(folder), database))}, indent=2))


if __name__ == "__main__":
    main()
