"""What a route says of the files that it serves."""

from __future__ import annotations

from typing import NamedTuple

from .compress import Encoding


class StaticFilesRecord(NamedTuple):
    """Files below the directory `root` (references unresolved; a relative one is below the main file's).

    A directory is answered with the first of `indexes` that it has, else with a list of its files if
    `listing`. `fallback`, a path below the root, is what a path without a file is answered with.
    `precompressed`: a file beside the one asked for, with the coding's suffix, is sent instead. `hidden`:
    names that begin with a dot are served too.
    """

    root: str
    indexes: tuple[str, ...] = ("index.html",)
    fallback: str | None = None
    precompressed: tuple[Encoding, ...] = ()
    cache_control: str | None = None
    listing: bool = False
    hidden: bool = False
