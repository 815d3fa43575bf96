"""Where each key of the language lands in the table; a key without a row in `key_rows.py` fails a test."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest
from gwc.compiler.pipeline import compile_text
from gwc.compiler.validate.shape import ROOT, language
from gwc.schema.table import GatewayRecord, RouteSettings, RouteTable

from .key_rows import (
    AGENTS,
    BUILTINS,
    GATEWAY,
    LISTENER,
    LISTENERS,
    NOT_IN_THE_TABLE,
    PAIRS,
    ROUTE,
    SETTINGS,
    SHARED,
    SPLIT,
    UPSTREAM,
    UPSTREAMS,
    of_agent,
    of_gateway,
    of_listener,
    of_route,
    of_upstream,
)


def table_of(text: str) -> RouteTable:
    """The table of a configuration without errors."""
    result = compile_text(text, "kdl")
    assert result.table is not None, [each.headline for each in result.diagnostics]
    return result.table


def settings(table: RouteTable) -> RouteSettings:
    """The settings of the first route."""
    return table.settings_of_routes[table.routes[0].settings]


def field(record: Any, path: str) -> Any:
    """A field of a field of a record; a number is a place in a tuple."""
    return reduce(
        lambda found, key: found[int(key)] if key.isdigit() else getattr(found, key), path.split("."), record
    )


@pytest.mark.parametrize(("owner", "key", "said", "path", "wanted"), GATEWAY)
def test_a_key_of_the_gateway(owner: str, key: str, said: str, path: str, wanted: Any) -> None:
    """The gateway's record has what the key says, in the table's unit."""
    assert key in language().objects[owner].keys
    assert field(table_of(of_gateway(said)).gateway[0], path) == wanted


@pytest.mark.parametrize(("owner", "key", "said", "path", "wanted"), LISTENERS)
def test_a_key_of_a_listener(owner: str, key: str, said: str, path: str, wanted: Any) -> None:
    """The listener's record has it; limits of heads are those that normalising asks for, too."""
    assert key in language().objects[owner].keys
    table = table_of(of_listener(said))
    assert field(table.listeners[0], path) == wanted
    assert table.settings()[0].limits == table.listeners[0].limits


@pytest.mark.parametrize(("owner", "key", "said", "path", "wanted"), UPSTREAM)
def test_a_key_of_an_upstream(owner: str, key: str, said: str, path: str, wanted: Any) -> None:
    """The upstream's record has it."""
    assert key in language().objects[owner].keys
    assert field(table_of(of_upstream(said)).upstreams[0], path) == wanted


@pytest.mark.parametrize(("owner", "key", "said", "path", "wanted"), SETTINGS)
def test_a_setting_of_routes(owner: str, key: str, said: str, path: str, wanted: Any) -> None:
    """Written in the route, in a group around it or in `defaults`, it is the route's."""
    assert key in language().objects[owner].keys
    in_group = f'routes {{ group "g" {{ {said}; route "r" {{ {SPLIT} }} }} }}'
    in_defaults = f'defaults {{ {said} }}\nroutes {{ route "r" {{ {SPLIT} }} }}'
    tables = [table_of(of_route(f"{said}; {SPLIT}"))]
    tables += (table_of(f"{LISTENER}{UPSTREAMS}{text}\n") for text in (in_group, in_defaults))
    assert [field(settings(table), path) for table in tables] == [wanted] * 3


@pytest.mark.parametrize(("owner", "key", "said", "path", "wanted"), AGENTS)
def test_a_key_of_an_agent(owner: str, key: str, said: str, path: str, wanted: Any) -> None:
    """It is with the settings of each route that has the agent."""
    assert key in language().objects[owner].keys
    assert field(settings(table_of(of_agent(said))), path) == wanted


@pytest.mark.parametrize(("owner", "key", "said", "path", "wanted"), BUILTINS)
def test_a_builtin(owner: str, key: str, said: str, path: str, wanted: Any) -> None:
    """The route's record says which of the gateway's own answers it gives."""
    assert key in language().objects[owner].keys
    route = table_of(of_route(said)).routes[0]
    assert (route.action, field(route, path)) == ("builtin", wanted)


@pytest.mark.parametrize(("owner", "key", "text", "other"), PAIRS)
def test_a_key_makes_another_table(owner: str, key: str, text: str, other: str) -> None:
    """With the key the body is not what it is without it."""
    assert key in language().objects[owner].keys
    assert table_of(text) != table_of(other)


def test_every_key_has_a_row() -> None:
    """Whoever adds a key to the schema says where it lands."""
    rows = (GATEWAY, LISTENERS, UPSTREAM, SETTINGS, BUILTINS, AGENTS)
    told = NOT_IN_THE_TABLE | {(row[0], row[1]) for each in rows for row in each}
    told |= {(owner, key) for owner, key, *_ in PAIRS}
    missing = [
        f"{name}.{key}"
        for name, shape in language().objects.items()
        for key in shape.keys
        if key != shape.tag and not {(name, key), (SHARED.get(name, name), key)} & told
    ]
    assert missing == []


