"""Names of targets, against a DNS server of ours on loopback: TTLs, flips, failures, forbidden places."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
import uvloop
from gwc.runtime.upstream.lookup import Lookup, only_reachable, read_hosts
from gwc.runtime.upstream.names import Change, NameFailed, Names
from gwc.schema.table import UpstreamNames

QUICK = UpstreamNames(least_ttl_ms=30, most_ttl_ms=300_000, timeout_ms=150)
SLOW = UpstreamNames(least_ttl_ms=30, most_ttl_ms=300_000, timeout_ms=3_000)

Zone = dict[tuple[str, str], Any]
"""Answers by name and type: records as (type, TTL, texts), or a word: nxdomain, servfail, drop."""


class Server(asyncio.DatagramProtocol):
    """A DNS server over UDP, and over TCP where an answer is too long; `zone` may change at any time."""

    def __init__(self) -> None:
        self.zone: Zone = {}
        self.asked: list[tuple[str, str]] = []
        self.over_tcp = 0
        self.port = 0
        self.transport: asyncio.DatagramTransport
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """One question."""
        reply = self.answer(data)
        if reply is not None:
            wire = reply.to_wire(max_size=65535)
            if len(wire) > 1232:
                short = dns.message.make_response(dns.message.from_wire(data))
                short.flags |= dns.flags.TC
                wire = short.to_wire()
            self.transport.sendto(wire, addr)

    async def serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One question over TCP."""
        (size,) = struct.unpack("!H", await reader.readexactly(2))
        reply = self.answer(await reader.readexactly(size))
        assert reply is not None
        self.over_tcp += 1
        wire = reply.to_wire(max_size=65535)
        writer.write(struct.pack("!H", len(wire)) + wire)
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    def answer(self, data: bytes) -> dns.message.Message | None:
        """What the zone has to say."""
        question = dns.message.from_wire(data)
        name = question.question[0].name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.question[0].rdtype)
        self.asked.append((name, kind))
        task = asyncio.ensure_future(self._tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        found = self.zone.get((name, kind), self.zone.get((name, "*"), []))
        if callable(found):
            found = found()
        reply = dns.message.make_response(question)
        if found == "drop":
            return None
        if isinstance(found, str):
            reply.set_rcode(dns.rcode.from_text(found))
            return reply
        owner = name
        assert found is not None
        for record, ttl, texts in found:
            reply.answer.append(dns.rrset.from_text(owner + ".", ttl, "IN", record, *texts))
            if record == "CNAME":
                owner = texts[0].rstrip(".")
        return reply

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def until_asked(self, name: str, times: int, kind: str = "A") -> None:
        """Wait until a name has been asked for so often."""
        async with self._news:
            await self._news.wait_for(lambda: self.asked.count((name, kind)) >= times)


class Stage:
    """Server, names, and the changes that they told."""

    def __init__(self, server: Server, names: Names, told: list[dict[str, object]]) -> None:
        self.server = server
        self.names = names
        self.told = told
        self.changes: asyncio.Queue[Change] = asyncio.Queue()
        names.subscribe(self.changes.put_nowait)

    async def ips(self, host: str, settings: UpstreamNames = QUICK) -> list[str]:
        """The addresses of a host."""
        return [address.host for address in await self.names.addresses(host, 80, settings)]

    async def fails(self, host: str, settings: UpstreamNames = QUICK) -> str:
        """The reason why there is none."""
        with pytest.raises(NameFailed) as caught:
            await self.names.addresses(host, 80, settings)
        return caught.value.reason


Play = Callable[[Stage], Awaitable[None]]


def play(scene: Play, zone: Zone, hosts: Path = Path("/nonexistent"), runner: Any = asyncio.run) -> None:
    """Run a scene; no task may be left after it, and it ends within ten seconds."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = Server()
        server.zone = zone
        stream = await asyncio.start_server(server.serve_tcp, "127.0.0.1", 0)
        server.port = stream.sockets[0].getsockname()[1]
        await loop.create_datagram_endpoint(lambda: server, local_addr=("127.0.0.1", server.port))
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = server.port
        resolver.timeout = 1.0
        resolver.use_edns(0, 0, 1232)
        told: list[dict[str, object]] = []
        names = Names(
            loop,
            Lookup(resolver, hosts),
            lambda level, event, **fields: told.append({"level": level, "event": event, **fields}),
            lambda ip: True,
        )
        try:
            async with asyncio.timeout(10):
                await scene(Stage(server, names, told))
        finally:
            names.close()
            server.transport.close()
            stream.close()
            await stream.wait_closed()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            if others:
                await asyncio.wait(others, timeout=2)
        assert not [task for task in others if not task.done()]

    runner(main())


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_both_families_and_every_address(runner: Any) -> None:
    """A and AAAA records are all there, with the port; one family alone where that is asked for."""

    async def scene(stage: Stage) -> None:
        found = await stage.names.addresses("a.test", 8080, QUICK)
        assert [str(address) for address in found] == [
            "10.0.0.1:8080",
            "10.0.0.2:8080",
            "[2001:db8::1]:8080",
        ]
        assert await stage.ips("a.test", QUICK._replace(family="ipv4")) == ["10.0.0.1", "10.0.0.2"]
        assert await stage.ips("a.test", QUICK._replace(family="ipv6")) == ["2001:db8::1"]
        assert stage.names.known("a.test", 8080, QUICK) is found
        assert stage.names.known("b.test", 8080, QUICK) is None

    play(
        scene,
        {
            ("a.test", "A"): [("A", 60, ["10.0.0.1", "10.0.0.2"])],
            ("a.test", "AAAA"): [("AAAA", 60, ["2001:db8::1"])],
        },
        runner=runner,
    )


def test_addresses_are_not_looked_up() -> None:
    """What is an IP address already is never asked for, loopback or not: the configuration wrote it."""

    async def scene(stage: Stage) -> None:
        assert await stage.ips("127.0.0.1") == ["127.0.0.1"]
        assert await stage.ips("[::1]") == ["::1"]
        assert await stage.ips("169.254.0.1") == ["169.254.0.1"]
        assert stage.names.known("10.0.0.1", 80, QUICK) is not None
        assert stage.server.asked == []

    play(scene, {})


def test_one_look_up_for_all_that_ask() -> None:
    """A thousand requests for an unknown name ask once; one that goes away ends nothing for the others."""

    async def scene(stage: Stage) -> None:
        first = asyncio.ensure_future(stage.ips("a.test", SLOW))
        await asyncio.sleep(0)
        first.cancel()
        found = await asyncio.gather(*(stage.ips("a.test", SLOW) for _ in range(1000)))
        assert found == [["10.0.0.1"]] * 1000
        assert stage.server.asked.count(("a.test", "A")) == 1
        with pytest.raises(asyncio.CancelledError):
            await first

    play(scene, {("a.test", "A"): [("A", 60, ["10.0.0.1"])]})


def test_an_answer_counts_for_its_ttl_and_is_renewed_in_the_background() -> None:
    """A flip is seen after the TTL, pools are told, and no request waits meanwhile."""

    async def scene(stage: Stage) -> None:
        settings = SLOW._replace(least_ttl_ms=1)
        began = asyncio.get_running_loop().time()
        assert await stage.ips("a.test", settings) == ["10.0.0.1"]
        stage.server.zone["a.test", "A"] = [("A", 1, ["10.0.0.2"])]
        first = await stage.changes.get()
        assert first == Change("a.test", False, (), ("10.0.0.1",))
        assert await stage.ips("a.test", settings) == ["10.0.0.1"]
        change = await stage.changes.get()
        assert 0.7 < asyncio.get_running_loop().time() - began < 1.5
        assert change == Change("a.test", False, ("10.0.0.1",), ("10.0.0.2",))
        known = stage.names.known("a.test", 80, settings)
        assert known is not None
        assert known[0].host == "10.0.0.2"

    play(scene, {("a.test", "A"): [("A", 1, ["10.0.0.1"])]})


def test_ttls_are_bounded() -> None:
    """A TTL of 0 counts as the least one, a huge one as the most."""

    async def scene(stage: Stage) -> None:
        assert await stage.ips("zero.test", QUICK) == ["10.0.0.1"]
        assert await stage.ips("huge.test", QUICK._replace(most_ttl_ms=40)) == ["10.0.0.2"]
        began = asyncio.get_running_loop().time()
        await stage.server.until_asked("zero.test", 6)
        await stage.server.until_asked("huge.test", 4)
        assert asyncio.get_running_loop().time() - began > 5 * 0.03 * 0.75 - 0.01
        # Nobody is told where nothing changed.
        assert stage.changes.qsize() == 2

    play(
        scene,
        {
            ("zero.test", "A"): [("A", 0, ["10.0.0.1"])],
            ("huge.test", "A"): [("A", 2**31 - 1, ["10.0.0.2"])],
        },
    )


def test_the_order_of_an_answer_is_no_change() -> None:
    """Servers turn their answers round; what pools know stays the very same."""

    async def scene(stage: Stage) -> None:
        ips = ["10.0.0.1", "10.0.0.2"]

        def turned() -> list[tuple[str, int, list[str]]]:
            ips.reverse()
            return [("A", 0, list(ips))]

        stage.server.zone["a.test", "A"] = turned
        first = await stage.names.addresses("a.test", 80, QUICK)
        await stage.server.until_asked("a.test", 4)
        assert stage.names.known("a.test", 80, QUICK) is first
        assert stage.changes.qsize() == 1

    play(scene, {})


@pytest.mark.parametrize("failure", ["SERVFAIL", "REFUSED", "drop"])
def test_old_answers_serve_while_the_server_fails(failure: str) -> None:
    """With SERVFAIL, REFUSED or silence the last answer serves on, until the server is back."""

    async def scene(stage: Stage) -> None:
        assert await stage.ips("a.test") == ["10.0.0.1"]
        stage.server.zone["a.test", "*"] = failure
        del stage.server.zone["a.test", "A"]
        await stage.server.until_asked("a.test", 4)
        assert await stage.ips("a.test") == ["10.0.0.1"]
        assert {event["reason"] for event in stage.told} == {
            "timeout" if failure == "drop" else "server-failed"
        }
        assert all(event["kept"] == 1 for event in stage.told)
        stage.server.zone["a.test", "A"] = [("A", 60, ["10.0.0.9"])]
        del stage.server.zone["a.test", "*"]
        while (await stage.changes.get()).after != ("10.0.0.9",):
            pass
        assert await stage.ips("a.test") == ["10.0.0.9"]

    play(scene, {("a.test", "A"): [("A", 0, ["10.0.0.1"])]})


@pytest.mark.parametrize(
    ("zone", "reason"), [("SERVFAIL", "server-failed"), ("drop", "timeout"), ("NXDOMAIN", "no-such-name")]
)
def test_a_name_without_any_answer(zone: str, reason: str) -> None:
    """Without an earlier answer a request fails with the reason, those behind it at once; it recovers."""

    async def scene(stage: Stage) -> None:
        settings = QUICK._replace(least_ttl_ms=100)
        assert await stage.fails("a.test", settings) == reason
        asked = len(stage.server.asked)
        assert await stage.fails("a.test", settings) == reason
        assert len(stage.server.asked) == asked
        stage.server.zone["a.test", "A"] = [("A", 60, ["10.0.0.1"])]
        del stage.server.zone["a.test", "*"]
        assert (await stage.changes.get()).after == ("10.0.0.1",)
        assert await stage.ips("a.test", settings) == ["10.0.0.1"]

    play(scene, {("a.test", "*"): zone})


def test_a_name_is_gone_at_the_second_answer_in_a_row() -> None:
    """One NXDOMAIN is not believed; two are, and pools are told."""

    async def scene(stage: Stage) -> None:
        record = [("A", 0, ["10.0.0.1"])]
        script: list[Any] = [record, "NXDOMAIN", record, "NXDOMAIN", "NXDOMAIN"]
        stage.server.zone["a.test", "A"] = lambda: script.pop(0) if len(script) > 1 else script[0]
        stage.server.zone["a.test", "AAAA"] = lambda: script[0] if len(script) == 1 else []
        assert await stage.ips("a.test") == ["10.0.0.1"]
        assert (await stage.changes.get()).after == ("10.0.0.1",)
        change = await stage.changes.get()
        assert (change.before, change.after) == (("10.0.0.1",), ())
        assert stage.server.asked.count(("a.test", "A")) == 5
        assert await stage.fails("a.test") == "no-such-name"

    play(scene, {})


def test_one_family_may_fail_or_be_late() -> None:
    """Addresses of one family serve though the other's server is silent; what it had is kept."""

    async def scene(stage: Stage) -> None:
        began = asyncio.get_running_loop().time()
        assert await stage.ips("a.test", SLOW) == ["10.0.0.1"]
        assert asyncio.get_running_loop().time() - began < 2
        assert await stage.ips("b.test") == ["10.0.0.2", "2001:db8::2"]
        stage.server.zone["b.test", "AAAA"] = "SERVFAIL"
        await stage.server.until_asked("b.test", 4, "AAAA")
        assert await stage.ips("b.test") == ["10.0.0.2", "2001:db8::2"]

    play(
        scene,
        {
            ("a.test", "A"): [("A", 60, ["10.0.0.1"])],
            ("a.test", "AAAA"): "drop",
            ("b.test", "A"): [("A", 0, ["10.0.0.2"])],
            ("b.test", "AAAA"): [("AAAA", 0, ["2001:db8::2"])],
        },
    )


def test_aliases_and_their_ttl() -> None:
    """A CNAME is followed; the least TTL on the way counts."""

    async def scene(stage: Stage) -> None:
        assert await stage.ips("alias.test") == ["10.0.0.1"]
        await stage.server.until_asked("alias.test", 3)

    play(
        scene,
        {("alias.test", "A"): [("CNAME", 0, ["real.test."]), ("A", 3600, ["10.0.0.1"])]},
    )


def test_many_addresses_come_over_tcp() -> None:
    """An answer that is too long for a datagram is asked for again over TCP, and all of it is used."""

    async def scene(stage: Stage) -> None:
        found = await stage.ips("many.test", SLOW)
        assert len(found) == len(set(found)) == 500
        assert stage.server.over_tcp == 1

    ips = [f"10.0.{number // 250}.{number % 250 + 1}" for number in range(500)]
    play(scene, {("many.test", "A"): [("A", 60, ips)]})


@pytest.mark.parametrize(
    "ip",
    [
        "169.254.169.254",
        "127.0.0.1",
        "169.254.7.7",
        "0.0.0.0",
        "fd00:ec2::254",
        "::1",
        "fe80::1",
        "::ffff:7f00:1",
    ],
)
def test_names_that_lead_where_they_must_not(ip: str) -> None:
    """A name for this machine, its link or a metadata service has no address; others beside it are used."""

    async def scene(stage: Stage) -> None:
        assert await stage.fails("bad.test") == "refused-address"
        good = await stage.ips("mixed.test")
        assert good == ["10.0.0.1"]
        assert "name-address-refused" in {event["event"] for event in stage.told}
        assert ip[:4] in str(stage.told)

    kind = "AAAA" if ":" in ip else "A"
    zone: Zone = {("bad.test", kind): [(kind, 60, [ip])], ("mixed.test", kind): [(kind, 60, [ip])]}
    zone["mixed.test", "A"] = [("A", 60, ["10.0.0.1", *([ip] if kind == "A" else [])])]
    play(scene, zone)


def test_a_name_that_is_rebound() -> None:
    """A name that led elsewhere first and to this machine then is judged again: it never leads here."""

    async def scene(stage: Stage) -> None:
        assert await stage.ips("a.test") == ["10.0.0.1"]
        stage.server.zone["a.test", "A"] = [("A", 0, ["127.0.0.1"])]
        await stage.server.until_asked("a.test", 4)
        assert await stage.ips("a.test") == ["10.0.0.1"]
        assert {event["reason"] for event in stage.told} == {"refused-address"}
        assert stage.changes.qsize() == 1

    play(scene, {("a.test", "A"): [("A", 0, ["10.0.0.1"])]})


def test_the_hosts_file_comes_first(tmp_path: Path) -> None:
    """Its entries hide the servers', changes are seen, and `localhost` is never asked for."""
    hosts = tmp_path / "hosts"
    hosts.write_text(
        "# a comment\n10.0.0.5\tDb.Test db # x\n10.0.0.6 db.test\n2001:db8::5 six.test\n"
        "nonsense x\n127.0.0.1 me\n"
    )

    async def scene(stage: Stage) -> None:
        assert await stage.ips("db.test") == ["10.0.0.5", "10.0.0.6"]
        assert await stage.ips("six.test") == ["2001:db8::5"]
        assert await stage.ips("localhost") == ["127.0.0.1", "::1"]
        assert await stage.fails("me") == "refused-address"
        assert stage.server.asked == []
        assert await stage.ips("six.test", QUICK._replace(family="ipv4")) == ["10.0.0.9"]

    play(scene, {("six.test", "A"): [("A", 60, ["10.0.0.9"])]}, hosts)


def test_a_hosts_file_that_changes(tmp_path: Path) -> None:
    """The file is read again when it changed; without one there are only servers."""
    hosts = tmp_path / "hosts"
    lookup = Lookup(hosts=hosts)
    assert lookup.local("a", "ipv4") is None
    hosts.write_text("10.0.0.1 a\n")
    found = lookup.local("a", "ipv4")
    assert found is not None
    assert found.addresses == ("10.0.0.1",)
    hosts.write_text("10.0.0.22 a localhost\n")
    found = lookup.local("a", "ipv4")
    assert found is not None
    assert found.addresses == ("10.0.0.22",)
    assert read_hosts(hosts) == {"a": ("10.0.0.22",), "localhost": ("10.0.0.22",)}
    local = lookup.local("localhost", "ipv6")
    assert local is not None
    assert local.addresses == ()


def test_a_name_that_nobody_asks_for_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look-ups in the background end when nobody wants the name, and begin again with the next request."""
    monkeypatch.setattr("gwc.runtime.upstream.names._WANTED_S", 0.0)

    async def scene(stage: Stage) -> None:
        settings = QUICK._replace(least_ttl_ms=10)
        assert await stage.ips("a.test", settings) == ["10.0.0.1"]
        assert stage.names.known("a.test", 80, settings) is not None  # wanted: one more round
        await stage.server.until_asked("a.test", 2)
        asked = len(stage.server.asked)
        await asyncio.sleep(0.1)
        assert len(stage.server.asked) == asked
        assert stage.names.known("a.test", 80, settings) is None
        assert await stage.ips("a.test", settings) == ["10.0.0.1"]

    play(scene, {("a.test", "A"): [("A", 0, ["10.0.0.1"])]})


def test_names_of_the_live_table_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pools hear of changes though no request asks, of services' hosts too, until the table lets go."""
    monkeypatch.setattr("gwc.runtime.upstream.names._WANTED_S", 0.0)

    async def scene(stage: Stage) -> None:
        settings = QUICK._replace(least_ttl_ms=10)
        stage.names.keep({"a.test", "s.test"})
        await stage.ips("a.test", settings)
        await stage.names.service("s.test", settings)
        for name, kind in (("a.test", "A"), ("s.test", "SRV"), ("one.test", "A")):
            await stage.server.until_asked(name, 5, kind)
        stage.server.zone["one.test", "A"] = [("A", 0, ["10.0.0.9"])]
        while (await stage.changes.get()).after != ("10.0.0.9",):
            pass
        stage.names.keep({"a.test"})
        asked = stage.server.asked.count(("a.test", "A"))
        await stage.server.until_asked("a.test", asked + 5)
        others = len([each for each in stage.server.asked if each[0] != "a.test"])
        await stage.server.until_asked("a.test", asked + 10)
        assert len([each for each in stage.server.asked if each[0] != "a.test"]) == others

    play(
        scene,
        {
            ("a.test", "A"): [("A", 0, ["10.0.0.1"])],
            ("s.test", "SRV"): [("SRV", 0, ["1 1 81 one.test."])],
            ("one.test", "A"): [("A", 0, ["10.0.0.2"])],
        },
    )


def test_many_names_at_once() -> None:
    """A table with many names gets them all: look-ups wait for one another, and no socket is missing."""

    async def scene(stage: Stage) -> None:
        settings = SLOW._replace(family="ipv4")
        found = await asyncio.gather(*(stage.ips(f"n{number}.test", settings) for number in range(300)))
        assert found == [["10.0.0.1"]] * 300

    play(scene, {(f"n{number}.test", "A"): [("A", 60, ["10.0.0.1"])] for number in range(300)})


def test_services() -> None:
    """SRV records give hosts, ports, priorities and weights; their hosts are looked up."""

    async def scene(stage: Stage) -> None:
        found = await stage.names.service("_http._tcp.a.test", SLOW)
        assert [(target.host, target.priority, target.weight) for target in found] == [
            ("one.test", 1, 3),
            ("two.test", 1, 1),
            ("spare.test", 5, 1),
        ]
        assert [[str(address) for address in target.addresses] for target in found] == [
            ["10.0.0.1:81"],
            ["10.0.0.2:82", "10.0.0.3:82"],
            ["10.0.0.4:83"],
        ]

    play(
        scene,
        {
            ("_http._tcp.a.test", "SRV"): [
                (
                    "SRV",
                    60,
                    ["5 0 83 spare.test.", "1 3 81 One.test.", "1 0 82 two.test.", "1 9 84 gone.test."],
                )
            ],
            ("one.test", "A"): [("A", 60, ["10.0.0.1"])],
            ("two.test", "A"): [("A", 60, ["10.0.0.2", "10.0.0.3"])],
            ("spare.test", "A"): [("A", 60, ["10.0.0.4"])],
            ("gone.test", "*"): "NXDOMAIN",
        },
    )


def test_services_change() -> None:
    """New records are told, and asked for in the background."""

    async def scene(stage: Stage) -> None:
        assert [target.port for target in await stage.names.service("s.test", QUICK)] == [81]
        stage.server.zone["s.test", "SRV"] = [("SRV", 0, ["1 1 82 one.test."])]
        while True:
            change = await stage.changes.get()
            if change.service and change.before:
                break
        assert change == Change("s.test", True, ("one.test:81",), ("one.test:82",))
        assert [target.port for target in await stage.names.service("s.test", QUICK)] == [82]

    play(
        scene,
        {
            ("s.test", "SRV"): [("SRV", 0, ["1 1 81 one.test."])],
            ("one.test", "A"): [("A", 60, ["10.0.0.1"])],
        },
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "me.test"])
def test_services_never_lead_to_this_machine(host: str) -> None:
    """Records are not the configuration: neither an IP address nor `localhost` in them is trusted."""

    async def scene(stage: Stage) -> None:
        with pytest.raises(NameFailed) as caught:
            await stage.names.service("s.test", QUICK)
        assert caught.value.reason == "refused-address"

    play(
        scene,
        {
            ("s.test", "SRV"): [("SRV", 60, [f"1 1 80 {host}."])],
            ("me.test", "A"): [("A", 60, ["127.0.0.1"])],
        },
    )


@pytest.mark.parametrize("zone", [[("SRV", 60, ["0 0 0 ."])], "NXDOMAIN", []])
def test_no_such_service(zone: Any) -> None:
    """A target of `.`, no record and no name all mean that there is no such service."""

    async def scene(stage: Stage) -> None:
        with pytest.raises(NameFailed) as caught:
            await stage.names.service("s.test", QUICK)
        assert caught.value.reason == "no-such-name"

    play(scene, {("s.test", "SRV"): zone})


def test_families_without_a_route_are_left_out() -> None:
    """A machine without IPv6 does not try IPv6 addresses, unless there are no others."""
    both = ("10.0.0.1", "10.0.0.2", "2001:db8::1")
    assert only_reachable(both, lambda ip: ":" not in ip) == ("10.0.0.1", "10.0.0.2")
    assert only_reachable(both, lambda ip: ":" in ip) == ("2001:db8::1",)
    assert only_reachable(both, lambda ip: True) == both
    assert only_reachable(both, lambda ip: False) == both
    assert only_reachable(both[2:], lambda ip: False) == both[2:]
