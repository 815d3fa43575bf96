"""A way to run gwc in process, and a configuration to run it on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from gwc.cli.main import group

Gwc = Callable[..., Result]

SMALL = """\
// a small gateway
listeners {
    listener "public" {
        address "127.0.0.1:8080"
    }
}
upstreams {
    upstream "orders" {
        target "10.0.0.1:8080" weight=3
    }
    upstream "users" {
        target "10.0.0.2:8080"
    }
}
routes {
    route "orders" {
        matches {
            host "api.example.com"
            path-prefix "/orders"
            method "GET" "POST"
        }
        upstream "orders"
    }
    route "user" {
        matches {
            host "api.example.com"
            path-template "/users/{id}"
        }
        request-headers {
            set "x-user" "${path.id}"
        }
        rewrite {
            template "/v2/users/${path.id}"
        }
        upstream "users"
    }
}
"""


@pytest.fixture
def gwc() -> Gwc:
    """`gwc("check", path)` as a person would type it; stdout and stderr apart."""

    def run(
        *arguments: object, stdin: str | bytes | None = None, env: dict[str, str] | None = None
    ) -> Result:
        return CliRunner().invoke(group, [str(each) for each in arguments], input=stdin, env=env)

    return run


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A file that checks clean."""
    path = tmp_path / "gwc.kdl"
    path.write_text(SMALL)
    return path