WRITTEN: list[tuple[str, Callable[[str], str]]] = [
    (ROOT, lambda said: f"{said}\n{of_upstream('')}"),
    ("listener-limits", lambda said: _beside_listener(f"limits {{ {said} }}")),
    ("listener-timeouts", lambda said: _beside_listener(f"timeouts {{ {said} }}")),
    ("upstream-connections", lambda said: of_upstream(f"connections {{ {said} }}")),
    ("upstream-timeouts", lambda said: of_upstream(f"timeouts {{ {said} }}")),
    ("upstream-names", lambda said: of_upstream(f"names {{ {said} }}")),
    ("route-limits", lambda said: f"defaults {{ limits {{ {said} }} }}\n{of_upstream('')}"),
    ("access-log", lambda said: f"access-log {{ {said} }}\n{of_upstream('')}"),
    ("error-log", lambda said: f"error-log {{ {said} }}\n{of_upstream('')}"),
    ("audit-log", lambda said: f"audit-log {{ {said} }}\n{of_upstream('')}"),
]


def _beside_listener(said: str) -> str:
    address = 'address "127.0.0.1:8080"'
    return of_upstream("").replace(address, f"{address}; {said}")


@pytest.mark.parametrize(("name", "write"), WRITTEN, ids=[name for name, _ in WRITTEN])
def test_the_defaults_of_the_schema_are_the_tables(name: str, write: Callable[[str], str]) -> None:
    """What is written with its default value makes the table that is made without it."""
    plain = table_of(of_upstream(""))
    for key in language().objects[name].keys.values():
        if key.default is not None:
            value = f'"{key.default}"' if isinstance(key.default, str) else str(key.default)
            value = {"True": "#true", "False": "#false"}.get(value, value)
            assert table_of(write(f"{key.name} {value}")) == plain, key.name


def test_the_defaults_of_an_agent() -> None:
    """What is written with its default value makes the table that is made without it."""
    for name, form in (("agent", "{}"), ("agent-breaker", "breaker {{ {} }}")):
        for key in language().objects[name].keys.values():
            if key.default is not None:
                value = f'"{key.default}"' if isinstance(key.default, str) else str(key.default)
                value = {"True": "#true", "False": "#false"}.get(value, value)
                body = 'request-body "buffer"; ' if key.name in ("inspect", "over") else ""
                said = form.format(f"{body}{key.name} {value}")
                assert table_of(of_agent(said)) == table_of(of_agent(body)), key.name


def test_settings_are_shared() -> None:
    """Routes that say the same have one record; those that say nothing have the first."""
    routes = "".join(
        f'route "r{number}" {{ matches {{ path "/{number}" }}; upstream "u"; {said} }}\n'
        for number, said in enumerate(("", "reasons #true", "reasons #true", "reasons #false"))
    )
    table = table_of(f"{LISTENER}{UPSTREAMS}routes {{ {routes} }}\n")
    assert [each.settings for each in table.routes] == [0, 1, 1, 0]
    assert len(table.settings_of_routes) == 2


@pytest.mark.parametrize("action", ["respond", 'redirect host="x"', 'builtin "echo"'])
def test_what_an_answer_has_no_use_for_is_left_out(action: str) -> None:
    """Inherited settings of what is sent to an upstream mean nothing to an answer of the gateway's own."""
    said = (
        'defaults { timeouts { request "1s" }; sticky "client-ip"; trailers { request "x" }\n'
        'limits { response-body "1B"; request-body "2B" } }\n'
    )
    table = table_of(f'{LISTENER}{said}routes {{ route "r" {{ {action} }} }}')
    assert settings(table) == RouteSettings(request_body_bytes=2)


def test_one_upstream_is_not_sticky() -> None:
    """There is nothing to pick, so an inherited `sticky` is left out."""
    routes = 'defaults { sticky "client-ip" }\nroutes { route "r" { upstream "u" } }'
    assert table_of(LISTENER + UPSTREAMS + routes).routes[0].settings == 0


def test_inner_settings_replace_outer_ones_key_by_key() -> None:
    """A route's `request`, a group's `idle`, the `per-try` of `defaults`; the innermost of each counts."""
    table = table_of(
        f"{LISTENER}{UPSTREAMS}"
        'defaults { timeouts { request "1s"; per-try "100ms"; idle "3s" }\n'
        'trailers { request "a"; response "b" } }\n'
        'routes { group "g" { timeouts { idle "off" }\n'
        'route "r" { timeouts { request "5s" }; upstream "u"; trailers { response "c" } } } }\n'
    )
    own = settings(table)
    assert (own.request_ms, own.per_try_ms, own.idle_ms, own.first_byte_ms) == (5000, 100, 0, None)
    assert (own.request_trailers, own.response_trailers) == (("a",), ("c",))


def test_a_gateway_of_which_nothing_is_said() -> None:
    """It has the record that the table has by itself."""
    assert table_of(ROUTE).gateway == (GatewayRecord(),)
