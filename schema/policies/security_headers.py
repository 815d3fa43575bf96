"""Fields that tell browsers to be careful, in the route table."""

from __future__ import annotations

from typing import NamedTuple


class SecurityHeadersRecord(NamedTuple):
    """`fields` are lower-case names with values; `replace`: they stand for those that a target set."""

    fields: tuple[tuple[str, str], ...]
    replace: bool = False
