"""What `${env:NAME}` and `${file:path}` stand for, looked up when a table is prepared.

Owns the look-up, the type that secrets are kept in, and the list of places in a table where a reference may
stand. A table on disk never has a secret in it. What is missing here is what `gwc check --env` finds
missing: the two must agree.
"""

from __future__ import annotations

import contextlib
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NoReturn, TypeAlias

from gwc.schema.table import GatewayRecord, RouteTable, Value
from gwc.schema.template import EnvironmentReference, FileReference, Text, ValueTemplate, parse_value

MOST_BYTES: Final = 1024 * 1024
"""Of a file that a reference names."""

_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NAMED: Final = {"\0": "a NUL", "\r": "a carriage return", "\n": "a line feed"}
_HIDDEN: Final = "****"

Kind: TypeAlias = Literal["env", "file"]


class Secret(str):
    """Text that is not to be seen. It is the text wherever text is joined, compared or encoded.

    `repr` and `str` show `****`, so whatever holds it, a traceback and a log's arguments show that. Joins,
    slices and f-strings are plain text: heads of messages are made with them, and they belong nowhere else.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return _HIDDEN

    def __str__(self) -> str:
        return _HIDDEN

    def __format__(self, spec: str) -> str:
        return format(self.reveal(), spec)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret stays in the process that looked it up")

    def reveal(self) -> str:
        """The plain text."""
        return "".join((self,))


@dataclass(frozen=True, slots=True)
class SecretFault:
    """One reference that cannot be used. `place` says where in the configuration it stands.

    `why` never says anything of a value.
    """

    place: str
    kind: Kind
    name: str
    why: str

    def __str__(self) -> str:
        shown = f"environment variable `{self.name}`" if self.kind == "env" else f"file `{self.name}`"
        return f"{self.place}: {shown} {self.why}" if self.place else f"{shown} {self.why}"


class SecretsMissing(Exception):
    """References that cannot be used: all of them, in the order of the table."""

    def __init__(self, faults: Iterable[SecretFault]) -> None:
        self.faults: Final = tuple(faults)
        super().__init__("; ".join(map(str, self.faults)))


class Secrets:
    """What references stand for. Each variable and file is looked up once: one table sees one value.

    `environment` is `os.environ` or the like; relative paths count from `root`, the directory of the
    configuration.
    """

    __slots__ = ("_environment", "_files", "_root")

    def __init__(self, environment: Mapping[str, str], root: Path) -> None:
        self._environment = environment
        self._root = root
        self._files: dict[str, bytes | str] = {}

    def __repr__(self) -> str:
        return f"Secrets(root={self._root!r})"

    def text(self, text: str, place: str = "") -> Secret:
        """An address, path or name with its references filled in, `$${` read as `${`.

        Errors: SecretsMissing with everything in `text` that cannot be used.
        """
        if "${" not in text:
            return Secret(text)
        template = parse_value(text, variables=False)
        assert isinstance(template, ValueTemplate), f"the compiler let a text pass: {text!r}"
        parts: list[str] = []
        faults: list[SecretFault] = []
        for part in template.parts:
            if isinstance(part, Text):
                parts.append(part.text)
            elif isinstance(part, EnvironmentReference):
                parts.append(self._look_up("env", part.name, place, faults, header=False))
            else:
                assert isinstance(part, FileReference), f"no request is known here: {text!r}"
                parts.append(self._look_up("file", part.path, place, faults, header=False))
        if faults:
            raise SecretsMissing(faults)
        return Secret("".join(parts))

    def value(self, value: Value, place: str = "") -> Value:
        """The value of a header field with its references filled in; variables of the request stay.

        Texts that a secret went into are `Secret`. They are latin-1: one character for each byte. Errors:
        SecretsMissing with everything in `value` that cannot be used, as what would break the field.
        """
        if len(value) == 1:
            return value
        parts: list[str] = [value[0]]
        faults: list[SecretFault] = []
        for variable, text in zip(value[1::2], value[2::2], strict=True):
            reference = _reference(variable)
            if reference is None:
                parts += (variable, text)
            else:
                found = self._look_up(*reference, place, faults, header=True)
                parts[-1] = Secret("".join((parts[-1], found, text)))
        if faults:
            raise SecretsMissing(faults)
        return tuple(parts)

    def gateway(self, record: GatewayRecord) -> GatewayRecord:
        """The settings of the gateway as a whole with the references of its paths and of the collector's
        address filled in. Its own addresses stay: whoever binds them looks theirs up.

        Errors: SecretsMissing.
        """

        def filled(text: str | None) -> str | None:
            return None if text is None else self.text(text).reveal()

        tracing = record.tracing
        if tracing is not None:
            tracing = tracing._replace(endpoint=self.text(tracing.endpoint).reveal())
        return record._replace(
            state_dir=filled(record.state_dir),
            access_log=record.access_log._replace(path=filled(record.access_log.path)),
            error_log=record.error_log._replace(path=filled(record.error_log.path)),
            audit_log=record.audit_log._replace(path=filled(record.audit_log.path)),
            tracing=tracing,
        )

    def check(self, table: RouteTable) -> None:
        """That everything that `table` refers to is there. Errors: SecretsMissing with all that is not."""
        faults: list[SecretFault] = []
        for place, written in references(table):
            try:
                if isinstance(written, str):
                    self.text(written, place)
                else:
                    self.value(written, place)
            except SecretsMissing as missing:
                faults += missing.faults
        if faults:
            raise SecretsMissing(dict.fromkeys(faults))

    def _look_up(self, kind: Kind, name: str, place: str, faults: list[SecretFault], *, header: bool) -> str:
        """What one reference stands for; "" and one fault more where that cannot be used."""
        why, found = None, ""
        if kind == "env":
            if name not in self._environment:
                why = "is not set"
            else:
                found = self._environment[name]
                if header:
                    found = found.encode("utf-8", "surrogateescape").decode("latin-1")
                elif not _encodable(found):
                    why = "is not UTF-8"
        else:
            content = self._file(name)
            if isinstance(content, str):
                why = content
            elif header:
                found = content.decode("latin-1")
            else:
                try:
                    found = content.decode("utf-8")
                except UnicodeDecodeError:
                    why = "is not UTF-8"
        if why is None:
            control = _CONTROL.search(found)
            if control is not None:
                why = f"holds {_NAMED.get(control[0], 'a control character')}"
        if why is None:
            return found
        faults.append(SecretFault(place, kind, name, why))
        return ""

    def _file(self, path: str) -> bytes | str:
        """What a file holds, without the end of its last line; text says why there is nothing to use."""
        known = self._files.get(path)
        if known is None:
            known = self._files[path] = _read(self._root / path)
        return known


def stamp(table: RouteTable, environment: Mapping[str, str], root: Path) -> object:
    """Something that changes with the files that a table names. Opens none of them."""
    secrets = Secrets(environment, root)
    paths: set[str] = set()
    for _, written in references(table):
        if isinstance(written, str):
            parts = getattr(parse_value(written, variables=False), "parts", ())
            paths.update(part.path for part in parts if isinstance(part, FileReference))
        else:
            paths.update(each[5:] for each in written[1::2] if each.startswith("file:"))
    paths.update(_named_files(table, secrets))
    return {path: _stamp_of(root / path) for path in paths}


def named_files(table: RouteTable, environment: Mapping[str, str], root: Path) -> frozenset[Path]:
    """The files of certificates, keys, authorities and policies that a table names: a change of them is to be
    taken up.
    """
    return frozenset(root / path for path in _named_files(table, Secrets(environment, root)))


def _named_files(table: RouteTable, secrets: Secrets) -> Iterator[str]:
    for text in _named_paths(table):
        if text is not None:
            with contextlib.suppress(SecretsMissing):
                yield secrets.text(text).reveal()


def _named_paths(table: RouteTable) -> Iterator[str | None]:
    for settings in table.settings_of_routes:
        if settings.authentication is not None:
            yield from settings.authentication.files()
        if settings.geo is not None:
            yield settings.geo.database
    for upstream in table.upstreams:
        if upstream.tls is not None:
            yield from (upstream.tls.ca_file, upstream.tls.certificate_file, upstream.tls.key_file)
    for listener in table.listeners:
        if listener.secure is not None:
            yield listener.secure.ca_file
            for pair in listener.secure.certificates:
                yield from pair


def _stamp_of(path: Path) -> object:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_dev, found.st_ino, found.st_size


def references(table: RouteTable) -> Iterator[tuple[str, str | Value]]:
    """Every text (address, path, name) and every header value of a table that has a reference, and its place.

    The place is worded for people: `upstream orders`, `listener public`, a header field's name.
    """
    for place, text in _texts(table):
        if text is not None and "${" in text:
            yield place, text
    seen: set[tuple[str, Value]] = set()
    for place, value in _values(table):
        if any(_reference(variable) for variable in value[1::2]) and (place, value) not in seen:
            seen.add((place, value))
            yield place, value


def _texts(table: RouteTable) -> Iterator[tuple[str, str | None]]:
    for gateway in table.gateway:
        yield from (("`admin`", gateway.admin), ("`metrics`", gateway.metrics))
        yield "`state-dir`", gateway.state_dir
        yield "`access-log`", gateway.access_log.path
        yield "`error-log`", gateway.error_log.path
        yield "`audit-log`", gateway.audit_log.path
        yield "`tracing`", None if gateway.tracing is None else gateway.tracing.endpoint
    for listener in table.listeners:
        for address in listener.addresses:
            yield f"listener `{listener.name}`", address
        if listener.secure is not None:
            yield f"listener `{listener.name}`", listener.secure.ca_file
            for pair in listener.secure.certificates:
                yield from ((f"listener `{listener.name}`", text) for text in pair)
    for upstream in table.upstreams:
        place = f"upstream `{upstream.name}`"
        for target, _ in upstream.targets:
            yield place, target
        choosing = upstream.choosing
        if choosing is not None and choosing.sticky_cookie is not None:
            yield place, choosing.sticky_cookie.secret
        if upstream.egress is not None:
            yield from ((place, text) for text in upstream.egress)
        tls = upstream.tls
        if tls is not None:
            for text in (tls.server_name, tls.ca_file, tls.certificate_file, tls.key_file):
                yield place, text
    for settings in table.settings_of_routes:
        if settings.authentication is not None:
            for text in settings.authentication.texts():
                yield "`authenticate`", text
        if settings.geo is not None:
            yield "`geo`", settings.geo.database
        for agent in settings.agents or ():
            yield f"agent `{agent.name}`", agent.url


def _values(table: RouteTable) -> Iterator[tuple[str, Value]]:
    for rules in table.rules:
        for name, value in (*rules.set, *rules.add):
            yield f"header field `{name}`", value
    for respond in table.responds:
        for name, value in respond.headers:
            yield f"header field `{name}`", value


def _reference(variable: str) -> tuple[Kind, str] | None:
    """The reference that a variable of a `Value` is; None for one of the request."""
    if variable.startswith("env:"):
        return "env", variable[4:]
    return ("file", variable[5:]) if variable.startswith("file:") else None


def _encodable(text: str) -> bool:
    """Whether the bytes that the environment holds were UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _read(path: Path) -> bytes | str:
    """A regular file's content (opening anything else may wait for ever), or why there is none."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            return "is a directory"
        if not stat.S_ISREG(status.st_mode):
            return "is not a regular file"
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return "does not exist"
    except (OSError, ValueError):
        return "cannot be read"
    if len(content) > MOST_BYTES:
        return f"is longer than {MOST_BYTES} bytes"
    if content.endswith(b"\r\n"):
        return content[:-2]
    return content[:-1] if content.endswith(b"\n") else content
