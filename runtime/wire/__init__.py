"""Bytes and exchanges: one room for each protocol. A wire protocol never knows a route."""
