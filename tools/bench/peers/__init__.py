"""The contestants of the proxy benchmark: gwc and other gateways, configured alike.

Alike means: one process or thread that serves, keep-alive connections to the upstream, an access log in the
peer's usual form to a file, a request id where the peer has one, no caching; compression and other policies
only where the scene asks for them.
"""

from __future__ import annotations

from . import caddy, envoy, gwc, haproxy, nginx
from .scene import STACK, Peer, ProxyRoute, Scene, proxy_routes

PEERS: tuple[Peer, ...] = (gwc.PEER, nginx.PEER, envoy.PEER, caddy.PEER, haproxy.PEER)

__all__ = ["PEERS", "STACK", "Peer", "ProxyRoute", "Scene", "proxy_routes"]
