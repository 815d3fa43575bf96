"""What normalising can produce, as regular expressions.

Owns the languages of hosts and paths, for checks and proofs: the normaliser itself does not run them. They
are written in the dialect that configurations use (no lookaround), so that whatever takes a user's pattern
takes them too. Every string of a language normalises to itself, and every result of normalising is in it; a
test holds both. Hosts have one bound that the expression leaves out: a name has 253 bytes at most.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from ..listener import PathOptions

_DEFAULT = PathOptions()

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_CONTROLS = frozenset(range(0x20)) | {0x7F}
_CONTINUATION = frozenset(range(0x80, 0xC0))

# Raw characters of a path but `/`, `.` and `;`: the rest of RFC 3986's pchar.
_RAW = "0-9A-Za-z_~!$&'()*+,=:@"

_OVERLONG = {
    0xC0: _CONTINUATION,
    0xC1: _CONTINUATION,
    0xE0: frozenset(range(0x80, 0xA0)),
    0xF0: frozenset(range(0x80, 0x90)),
    0xF8: frozenset(range(0x80, 0x88)),
    0xFC: frozenset(range(0x80, 0x84)),
}
"""Lead byte -> what after it makes an overlong form (RFC 3629 section 10; RFC 2279 for 5 and 6 bytes)."""


@cache
def path_language(options: PathOptions = _DEFAULT) -> str:
    """The paths that a listener with these options can produce. `reject-changes` does not alter them.

    A segment is neither `.` nor `..` nor begins with `.;` or `..;`; an escape is in upper case, of a byte
    that needs one, and no two escapes begin an overlong UTF-8 form.
    """
    escaped = frozenset(range(0x100)) - _UNRESERVED - _CONTROLS - frozenset(b"/\\")
    if options.keep_encoded_slash:
        escaped |= frozenset(b"/")
    leads = frozenset(_OVERLONG)
    plain = escaped - leads
    lead = _escapes(leads)
    # A run of lead bytes and what may follow its last one.
    after_lead = "|".join(
        f"{_escapes({byte})}(?:[{_RAW}.;-]|{_escapes(plain - forbidden)})"
        for byte, forbidden in _OVERLONG.items()
    )
    run = f"(?:{lead})*(?:{after_lead})"
    ordinary = f"[{_RAW}-]|{_escapes(plain)}|{run}"
    rest = f"(?:[.;]|{ordinary})*(?:{lead})*"
    segment = rf"(?:(?:;|\.{{3}}|\.{{0,2}}(?:{ordinary})){rest}|\.{{0,2}}(?:{lead})+)"
    if options.keep_repeated_slashes:
        return f"(?:/{segment}?)+"
    return f"(?:/{segment})+/?|/"


def _escapes(codes: Iterable[int]) -> str:
    """An expression for the escapes of these bytes, in upper case: `%(?:2[01]|C3)`."""
    by_high: dict[str, str] = {}
    for code in sorted(codes):
        by_high[f"{code >> 4:X}"] = by_high.get(f"{code >> 4:X}", "") + f"{code & 15:X}"
    by_lows: dict[str, str] = {}
    for high, lows in by_high.items():
        by_lows[lows] = by_lows.get(lows, "") + high
    return "%(?:" + "|".join(f"{_one_of(highs)}{_one_of(lows)}" for lows, highs in by_lows.items()) + ")"


def _one_of(digits: str) -> str:
    """A class of hexadecimal digits, or the digit."""
    return digits if len(digits) == 1 else f"[{digits}]"


_LABEL = "[0-9a-z_-]{1,63}"
HOST_NAME_LANGUAGE = rf"{_LABEL}(?:\.{_LABEL})*"
"""Host names, but for their length in all."""


@cache
def host_languages() -> tuple[str, ...]:
    """Every host that is not empty is in one of these: names (but for their length in all), IPv6 addresses
    without `::` and those with it, in brackets and as RFC 5952 writes them.

    Several expressions, because one would be longer than the dialect allows. The empty host of HTTP/1.0
    without Host is in none.
    """
    # Which groups are zero decides alone where `::` stands: one shape for each of the 256 cases.
    shapes = sorted(map(_shape, range(256)))
    whole = [shape for shape in shapes if "::" not in shape]
    # Five zeros and `ffff` are an IPv4-mapped address, which has a form of its own (RFC 5952 section 5).
    mapped = {shape for shape in shapes if re.fullmatch("::n:[0n]:[0n]", shape)}
    shortened = [
        shape.replace("n", "m", 1) if shape in mapped else shape for shape in shapes if "::" in shape
    ]
    octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
    ipv4 = rf"::ffff:{octet}(?:\.{octet}){{3}}"
    return HOST_NAME_LANGUAGE, rf"\[{_shared(whole)}\]", rf"\[(?:{_shared(shortened)}|{ipv4})\]"


_SPELT = {
    "0": "0",
    ":": ":",
    "n": "[1-9a-f][0-9a-f]{0,3}",
    "m": "(?:[1-9a-e][0-9a-f]{0,3}|f(?:[0-9a-f]{0,2}|[0-9a-e][0-9a-f]{2}|f[0-9a-e][0-9a-f]|ff[0-9a-e]))",
}
"""The pieces of a shape: a zero group, a colon, a group that is not zero, one that is not `ffff` either."""


def _shape(zeros: int) -> str:
    """The shape of the address whose groups are zero where the number has a bit, the first group the highest.

    The longest run of two or more zeros is shortened, the first of several (RFC 5952 sections 4.2.2, 4.2.3).
    """
    groups = ["0" if zeros >> (7 - place) & 1 else "n" for place in range(8)]
    length = max((n for n in range(2, 9) if "0" * n in "".join(groups)), default=0)
    if not length:
        return ":".join(groups)
    start = "".join(groups).index("0" * length)
    return ":".join(groups[:start]) + "::" + ":".join(groups[start + length :])


def _shared(shapes: list[str]) -> str:
    """An expression for the shapes: those that begin alike share the beginning, beginnings with the same
    ends share the ends."""
    ends_of: dict[str, list[str]] = {}
    for shape in shapes:
        if shape:
            ends_of.setdefault(shape[0], []).append(shape[1:])
    begins_of: dict[tuple[str, ...], list[str]] = {}
    for begin, ends in ends_of.items():
        begins_of.setdefault(tuple(ends), []).append(_SPELT[begin])
    branches = [_grouped(begins) + _shared(list(ends)) for ends, begins in begins_of.items()]
    if not branches:
        return ""
    return _grouped(branches) if "" not in shapes else f"(?:{'|'.join(branches)})?"


def _grouped(branches: list[str]) -> str:
    """An alternation that may stand beside something else."""
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
