"""Conditional requests and ranges (RFC 9110 sections 13 and 14), for something with a tag and a date.

Owns the order of the conditions and the reading of Range. Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal, NamedTuple

MOST_RANGES: Final = 16
"""More ranges than this in one request are not looked at: nobody reads a file so, but an attacker."""

_TAG = re.compile(r'(?:W/)?"[!#-~\x80-\xff]*"')
_RANGE = re.compile(r"([0-9]{0,18})-([0-9]{0,18})")


class Part(NamedTuple):
    """Bytes from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.last - self.first + 1


# PERF: files have few dates; a memo that is bounded.
@lru_cache(maxsize=1024)
def date_of(seconds: int) -> str:
    """A time as a field says it."""
    return formatdate(seconds, usegmt=True)


def judged(headers: Mapping[str, str], etag: str, modified: int) -> Literal[200, 304, 412]:
    """What the conditions of a GET or HEAD come to (RFC 9110 section 13.2.2): 200, 304 or 412."""
    if "if-match" in headers:
        if not _among(headers["if-match"], etag, strong=True):
            return 412
    elif "if-unmodified-since" in headers:
        since = _seconds(headers["if-unmodified-since"])
        if since is not None and modified > since:
            return 412
    if "if-none-match" in headers:
        return 304 if _among(headers["if-none-match"], etag, strong=False) else 200
    if "if-modified-since" in headers:
        since = _seconds(headers["if-modified-since"])
        if since is not None and modified <= since:
            return 304
    return 200


def parts_of(headers: Mapping[str, str], etag: str, modified: int, size: int) -> list[Part] | None:
    """The parts that a request wants, as they were asked for and without overlaps; [] where none of them is
    there (416); None for the whole. A Range that cannot be read is not one (RFC 9110 section 14.2).
    """
    asked = headers.get("range", "")
    if not asked.lower().startswith("bytes="):
        return None
    condition = headers.get("if-range")
    if condition is not None:
        same = condition == etag if '"' in condition else _seconds(condition) == modified
        if not same:
            return None
    texts = [each.strip(" \t") for each in asked[6:].split(",") if each.strip(" \t")]
    if not texts or len(texts) > MOST_RANGES:
        return None
    parts = []
    for text in texts:
        found = _RANGE.fullmatch(text)
        if found is None or text == "-":
            return None
        begin, end = found.groups()
        if not begin:
            first, last = max(size - int(end), 0), size - 1
            if not int(end):
                continue
        else:
            first, last = int(begin), min(int(end), size - 1) if end else size - 1
            if end and int(end) < int(begin):
                return None
        if first < size:
            parts.append(Part(first, last))
    ordered = sorted(parts)
    if any(second.first <= first.last for first, second in pairwise(ordered)):
        return _merged(ordered)
    return parts


def _merged(ordered: list[Part]) -> list[Part]:
    """Overlapping parts as one (RFC 9110 section 15.3.7.2)."""
    found = [ordered[0]]
    for part in ordered[1:]:
        if part.first <= found[-1].last:
            found[-1] = Part(found[-1].first, max(found[-1].last, part.last))
        else:
            found.append(part)
    return found


def _among(field: str, etag: str, *, strong: bool) -> bool:
    """Whether the tag is among those of the field, `*` being any."""
    if field.strip(" \t") == "*":
        return True
    own = etag.removeprefix("W/")
    for tag in _TAG.findall(field):
        if strong and (tag.startswith("W/") or etag.startswith("W/")):
            continue
        if tag.removeprefix("W/") == own:
            return True
    return False


def _seconds(text: str) -> int | None:
    """A date as Unix time, None where it is none."""
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (TypeError, ValueError, OverflowError):
        return None
