"""What a file is, by its name. The list is our own, so that no machine's settings change a reply."""

from __future__ import annotations

from mimetypes import MimeTypes
from typing import Final

_MORE: Final = {
    ".avif": "image/avif",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".opus": "audio/ogg",
    ".otf": "font/otf",
    ".svg": "image/svg+xml",
    ".toml": "application/toml",
    ".ttf": "font/ttf",
    ".wasm": "application/wasm",
    ".webm": "video/webm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}

_TYPES: Final = MimeTypes()
for _suffix, _type in _MORE.items():
    _TYPES.add_type(_type, _suffix)


def type_of(name: str) -> str:
    """The content type for a file's name, text being UTF-8; `application/octet-stream` where unknown."""
    kind, coding = _TYPES.guess_type(name)
    if coding is not None:  # a packed file is sent as what it is, not as what is in it
        return {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "br": "application/x-brotli"}.get(
            coding, "application/octet-stream"
        )
    if kind is None:
        return "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
