"""Reading a document: from its file, with what it refers to, in one dialect.

Owns files and references. Nothing is fetched: a reference leads to a place in the document or to a file below
the root. OpenAPI 3.0 is written in a dialect of its own, which becomes JSON Schema 2020-12 here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from .operations import Api

_LARGEST: Final = 16 << 20
_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_DEEPEST: Final = 64
"""References that lead to references."""


class DocumentFaulty(Exception):
    """Raised where a document cannot be used. `pointer` is the place in it, "" for all of it."""

    def __init__(self, reason: str, pointer: str = "") -> None:
        super().__init__(f"{reason} (at {pointer})" if pointer else reason)
        self.reason = reason
        self.pointer = pointer


class Documents:
    """The files of one document by their URI, each read once. `root`: none outside is read."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._read: dict[str, Any] = {}

    @property
    def files(self) -> tuple[Path, ...]:
        """Those that were read."""
        return tuple(Path(unquote(urlsplit(uri).path)) for uri in self._read)

    def uri(self, path: Path) -> str:
        """The name of a file among these."""
        return path.resolve().as_uri()

    def at(self, uri: str) -> Any:
        """The content of a file. Raises DocumentFaulty."""
        plain = uri.partition("#")[0]
        if plain not in self._read:
            parts = urlsplit(plain)
            if parts.scheme != "file":
                raise DocumentFaulty(f"`{plain}` is not a file, and nothing is fetched")
            path = Path(unquote(parts.path)).resolve()
            if not path.is_relative_to(self._root):
                raise DocumentFaulty(f"`{path}` is not below `{self._root}`")
            self._read[plain] = read(path)
        return self._read[plain]

    def resolved(self, value: Any, base: str) -> tuple[Any, str, str]:
        """What a place holds, references followed: (value, URI of its file, pointer or "" if not moved)."""
        pointer = ""
        for _ in range(_DEEPEST):
            if not isinstance(value, Mapping) or not isinstance(value.get("$ref"), str):
                return value, base, pointer
            target, _, fragment = value["$ref"].partition("#")
            if target:
                base = _joined(base, target)
            pointer = unquote(fragment)
            value = _at(self.at(base), pointer)
        raise DocumentFaulty("references lead in a circle", pointer)


def load(path: Path, root: Path) -> Api:
    """Read, check and compile a document. Takes tens of milliseconds. Raises DocumentFaulty."""
    from .operations import body_api, openapi_api

    documents = Documents(
        path.resolve().parent if not path.resolve().is_relative_to(root.resolve()) else root
    )
    uri = documents.uri(path)
    document = documents.at(uri)
    if not isinstance(document, Mapping | bool):
        raise DocumentFaulty("the document is neither an OpenAPI document nor a JSON Schema")
    if isinstance(document, Mapping):
        if "swagger" in document:
            raise DocumentFaulty("Swagger 2.0 is not read; convert it to OpenAPI 3", "/swagger")
        if "openapi" in document:
            version = str(document["openapi"])
            if not version.startswith(("3.0", "3.1")):
                raise DocumentFaulty(f"OpenAPI {version[:20]} is not read; 3.0 and 3.1 are", "/openapi")
            api = openapi_api(document, uri, documents)
            api.files = documents.files
            return api
    api = body_api(uri, documents)
    api.files = documents.files
    return api


def read(path: Path) -> Any:
    """A JSON or YAML file as data, its schemas in JSON Schema 2020-12. Raises DocumentFaulty."""
    try:
        if path.stat().st_size > _LARGEST:
            raise DocumentFaulty(f"`{path.name}` is longer than 16 MiB")
        text = path.read_text("utf-8")
    except OSError as fault:
        raise DocumentFaulty(f"`{path}` cannot be read: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise DocumentFaulty(f"`{path.name}` is not UTF-8") from fault
    try:
        data = json.loads(text) if path.suffix == ".json" else _yaml(text)
    except (ValueError, RecursionError) as fault:
        raise DocumentFaulty(f"`{path.name}` cannot be read: {fault}") from fault
    if isinstance(data, dict) and str(data.get("openapi", "")).startswith("3.0"):
        _modernise(data)
    return data


def _yaml(text: str) -> Any:
    import yaml

    class Loader(yaml.CSafeLoader):
        """Dates are text, as in JSON."""

    Loader.yaml_implicit_resolvers = {
        first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return _with_text_keys(yaml.load(text, Loader))
    except yaml.YAMLError as fault:
        raise ValueError(" ".join(str(fault).split())[:200]) from fault


def _with_text_keys(data: Any) -> Any:
    """`200:` is the text `200`, as in JSON. Aliased parts are looked at once."""
    seen: set[int] = set()
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if id(value) in seen or not isinstance(value, dict | list):
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            for key in [key for key in value if not isinstance(key, str)]:
                value[str(key).lower() if isinstance(key, bool) else str(key)] = value.pop(key)
            waiting += value.values()
        else:
            waiting += value
    return data


def _modernise(document: Any) -> None:
    """OpenAPI 3.0's own words as those of JSON Schema, in place: `nullable`, boolean exclusive bounds."""
    seen: set[int] = set()
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if id(value) in seen or not isinstance(value, dict | list):
            continue
        seen.add(id(value))
        if isinstance(value, list):
            waiting += value
            continue
        if value.get("nullable") is True and isinstance(value.get("type"), str):
            value["type"] = [value["type"], "null"]
            if isinstance(value.get("enum"), list) and None not in value["enum"]:
                value["enum"] = [*value["enum"], None]
        for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if isinstance(value.get(exclusive), bool) and value.pop(exclusive) and bound in value:
                value[exclusive] = value.pop(bound)
        waiting += value.values()


def _joined(base: str, target: str) -> str:
    from urllib.parse import urljoin

    return urljoin(base, target)


def _at(document: Any, pointer: str) -> Any:
    """The place that a JSON pointer leads to."""
    value = document
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isascii() and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            raise DocumentFaulty("a reference leads nowhere", pointer)
    return value


def step(pointer: str, *keys: str) -> str:
    """The pointer to a place further in."""
    return pointer + "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


METHODS: Final = _METHODS
