"""What `gwc check --env` says of certificates and keys that are there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from gwc.compiler.check.environment import check_environment
from gwc.compiler.pipeline import compile_path
from gwc.schema.certificate import covers
from gwc.schema.diagnostic import Diagnostic

CA = trustme.CA()


def _issue(folder: Path, file: str, *names: str, begins: int = -1, ends: int = 90) -> None:
    now = datetime.now(UTC)
    own = CA.issue_cert(*names, not_before=now + timedelta(begins), not_after=now + timedelta(ends))
    (folder / f"{file}.pem").write_bytes(own.cert_chain_pems[0].bytes())
    (folder / f"{file}.key").write_bytes(own.private_key_pem.bytes())
    (folder / f"{file}.key").chmod(0o600)


def _found(folder: Path, listener: str, routes: str = 'route "r" { respond }') -> list[Diagnostic]:
    """The findings with `--env` for a listener that says this."""
    file = folder / "gwc.kdl"
    file.write_text(
        f'listeners {{ listener "s" {{ address "0.0.0.0:1"; {listener} }}\n'
        f'listener "h" {{ address "0.0.0.0:2" }} }}\nroutes {{ {routes} }}\n'
    )
    result = compile_path(str(file))
    assert result.resolution is not None, result.diagnostics
    return list(check_environment(result.resolution, {"NAME": "a"}, folder))


A = 'tls { certificate "a.pem" key="a.key" }'


def test_all_is_well(tmp_path: Path) -> None:
    """Covered hosts, a month left, the right key: nothing is said, with references in paths too."""
    _issue(tmp_path, "a", "a.test", "*.b.test", "127.0.0.1")
    routes = 'route "r" { matches { host "a.test" "x.b.test" "*.b.test" "127.0.0.1" }; respond }'
    assert _found(tmp_path, A, routes) == []
    assert _found(tmp_path, f'host "a.test" "*.b.test"; {A}') == []
    assert _found(tmp_path, 'tls { certificate "${env:NAME}.pem" key="${env:NAME}.key" }') == []


@pytest.mark.parametrize(
    ("begins", "ends", "said"),
    [(-9, -1, "has expired"), (3, 90, "is not valid yet"), (-1, 29, "expires in 28 days")],
)
def test_a_certificate_at_its_end(tmp_path: Path, begins: int, ends: int, said: str) -> None:
    """Expired, not valid yet, or to be renewed: one warning each, at the certificate."""
    _issue(tmp_path, "a", "a.test", begins=begins, ends=ends)
    (only,) = _found(tmp_path, A)
    assert (only.code, said in only.headline) == ("GWC431", True)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("a.pem", b"rubbish", "`a.pem` holds no certificate in PEM"),
        ("a.key", b"rubbish", "`a.key` holds no private key in PEM"),
        ("a.key", None, "`a.key` is not the key of `a.pem`"),
    ],
)
def test_files_of_no_use(tmp_path: Path, file: str, content: bytes | None, said: str) -> None:
    """What the gateway would refuse is an error that says which file is at fault."""
    _issue(tmp_path, "a", "a.test")
    _issue(tmp_path, "b", "a.test")
    (tmp_path / file).write_bytes((tmp_path / "b.key").read_bytes() if content is None else content)
    (only,) = _found(tmp_path, A)
    assert (only.code, only.headline) == ("GWC432", said)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    """Told as any other file, and once."""
    assert [each.code for each in _found(tmp_path, A)] == ["GWC421", "GWC421"]


def test_hosts_that_no_certificate_is_for(tmp_path: Path) -> None:
    """Of the listener's own scope, and of routes that can be asked for there; others are not meant."""
    _issue(tmp_path, "a", "a.test", "*.b.test")
    found = _found(
        tmp_path, f'host "a.test" "*.c.test"; {A}', 'route "r" { matches { host "x.c.test" }; respond }'
    )
    assert [(each.code, each.headline) for each in found] == [
        ("GWC430", "no certificate of this listener is for `*.c.test`"),
        ("GWC430", "no certificate of listener `s` is for `x.c.test`"),
    ]
    routes = 'route "r" { matches { listener "h"; host "x.test" }; respond }'
    assert _found(tmp_path, A, routes) == []
    (only,) = _found(tmp_path, A, routes.replace('listener "h"; ', ""))
    assert only.headline == "no certificate of listener `s` is for `x.test`"


def test_a_key_that_everybody_may_read(tmp_path: Path) -> None:
    """A warning: who has it can be this server."""
    _issue(tmp_path, "a", "a.test")
    (tmp_path / "a.key").chmod(0o644)
    (only,) = _found(tmp_path, A)
    assert only.code == "GWC510"


@pytest.mark.parametrize(
    ("name", "host", "expected"),
    [
        ("a.test", "a.test", True),
        ("*.test", "a.test", True),
        ("*.test", "*.test", True),
        ("*.test", "test", False),
        ("*.test", "x.a.test", False),
        ("*.test", "*.a.test", False),
        ("a.test", "b.test", False),
    ],
)
def test_what_a_name_covers(name: str, host: str, expected: bool) -> None:
    """A wildcard stands for one label."""
    assert covers(name, host) is expected
