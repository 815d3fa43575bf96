"""Files, logs, services and addresses of the gateway's own, and names of SRV records."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from gwc.schema.values.address import SrvAddress, TcpAddress, UnresolvedAddress, parse_address, parse_target
from gwc.schema.values.place import (
    parse_absolute_path,
    parse_file,
    parse_log_path,
    parse_own_address,
    parse_server_name,
    parse_service_url,
)
from gwc.schema.values.refusal import ValueRefusal

ACCEPTED: list[tuple[Callable[[str], object], str, object]] = [
    (parse_file, "ca.pem", "ca.pem"),
    (parse_file, "/etc/a b.pem", "/etc/a b.pem"),
    (parse_file, "${env:DIR}/ca.pem", "${env:DIR}/ca.pem"),
    (parse_absolute_path, "/var/lib/gwc", "/var/lib/gwc"),
    (parse_absolute_path, "${env:DIR}", "${env:DIR}"),
    (parse_log_path, "stdout", "stdout"),
    (parse_log_path, "off", "off"),
    (parse_log_path, "/var/log/é.log", "/var/log/é.log"),
    (parse_server_name, "Orders.Internal", "orders.internal"),
    (parse_server_name, "${env:NAME}", "${env:NAME}"),
    (parse_service_url, "${file:/run/endpoint}", "${file:/run/endpoint}"),
    (parse_own_address, "off", None),
    (parse_own_address, "127.0.0.1:9100", TcpAddress("127.0.0.1", 9100)),
    (parse_target, "127.0.0.1:9100", TcpAddress("127.0.0.1", 9100)),
    (parse_target, "srv:_http._tcp.Example.com.", SrvAddress("_http._tcp.example.com")),
    (parse_target, "srv:orders.service.consul", SrvAddress("orders.service.consul")),
    (parse_target, "srv:${env:NAME}", UnresolvedAddress("srv:${env:NAME}", None)),
]


@pytest.mark.parametrize(("parse", "text", "value"), ACCEPTED)
def test_accepted(parse: Callable[[str], object], text: str, value: object) -> None:
    """Names in their one form; what holds references as it was written."""
    assert parse(text) == value


REFUSED: list[tuple[Callable[[str], object], str, str]] = [
    (parse_file, "", "write the path"),
    (parse_file, "a\nb", "take it out"),
    (parse_file, "${req.host}.pem", ""),
    (parse_absolute_path, "state", "`/var/lib/state`"),
    (parse_absolute_path, "./state", "`/var/lib/state`"),
    (parse_log_path, "stdot", "`stdout`"),
    (parse_log_path, "gwc.log", "begins with `/`"),
    (parse_log_path, "/a\x00", "take it out"),
    (parse_server_name, "a b", ""),
    (parse_server_name, "*.example.com", ""),
    (parse_service_url, "localhost:4318", ""),
    (parse_service_url, "http://user:secret@a", "take it out"),
    (parse_own_address, "9100", "127.0.0.1:9100"),
    (parse_target, "srv:", "`srv:_http._tcp.example.com`"),
    (parse_target, "srv:orders", "`srv:_http._tcp.example.com`"),
    (parse_target, "srv:_http._tcp.example.com:80", "the SRV records say the ports"),
    (parse_target, "srv:a..b", "srv:"),
    (parse_target, "srv:a b.c", "srv:"),
    (parse_target, f"srv:{'a.' * 200}b", "srv:"),
    (parse_target, "srv:$${x}", "srv:"),
]


@pytest.mark.parametrize(("parse", "text", "advice"), REFUSED)
def test_refused(parse: Callable[[str], object], text: str, advice: str) -> None:
    """Each says what to write, and points into the text."""
    refusal = parse(text)
    assert isinstance(refusal, ValueRefusal)
    assert advice in refusal.help
    assert 0 <= refusal.offset <= refusal.offset + refusal.length <= len(text)


def test_nothing_listens_on_srv_records() -> None:
    """They are for targets."""
    assert isinstance(parse_address("srv:_http._tcp.example.com"), ValueRefusal)
