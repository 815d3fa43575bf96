"""The gateway as its users meet it: over sockets. Nothing here imports any of its code."""
