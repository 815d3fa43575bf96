"""`error-pages`: which page is for which statuses.

Owns the rules between pages: each has a body, none stands behind one that takes all its statuses.
"""

from __future__ import annotations

import re

from gwc.schema.diagnostic import Label, error, warning
from gwc.schema.policies.error_pages import VARIABLES, ErrorPage, ErrorPagesRecord

from ..diagnostics.nearest import nearest
from .context import Context, Record, key_span, span_of

_CLASSES = {"4xx": (400, 499), "5xx": (500, 599), "any": (400, 599)}
_VARIABLE = re.compile(r"\$\{([^{}]*)\}")


def resolve_error_pages(context: Context, record: Record, _scope: str) -> ErrorPagesRecord | None:
    """The pages in the order written; None where they are not wanted."""
    if record.get("state") == "off":
        return None
    pages: list[ErrorPage] = []
    records: list[Record] = []
    for each in record.get("pages", ()):
        first, last = _CLASSES.get(each["page"]) or (each["page"], each["page"])
        if "file" not in each and "body" not in each:
            literal = each["page"] if isinstance(each["page"], int) else f'"{each["page"]}"'
            context.report(
                error(
                    "GWC381",
                    span_of(each, "page"),
                    f"the page for `{each['page']}` has neither `file` nor `body`",
                    help=f'write `page {literal} file="{each["page"]}.html"`, or `body="…"`',
                )
            )
        if "file" in each and "body" in each:
            context.report(
                error(
                    "GWC381",
                    key_span(each, "body"),
                    f"the page for `{each['page']}` has both `file` and `body`",
                    label="would never be sent",
                    secondary=(Label(key_span(each, "file"), "is the page"),),
                    help="keep one",
                )
            )
        _check_variables(context, each)
        for page, other in zip(pages, records, strict=True):
            if page.first <= first and last <= page.last:
                context.report(
                    warning(
                        "GWC457",
                        span_of(each, "page"),
                        f"the page for `{each['page']}` is never sent",
                        label="behind one that takes its statuses",
                        secondary=(Label(span_of(other, "page"), "is sent instead"),),
                        help="put it first, or take it out",
                    )
                )
                break
        pages.append(ErrorPage(first, last, each.get("file"), each.get("body", ""), each.get("type")))
        records.append(each)
    if not pages:
        context.report(
            error(
                "GWC381",
                key_span(record, "intercept"),
                "`error-pages` has no page",
                help='add one: `page "5xx" body="Sorry."`',
            )
        )
    return ErrorPagesRecord(tuple(pages), record.get("intercept", False))


def _check_variables(context: Context, page: Record) -> None:
    """What stands in a page that is written here is known; a file may hold a program of its own."""
    for found in _VARIABLE.finditer(page.get("body", "")):
        if found[1] in VARIABLES:
            continue
        near = nearest(found[1], VARIABLES)
        known = ", ".join(f"`${{{name}}}`" for name in VARIABLES)
        context.report(
            error(
                "GWC382",
                span_of(page, "body"),
                f"a page has no variable `{found[0]}`",
                help=f"there are {known}" if near is None else f"did you mean `${{{near}}}`?",
            )
        )
