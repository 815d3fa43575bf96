"""The catalogue: what each diagnostic code means, one Markdown page a code.

Owns finding and reading the pages in `pages/`. A page is written by whoever emits its code and has one form:

    # GWC101: a string is never closed
    error

    What it means and why it matters.

    ## Example

    ```kdl
    ...
    ```

    ## Instead

    ```kdl
    ...
    ```

A fence may name its file (`kdl file=routes/a.kdl`); without a name it is the main file. A mistake that no
text block can show is told in prose, without a fence, and may leave "Instead" out. Pages are read when
somebody asks for one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from gwc.schema.diagnostic import Severity

PAGES: Final = Path(__file__).with_name("pages")

_CODE: Final = re.compile(r"GWC[0-9]{3}")
_TITLE: Final = re.compile(r"# (GWC[0-9]{3}): (\S.*)")
_FENCE: Final = re.compile(r"```(kdl|yaml)(?: file=(\S+))?")


@dataclass(frozen=True, slots=True)
class ExampleFile:
    """One file of an example: its path in the configuration's directory, and its text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """What there is to say about one code.

    `severity` is the one it has by default. `text` is the whole page as it was written, Markdown, `body` what
    stands below the severity. `example` yields the code, `instead` does not; each is empty where the page
    has prose for it, else its first file is the main one.
    """

    code: str
    title: str
    severity: Severity
    text: str
    body: str
    example: tuple[ExampleFile, ...]
    instead: tuple[ExampleFile, ...]


def codes() -> tuple[str, ...]:
    """Every code that has a page, in order."""
    return tuple(sorted(path.stem for path in PAGES.glob("GWC*.md") if _CODE.fullmatch(path.stem)))


@cache
def page(code: str) -> Page | None:
    """The page of a code, None if there is no such code. Read once (the cache is of immutable pages)."""
    if not _CODE.fullmatch(code):
        return None
    try:
        markdown = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return parse_page(markdown)


def nearest_code(asked: str) -> str | None:
    """The code that somebody meant who asked for `gwc401`, `401` or `GWC41`; None if none is near."""
    from .nearest import nearest

    known = codes()
    word = asked.strip(" \t[]`'\"").upper()
    with_letters = f"GWC{word}" if word.isascii() and word.isdigit() else word
    return with_letters if with_letters in known else nearest(with_letters, known)


def parse_page(markdown: str) -> Page:
    """Read a page. One that has another form is a bug of gwc: ValueError says what is wrong with it."""
    lines = markdown.splitlines()
    title = _TITLE.fullmatch(lines[0]) if lines else None
    if title is None:
        raise ValueError("a page begins with `# GWCnnn: title`")
    words = {severity.word: severity for severity in Severity}
    if len(lines) < 2 or lines[1] not in words:
        raise ValueError(f"{title[1]}: the second line is error, warning or note")
    sections = _sections(lines[2:])
    if list(sections) not in (["", "Example", "Instead"], ["", "Example"]):
        raise ValueError(f"{title[1]}: the sections are `## Example` and `## Instead`")
    if not "".join(sections[""]).strip():
        raise ValueError(f"{title[1]}: nothing says what the code means")
    example = _files(sections["Example"], title[1])
    if example and "Instead" not in sections:
        raise ValueError(f"{title[1]}: nothing says what to write instead")
    return Page(
        code=title[1],
        title=title[2].rstrip(),
        severity=words[lines[1]],
        text=markdown,
        body="\n".join(lines[2:]).strip("\n"),
        example=example,
        instead=_files(sections.get("Instead", ["nothing"]), title[1]),
    )


def _sections(lines: list[str]) -> dict[str, list[str]]:
    """Lines by the second-level heading above them; the first have the heading ''."""
    found: dict[str, list[str]] = {"": []}
    heading = ""
    fenced = False
    for line in lines:
        fenced ^= line.startswith("```")
        if line.startswith("## ") and not fenced:
            heading = line[3:].strip()
            found[heading] = []
        else:
            found[heading].append(line)
    return found


def _files(lines: list[str], code: str) -> tuple[ExampleFile, ...]:
    files: list[ExampleFile] = []
    name: str | None = None
    text: list[str] = []
    for line in lines:
        if name is not None:
            if line == "```":
                files.append(ExampleFile(name, "".join(f"{each}\n" for each in text)))
                name, text = None, []
            else:
                text.append(line)
        elif line.startswith("```"):
            fence = _FENCE.fullmatch(line)
            if fence is None:
                raise ValueError(f"{code}: a fence is ```kdl or ```yaml, with `file=` or without")
            name = fence[2] or f"gwc.{fence[1]}"
    if name is not None:
        raise ValueError(f"{code}: a fence is never closed")
    if not files and not "".join(lines).strip():
        raise ValueError(f"{code}: an empty section")
    return tuple(files)
