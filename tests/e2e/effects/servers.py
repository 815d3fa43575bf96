"""Small servers for what the usual upstream is not: TLS, unix sockets, other addresses, and DNS.

Owns them and the threads that they run in. A server answers each request with its own name.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass
class Named:
    """A server that answers with its name. `asked` are the names that clients asked for by SNI, `shown` the
    subjects of the certificates that they showed."""

    name: str
    server: socket.socket
    tls: ssl.SSLContext | None = None
    asked: list[str | None] = field(default_factory=list)
    shown: list[object] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)

    @property
    def port(self) -> int:
        """The port."""
        port: int = self.server.getsockname()[1]
        return port

    def run(self) -> None:
        """Accept until the socket is gone."""
        while True:
            try:
                sock, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            sock.settimeout(20)
            if self.tls is None:
                self._answer(sock)
                return
            with self.tls.wrap_socket(sock, server_side=True) as wrapped:
                self.shown.append((wrapped.getpeercert() or {}).get("subject"))
                self._answer(wrapped)

    def _answer(self, sock: socket.socket) -> None:
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                more = sock.recv(65536)
                if not more:
                    return
                data += more
            head, _, data = data.partition(b"\r\n\r\n")
            self.heads.append(head)
            body = self.name.encode()
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


@contextmanager
def named(
    name: str, address: tuple[str, int] | Path = ("127.0.0.1", 0), tls: ssl.SSLContext | None = None
) -> Iterator[Named]:
    """A server at an address, or at a path."""
    if isinstance(address, Path):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(str(address))
    else:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    sock.listen(64)
    server = Named(name, sock, tls)
    if tls is not None:
        tls.sni_callback = lambda _socket, asked, _context: server.asked.append(asked)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()
        thread.join(5)


Records = dict[tuple[str, str], tuple[int, list[str]]]
"""Answers by name and type: a TTL and texts. A name with none is none; one that is not there is silent."""


@dataclass
class NameServer:
    """A DNS server over UDP. `zone` may change; `asked` are the questions."""

    server: socket.socket
    zone: Records = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """The address; the port is 53."""
        host: str = self.server.getsockname()[0]
        return host

    def run(self) -> None:
        """Answer until the socket is gone."""
        while True:
            try:
                data, peer = self.server.recvfrom(4096)
            except OSError:
                return
            if not data:
                return
            reply = self._answer(data)
            if reply is not None:
                self.server.sendto(reply, peer)

    def _answer(self, data: bytes) -> bytes | None:
        question = dns.message.from_wire(data)
        name = question.question[0].name
        kind = dns.rdatatype.to_text(question.question[0].rdtype)
        text = name.to_text(omit_final_dot=True).lower()
        self.asked.append((text, kind))
        if not any(each[0] == text for each in self.zone):
            return None
        reply = dns.message.make_response(question)
        reply.flags |= dns.flags.AA
        ttl, values = self.zone.get((text, kind), (0, []))
        if values:
            reply.answer.append(dns.rrset.from_text(name, ttl, "IN", kind, *values))
        return reply.to_wire()


@contextmanager
def name_server() -> Iterator[NameServer]:
    """A server on port 53 of an address of loopback. `OSError` where that may not be had."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for last in range(1, 255):
        try:
            sock.bind((f"127.53.0.{last}", 53))
            break
        except OSError as fault:
            if last == 254 or isinstance(fault, PermissionError):
                sock.close()
                raise
    server = NameServer(sock)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()
        thread.join(5)
