"""Whether what a route does can be done for every request that it matches.

Owns the rules between a route's action, rewrite and header rules and its alternatives: a prefix that is
replaced was matched, a capture that is used was made, a rewritten path is one that the gateway accepts, a
setting has an effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from gwc.schema.diagnostic import Label, error
from gwc.schema.predicate import PathPattern
from gwc.schema.regex.program import choose
from gwc.schema.template import EnvironmentReference, FileReference, Variable, parse_template, parse_value

from ..diagnostics.nearest import nearest
from .context import Context, Record, key_span, span_of
from .expand import Expanded
from .fallback import check_fallback
from .patterns import normal_form
from .resolved import Action, Builtin, Redirect, Respond, Rewrite, Split, StaticFiles, ToUpstream
from .scopes import Scoped, Setting

_TO_UPSTREAMS = (
    "rewrite",
    "request-headers",
    "timeouts",
    "retries",
    "fallback",
    "mirror",
    "trailers",
    "websocket",
    "drain-streams",
)
"""Settings that speak of what is sent to an upstream."""


def check_effects(context: Context, scoped: Scoped, action: Action, alternatives: Sequence[Expanded]) -> None:
    """Report what the route says and cannot do."""
    route, scope = scoped
    answers = isinstance(action, Redirect | Respond | Builtin | StaticFiles)
    if answers:
        _check_ineffective(context, scoped, action)
    at = scope.action
    check_fallback(
        context,
        route,
        action,
        None if at is None else Label(key_span(at.owner, at.key), "the route's upstream"),
    )
    if not isinstance(action, Split) and "sticky" in route:
        _check_sticky(context, scoped)
    if answers and not isinstance(action, StaticFiles):
        pass
    elif scope.rewrite is not None and scope.rewrite_at is not None:
        owner, key = scope.rewrite_at
        _check_path_change(context, route, owner[key], scope.rewrite, alternatives)
    if scope.action is not None and not isinstance(action, ToUpstream):
        owner, key = scope.action
        if isinstance(action, Redirect):
            _check_path_change(context, route, owner[key], action, alternatives)
        elif isinstance(action, Split):
            for part, record in zip(action.parts, owner[key], strict=True):
                if part.rewrite is not None:
                    _check_path_change(context, route, record["rewrite"], part.rewrite, alternatives)
    for record in _values(scoped, action):
        if "${path." in record["value"]:
            _check_captures(context, route, record, "value", alternatives)


def _check_ineffective(context: Context, scoped: Scoped, action: Action) -> None:
    """A setting of the route itself that its action leaves without an effect."""
    kind = (
        "redirect"
        if isinstance(action, Redirect)
        else "respond"
        if isinstance(action, Respond)
        else "builtin"
        if isinstance(action, Builtin)
        else "static-files"
    )
    route = scoped.record
    written = [Setting(route, key) for key in _TO_UPSTREAMS if key in route]
    if isinstance(action, StaticFiles):  # a file's path may be another than the request's
        written = [setting for setting in written if setting.key != "rewrite"]
    if "response-body" in route.get("limits", {}):
        written.append(Setting(route["limits"], "response-body"))
    for owner, key in written:
        at = scoped.scope.action or Setting(owner, key)
        context.report(
            error(
                "GWC324",
                key_span(owner, key),
                f"`{key}` has no effect beside `{kind}`",
                label="nothing is sent to an upstream",
                secondary=(Label(key_span(at.owner, at.key), "the gateway answers by itself"),),
                help=f"take `{key}` out, or give the route an upstream",
            )
        )


def _check_sticky(context: Context, scoped: Scoped) -> None:
    """A route's own `sticky` picks one of several parts; without a split there are none."""
    at = scoped.scope.action
    context.report(
        error(
            "GWC324",
            key_span(scoped.record, "sticky"),
            "`sticky` has no effect without a `split`",
            label="picks the part of a split",
            secondary=() if at is None else (Label(key_span(at.owner, at.key), "there is one way only"),),
            help="take `sticky` out, or share the requests with `split`",
        )
    )


def _check_path_change(
    context: Context,
    route: Record,
    record: Record,
    change: Rewrite | Redirect,
    alternatives: Sequence[Expanded],
) -> None:
    if change.kind is None:
        return
    key = "path" if change.kind == "full" else change.kind
    if change.kind == "prefix":
        _check_prefix(context, route, record, alternatives)
    if change.kind == "template":
        _check_captures(context, route, record, key, alternatives)
    _check_acceptable(context, record, key, change.path)


