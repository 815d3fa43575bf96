"""Where the members of an upstream are: addresses as they are written, and what names lead to by now.

Owns the way from a member to its places: by itself, over an egress proxy, by a host's name, by SRV records.
Names are asked for, and kept, by `names.py`; which place gets a request is the pool's business.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from gwc.schema.table import UpstreamNames

from .address import HostName, IpAddress, ServiceName, UnixPath
from .names import NameFailed, Names, ServiceTarget
from .targets import Member, Place


class Members:
    """The members of one upstream. Mutable: they, how names are looked up (`lookups`), and what SRV records
    said last. `known` are the names of the worker.
    """

    def __init__(self, upstream: str, names: Names) -> None:
        self.known = names
        self.lookups = UpstreamNames()
        self._upstream = upstream
        self._members: tuple[Member, ...] = ()
        self._found: dict[str, tuple[ServiceTarget, ...]] = {}

    def configure(self, members: tuple[Member, ...], lookups: UpstreamNames) -> None:
        """Other members; what is known of names stays."""
        self._members, self.lookups = members, lookups

    async def look_up(self) -> None:
        """Ask for every name that the targets have; what fails is told by the names themselves."""
        for member in self._members:
            destination = member.asked
            with contextlib.suppress(NameFailed):
                if isinstance(destination, HostName):
                    await self.known.addresses(destination.host, destination.port, self.lookups)
                elif isinstance(destination, ServiceName):
                    self._found[destination.name] = await self.known.service(destination.name, self.lookups)

    def names(self) -> set[str]:
        """The names among the targets."""
        found = set()
        for member in self._members:
            asked = member.asked
            if isinstance(asked, HostName):
                found.add(asked.host)
            elif isinstance(asked, ServiceName):
                found.add(asked.name)
                found |= {each.host for each in self._found.get(asked.name, ())}
        return found

    def places(self) -> Iterator[tuple[Place, int]]:
        """Where they are, with their weights, as far as that is known."""
        for member in self._members:
            yield from self._places(member)

    def _places(self, member: Member) -> list[tuple[Place, int]]:
        """Where a member is, as far as that is known. The addresses of a name have its weight each."""
        destination, weight, _, name, protocol, egress = member
        if egress is not None and isinstance(destination, HostName | IpAddress):
            host, port = destination.host, destination.port  # a name is the proxy's to look up
            place = Place(
                self._upstream, str(destination), host, port, None, member.tls, name, protocol, egress
            )
            return [(place, weight)]
        if isinstance(destination, UnixPath):
            path = destination.path
            return [
                (Place(self._upstream, str(destination), "", 0, path, member.tls, name, protocol), weight)
            ]
        if isinstance(destination, IpAddress):
            return [(self._place(destination, member, name), weight)]
        if isinstance(destination, HostName):
            known = self.known.known(destination.host, destination.port, self.lookups) or ()
            return [(self._place(each, member, name), weight) for each in known]
        servers = self._found.get(destination.name, ())
        first = min((each.priority for each in servers), default=0)
        return [
            (self._place(each, member, name or server.host), weight * server.weight)
            for server in servers
            if server.priority == first
            for each in server.addresses
        ]

    def _place(self, address: IpAddress, member: Member, name: str | None) -> Place:
        host, port = address.host, address.port
        return Place(self._upstream, str(address), host, port, None, member.tls, name, member.protocol)
