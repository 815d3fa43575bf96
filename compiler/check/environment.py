"""GWC420, GWC421: what the configuration refers to outside its files, looked for (`gwc check --env`).

Not in the list of rules: it depends on the machine it runs on, so it runs only when asked. The runtime
refuses a table whose references are missing; this says so beforehand.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from gwc.schema.diagnostic import Diagnostic, error
from gwc.schema.template import EnvironmentReference, FileReference, parse_value

from ..diagnostics.nearest import nearest
from ..resolve import Resolution
from ..validate.record import Record, span_of
from .api_documents import check_documents
from .certificates import check_certificates

_FILES = ("ca-file", "certificate-file", "key-file")

_OF_THE_GATEWAY = (
    ("admin", "address"),
    ("metrics", "address"),
    ("access-log", "path"),
    ("error-log", "path"),
    ("audit-log", "path"),
    ("tracing", "endpoint"),
)
"""Where references may stand at the top level: block and key."""


def check_environment(
    resolution: Resolution, environment: Mapping[str, str], root: Path
) -> Iterator[Diagnostic]:
    """One finding for each reference that does not resolve. Relative files are looked for below `root`."""
    for record, key in _files(resolution.root):
        if "${" not in record[key]:
            yield from _judge_file(record[key], root, record, key, None)
    for record, key, index in _references(resolution.root):
        text = record[key] if index is None else record[key][index]
        if "${" not in text:
            continue
        for part in getattr(parse_value(text), "parts", ()):
            if isinstance(part, EnvironmentReference) and part.name not in environment:
                near = nearest(part.name, environment)
                yield error(
                    "GWC420",
                    span_of(record, key, index),
                    f"environment variable `{part.name}` is not set",
                    label="needed to load the table",
                    help=f"did you mean `{near}`?" if near else "set it where the gateway runs",
                )
            elif isinstance(part, FileReference):
                yield from _judge_file(part.path, root, record, key, index)
    yield from check_certificates(resolution, environment, root)
    yield from check_documents(owners(resolution.root), root)


def _judge_file(path: str, root: Path, record: Record, key: str, index: int | None) -> Iterator[Diagnostic]:
    """A finding if the file cannot be read."""
    reason = _unreadable(root / path)
    if reason:
        yield error(
            "GWC421",
            span_of(record, key, index),
            f"file `{path}` {reason}",
            label="needed to load the table",
            help=f"looked for `{root / path}`; mount it where the gateway runs",
        )


def _unreadable(path: Path) -> str | None:
    """Why a file cannot be read, None if it can."""
    if path.is_dir():
        return "is a directory"
    if not path.exists():
        return "does not exist"
    return None if os.access(path, os.R_OK) else "cannot be read"


def _files(root: Record) -> Iterator[tuple[Record, str]]:
    """The files that are named as such: certificates, keys and authorities."""
    for upstream in root.get("upstreams", ()):
        tls = upstream.get("tls", {})
        yield from ((tls, key) for key in _FILES if key in tls)
    yield from _listener_files(root)
    for owner in owners(root):
        for record, key in _of_policies(owner):
            if key in _POLICY_FILES:
                yield record, key


def owners(root: Record) -> Iterator[Record]:
    """Whoever may have policies: defaults, groups, routes."""
    if "defaults" in root:
        yield root["defaults"]
    waiting = list(root.get("routes", ()))
    while waiting:
        record = waiting.pop()
        yield record
        if "group" in record:
            waiting += record.get("routes", ())


_POLICY_FILES = ("file", "key-file", "database")


def _of_policies(owner: Record) -> Iterator[tuple[Record, str]]:
    """The texts of policies in which references may stand."""
    policy = owner.get("authenticate", {})
    for keys in policy.get("api-key", ()):
        if "file" in keys:
            yield keys, "file"
        yield from ((key, "hash") for key in keys.get("key", ()))
    schema = owner.get("api-schema", {})
    if schema and schema["file"] != "off":
        yield schema, "file"
    if "basic" in policy:
        yield policy["basic"], "file"
    if "geo" in owner:
        yield owner["geo"], "database"
    if "forward-auth" in policy:
        yield policy["forward-auth"], "url"
    for tokens in policy.get("jwt", ()):
        yield from ((tokens, key) for key in ("secret", "key-file", "jwks-url") if key in tokens)


def _listener_files(root: Record) -> Iterator[tuple[Record, str]]:
    for listener in root.get("listeners", ()):
        tls = listener.get("tls", {})
        if "ca-file" in tls:
            yield tls, "ca-file"
        for record in tls.get("certificates", ()):
            yield from ((record, key) for key in ("certificate", "key") if key in record)


def _references(root: Record) -> Iterator[tuple[Record, str, int | None]]:
    """The places where a reference may stand: addresses, files, URLs and the values of header fields."""
    for key, inner in _OF_THE_GATEWAY:
        if inner in root.get(key, {}):
            yield root[key], inner, None
    if "state-dir" in root:
        yield root, "state-dir", None
    for listener in root.get("listeners", ()):
        yield from ((listener, "address", index) for index in range(len(listener["address"])))
    yield from ((record, key, None) for record, key in _listener_files(root))
    for upstream in root.get("upstreams", ()):
        yield from ((target, "target", None) for target in upstream["targets"])
        yield from ((cookie, "secret", None) for cookie in (upstream.get("sticky-cookie"),) if cookie)
        tls = upstream.get("tls", {})
        yield from ((tls, key, None) for key in ("server-name", *_FILES) if key in tls)
        yield from ((egress, key, None) for egress in (upstream.get("egress-proxy", {}),) for key in egress)
    yield from (
        (agent, key, None) for agent in root.get("agents", ()) for key in ("url", "grpc") if key in agent
    )
    for owner in owners(root):
        yield from ((record, key, None) for record, key in _of_policies(owner))
    if "defaults" in root:
        yield from _in_settings(root["defaults"])
    yield from _in_routes(root.get("routes", ()))


def _in_routes(records: tuple[Record, ...]) -> Iterator[tuple[Record, str, int | None]]:
    for record in records:
        yield from _in_settings(record)
        if "group" in record:
            yield from _in_routes(record.get("routes", ()))


def _in_settings(record: Record) -> Iterator[tuple[Record, str, int | None]]:
    for key in ("request-headers", "response-headers"):
        rules = record.get(key, {})
        for kind in ("set", "add"):
            yield from ((rule, "value", None) for rule in rules.get(kind, ()))
    if "static-files" in record:
        yield record["static-files"], "root", None
    for page in record.get("error-pages", {}).get("pages", ()):
        if "file" in page:
            yield page, "file", None
    for header in record.get("respond", {}).get("headers", ()):
        yield header, "value", None
    for part in record.get("split", ()):
        yield from _in_settings(part)