def _check_prefix(context: Context, route: Record, record: Record, alternatives: Iterable[Expanded]) -> None:
    """Prefix replacement needs a `path-prefix` in every alternative."""
    for alternative in alternatives:
        if alternative.path is not None and alternative.path.kind == "prefix":
            continue
        at = span_of(alternative.block.record) if alternative.block.record is not None else None
        context.report(
            error(
                "GWC325",
                key_span(record, "prefix"),
                f"route `{route['route']}` has no prefix to replace in every case",
                label="replaces the `path-prefix` that matched",
                secondary=(
                    Label(at or span_of(route, "route"), "requests get here without a `path-prefix`"),
                ),
                help="give every `matches` block a `path-prefix`, or write `path`, which replaces all",
            )
        )
        return


def _check_captures(
    context: Context, route: Record, record: Record, key: str, alternatives: Iterable[Expanded]
) -> None:
    """Every `${path.x}` is captured in every alternative."""
    parts = getattr(parse_value(record[key]), "parts", ())
    names = [part.name for part in parts if isinstance(part, Variable)]
    wanted = [name.removeprefix("path.") for name in names if name.startswith("path.")]
    for name in dict.fromkeys(wanted):
        for alternative in alternatives:
            known = captures(alternative.path)
            if name in known:
                continue
            at = alternative.block.record
            have = ", ".join(f"`${{path.{each}}}`" for each in known)
            near = nearest(name, known)
            advice = f"write `path-template` with `{{{name}}}` or a named group in every block"
            if near is not None:
                advice = f"did you mean `${{path.{near}}}`?"
            context.report(
                error(
                    "GWC326",
                    span_of(record, key),
                    f"`${{path.{name}}}` is not captured by every match of route `{route['route']}`",
                    label="used here",
                    secondary=(
                        Label(
                            span_of(at) if at is not None else span_of(route, "route"),
                            f"captures {have}" if have else "captures nothing",
                        ),
                    ),
                    help=advice,
                )
            )
            break


def _check_acceptable(context: Context, record: Record, key: str, path: str) -> None:
    """A rewritten path goes through the normaliser; one that is refused is seen here already."""
    probe = path or "/"
    if key == "template":
        parts = getattr(parse_value(path), "parts", ())
        for part in parts:
            if isinstance(part, EnvironmentReference | FileReference):
                context.report(
                    error(
                        "GWC332",
                        span_of(record, key),
                        f"`{part.text}` cannot stand in a path",
                        label="a path is filled for each request",
                        help="references are for addresses and header values; an overlay can change a path",
                    )
                )
                return
        probe = "".join("x" if isinstance(part, Variable) else part.text for part in parts)
    if any(normal_form(probe, each) is not None for each in context.path_options(None)):
        return
    context.report(
        error(
            "GWC327",
            span_of(record, key),
            f"the gateway refuses the path `{record[key]}`",
            label="every request would be answered 500",
            help="begin it with `/`; leave out `..` above the root, `%2F`, `%5C` and control characters",
        )
    )


@lru_cache(maxsize=4096)
def captures(path: PathPattern | None) -> tuple[str, ...]:
    """The names that a path pattern captures. A memo: pure, bounded."""
    if path is None or path.kind in ("exact", "prefix"):
        return ()
    if path.kind == "template":
        return tuple(getattr(parse_template(path.text), "names", ()))
    return tuple(getattr(choose(path.text), "groups", ()))


def _values(scoped: Scoped, action: Action) -> Iterator[Record]:
    """The rules with all header values that the route itself, its split and its reply write."""
    yield from _rules_with_values(scoped.record)
    if scoped.scope.action is None or isinstance(action, ToUpstream | Redirect | Builtin | StaticFiles):
        return
    written = scoped.scope.action.owner[scoped.scope.action.key]
    if isinstance(action, Split):
        for part in written:
            yield from _rules_with_values(part)
    else:
        yield from written.get("headers", ())


def _rules_with_values(owner: Record) -> Iterator[Record]:
    for key in ("request-headers", "response-headers"):
        rules = owner.get(key)
        if rules is not None:
            yield from rules.get("set", ())
            yield from rules.get("add", ())
