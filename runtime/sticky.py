"""Sticky splits: what of a request always picks the same part.

Owns the point at which a split is cut for a request: a fixed hash of the client's address, a header or a
cookie, the same in every worker, process and version.
"""

from __future__ import annotations

from random import getrandbits
from typing import Literal
from zlib import crc32

from gwc.schema.normalise import cookie_value
from gwc.schema.request import RequestHead


def split_point(head: RequestHead, sticky: tuple[Literal["client-ip", "header", "cookie"], str]) -> int:
    """A number that depends on nothing but the value asked for; any number where the request has none."""
    kind, name = sticky
    if kind == "client-ip":
        value = None if head.client_ip is None else str(head.client_ip)
    elif kind == "header":
        value = head.headers.get(name)
    else:
        value = cookie_value(head, name)
    if value is None:
        return getrandbits(32)
    return crc32(value.encode("latin-1"))
