"""TLS with clients: contexts, the handshake, and the transport that a version of HTTP then speaks through."""
