"""The error log: what the gateway has to say about itself.

Owns levels and the form of a line: timestamp, level, event, the fields given, the instance. A field whose
name says that it is secret is masked; text is cut and has no control characters.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final, Literal

import orjson
from gwc.schema.table import LogRecord

from .masking import MASK, PLAIN, clean_json, is_secret
from .timestamp import Clock

Level = Literal["debug", "info", "warning", "error"]

LEVELS: Final[Mapping[str, int]] = {"debug": 0, "info": 1, "warning": 2, "error": 3}
_LONGEST: Final = 2048
_MOST_ITEMS: Final = 64


class ErrorLog:
    """Turns events into lines. May be called from any thread."""

    def __init__(self, log: LogRecord, instance: str, write: Callable[[bytes], None]) -> None:
        self._least = LEVELS[log.level]
        self._json = log.format == "json"
        self._instance = instance
        self._write = write
        self._clock = Clock()
        self._alone = threading.Lock()

    def set_level(self, level: Level) -> None:
        """Tell of that and worse from now on."""
        self._least = LEVELS[level]

    def tell(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        """Write a line, unless its level is below the one asked for. A level nobody knows is an error."""
        rank = LEVELS.get(level, 3)
        if rank < self._least:
            return
        line = {
            "timestamp": "",
            "level": level if level in LEVELS else "error",
            "event": event[:_LONGEST],
            **{name: MASK if is_secret(name) else plain(value) for name, value in fields.items()},
            "instance": self._instance,
        }
        with self._alone:
            line["timestamp"] = self._clock.text(time.time())
            self._write(json_line(line) if self._json else text_line(line))


def json_line(fields: Mapping[str, object]) -> bytes:
    """One JSON object and a line feed. The values are as `plain` gives them."""
    try:
        line = orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        told = {name: repr(value)[:_LONGEST] for name, value in fields.items()}
        line = orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)
    return clean_json(line)


def text_line(fields: Mapping[str, object]) -> bytes:
    """A line to read: the first three values, then `name=value`; what is empty is left out."""
    names = list(fields)
    told = [str(fields[name]) for name in names[:3]]
    told += [f"{name}={fields[name]}" for name in names[3:] if fields[name] not in ("", None)]
    return " ".join(told).translate(PLAIN).encode("utf-8", "replace") + b"\n"


def plain(value: object, depth: int = 2) -> object:
    """A value as JSON can hold it, cut to a length that a log bears, secret members masked."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else str(value)[:_LONGEST]
    if isinstance(value, str):
        return value[:_LONGEST].encode("utf-8", "replace").decode()
    if isinstance(value, bytes):
        return value[:_LONGEST].decode("latin-1")
    if depth and isinstance(value, Mapping):
        members = list(value.items())[:_MOST_ITEMS]
        return {str(name): MASK if is_secret(str(name)) else plain(of, depth - 1) for name, of in members}
    if depth and isinstance(value, list | tuple):
        return [plain(item, depth - 1) for item in value[:_MOST_ITEMS]]
    try:
        return str(value)[:_LONGEST].encode("utf-8", "replace").decode()
    except Exception:  # somebody else's __str__
        return f"<{type(value).__name__}>"
