"""One probe of one target: asked for now, answered with yes or with why not.

Owns the three ways to ask: a request over HTTP, a connection over TCP, a call of the gRPC health protocol.
When and how often, and what follows from it, is the matter of `probes.py`. Raises nothing for anything that
the other side does.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gwc.schema.policies.choosing import Health

from ..upstream.tls import failure_of

if TYPE_CHECKING:
    import httpcore

_BODY_BYTES: Final = 64 * 1024
"""How much of a reply's body is looked at."""

_AGENT: Final = "gwc-probe"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a target is, as a worker tells it: `address` is its name for people; `path` is a unix socket's.

    `server_name` is for SNI and the certificate, None without TLS; `protocol` is the version of HTTP.
    """

    upstream: str
    address: str
    host: str
    port: int
    path: str | None
    server_name: str | None
    protocol: str


async def probe(spot: Spot, health: Health, tls: ssl.SSLContext | None) -> str | None:
    """None where the target is well, else why not, in words for logs."""
    ask = {"http": _http, "tcp": _tcp, "grpc": _grpc}[health.kind]
    try:
        async with asyncio.timeout(health.timeout_ms / 1000):
            return await ask(spot, health, tls)
    except TimeoutError:
        return f"no answer within {health.timeout_ms} ms"
    except ssl.SSLError as fault:
        return failure_of(fault)
    except OSError as fault:
        return fault.strerror or str(fault) or type(fault).__name__
    except Exception as fault:  # whatever the library thinks of what the other side sent
        said = str(fault).partition("\n")[0][:200]
        return f"{type(fault).__name__}: {said}" if said else type(fault).__name__


async def _tcp(spot: Spot, health: Health, tls: ssl.SSLContext | None) -> str | None:
    _, writer = await _opened(spot, health, tls)
    writer.close()
    return None


async def _opened(
    spot: Spot, health: Health, tls: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    name = (spot.server_name or "") if tls is not None else None
    if spot.path is not None:
        return await asyncio.open_unix_connection(spot.path, ssl=tls, server_hostname=name)
    return await asyncio.open_connection(spot.host, health.port or spot.port, ssl=tls, server_hostname=name)


async def _http(spot: Spot, health: Health, tls: ssl.SSLContext | None) -> str | None:
    import httpcore

    scheme = "http" if tls is None else "https"
    host, port = spot.host or "localhost", health.port or spot.port or _DEFAULT_PORTS[scheme]
    origin = httpcore.Origin(scheme.encode(), host.encode("ascii"), port)
    connection = httpcore.AsyncHTTPConnection(
        origin,
        ssl_context=tls,
        http1=spot.protocol != "http2",
        http2=spot.protocol != "http1",
        uds=spot.path,
    )
    async with connection:
        request = httpcore.Request(
            health.method,
            httpcore.URL(scheme=origin.scheme, host=origin.host, port=port, target=health.path.encode()),
            headers=[("Host", health.host or _authority(host, port, scheme)), ("User-Agent", _AGENT)],
            extensions={"sni_hostname": spot.server_name} if spot.server_name else {},
        )
        response = await connection.handle_async_request(request)
        try:
            return await _judged(response, health)
        finally:
            await response.aclose()


async def _judged(response: httpcore.Response, health: Health) -> str | None:
    status = response.status
    if not any(first <= status <= last for first, last in health.statuses):
        return f"status {status}"
    if health.body is None:
        return None
    wanted, body = health.body.encode(), b""
    async for piece in response.aiter_stream():
        body += piece
        if wanted in body:
            return None
        if len(body) >= _BODY_BYTES:
            break
    return "the body does not hold what it should"


def _authority(host: str, port: int, scheme: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port == _DEFAULT_PORTS[scheme] else f"{shown}:{port}"


# --- gRPC: grpc.health.v1.Health/Check ---------------------------------------------------------------------

_SERVING: Final = 1
_STATUS_WORDS: Final = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


async def _grpc(spot: Spot, health: Health, tls: ssl.SSLContext | None) -> str | None:
    import h2.config
    import h2.connection

    if tls is not None:
        tls.set_alpn_protocols(["h2"])
    reader, writer = await _opened(spot, health, tls)
    try:
        config = h2.config.H2Configuration(client_side=True, header_encoding="latin-1")
        connection = h2.connection.H2Connection(config)
        connection.initiate_connection()
        scheme = "http" if tls is None else "https"
        host = _authority(spot.host or "localhost", health.port or spot.port or 80, scheme)
        fields = [
            (":method", "POST"),
            (":scheme", scheme),
            (":path", "/grpc.health.v1.Health/Check"),
            (":authority", health.host or host),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("user-agent", _AGENT),
        ]
        connection.send_headers(1, fields)
        connection.send_data(1, _message(health.service), end_stream=True)
        writer.write(connection.data_to_send())
        return await _answer(connection, reader, writer)
    finally:
        writer.close()


def _message(service: str) -> bytes:
    """A HealthCheckRequest behind gRPC's five bytes: field 1, a string."""
    name = service.encode()
    message = b"" if not name else b"\x0a" + _varint(len(name)) + name
    return b"\0" + len(message).to_bytes(4, "big") + message


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)


async def _answer(connection: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str | None:
    """Read until the call is over. `connection` is h2's, which has no types for us."""
    from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived

    fields: dict[str, str] = {}
    body = b""
    while True:
        data = await reader.read(65536)
        if not data:
            return "the connection was closed before an answer"
        for event in connection.receive_data(data):
            if isinstance(event, ResponseReceived | TrailersReceived):
                fields.update({_text(name): _text(value) for name, value in event.headers or ()})
            elif isinstance(event, DataReceived):
                body += event.data
                if len(body) > _BODY_BYTES:
                    return "the answer is too long"
            elif isinstance(event, StreamReset):
                return f"the call was reset ({int(event.error_code)})"
            elif isinstance(event, StreamEnded):
                return _outcome(fields, body)
        writer.write(connection.data_to_send())


def _text(said: str | bytes) -> str:
    return said if isinstance(said, str) else said.decode("latin-1")


def _outcome(fields: dict[str, str], body: bytes) -> str | None:
    """What a HealthCheckResponse says: field 1, a number."""
    if fields.get(":status") != "200":
        return f"status {fields.get(':status', 'none')}"
    if fields.get("grpc-status", "0") != "0":
        return f"grpc-status {fields['grpc-status'][:10]}"
    message = body[5:]
    status = message[1] if len(message) >= 2 and message[0] == 8 else 0
    return None if status == _SERVING else _STATUS_WORDS.get(status, str(status))
