"""What handshakes at one address are made with: certificates, the choice among them by name, and the rules.

Owns the versions, suites and groups (Mozilla's "intermediate"), what is asked of clients, and the faults of
the files that are named, which show when a table is prepared. What was made is kept as long as something uses
it and made only once for equal content: tickets of clients go on counting over a table that changes something
else.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

from gwc.schema.certificate import Unreadable, read_certificate
from gwc.schema.listener import ListenerSettings
from gwc.schema.normalise.host import NormalHost, normalise_host
from gwc.schema.normalise.listen import best_listener
from gwc.schema.policies.tls import ListenerTls

from ...pem_files import PemFile, TlsFaulty, What, load_authorities, load_own, pem_file
from .groups import set_groups

_SUITES: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2, forward secret and authenticated; those of 1.3 all are."""

_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_MODES: Final = {"off": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}

_Loaded = tuple[str, PemFile, str, PemFile]
"""A certificate and its key: the text and the file of each."""


class ServerSide(ssl.SSLObject):
    """One handshake and what comes of it. `asked` is the name that the client asked for; `unknown` says that
    there is no certificate for it.
    """

    asked: str | None = None
    unknown = False


class _Content(NamedTuple):
    """All that a `ServerTls` is made of."""

    listeners: tuple[tuple[str, tuple[str, ...], tuple[_Loaded, ...]], ...]
    min_version: str
    mode: str
    authorities: PemFile | None
    protocols: tuple[str, ...]
    limits: tuple[int, int]


class ServerTls:
    """TLS at one address. `mode` is what is asked of clients; `handshake_ms` and `handshakes` as in the
    table.
    """

    __slots__ = ("__weakref__", "_first", "handshake_ms", "handshakes", "mode")

    def __init__(self, first: ssl.SSLContext, settings: ListenerTls) -> None:
        self._first = first
        self.mode = settings.client_certificates
        self.handshake_ms = settings.handshake_ms
        self.handshakes = settings.handshakes

    def __del__(self) -> None:
        # `ssl` wraps the callback in a function that holds on to the context: a circle that would never be
        # found, because what a table brings is frozen.
        self._first.sni_callback = None

    def begin(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> ServerSide:
        """A handshake over two buffers."""
        side = self._first.wrap_bio(incoming, outgoing, server_side=True)
        assert isinstance(side, ServerSide)
        return side


# What is in use by any table of this process, by what it is made of.
_MADE: Final[WeakValueDictionary[_Content, ServerTls]] = WeakValueDictionary()


def server_tls(
    listeners: Sequence[tuple[ListenerSettings, ListenerTls]],
    protocols: Sequence[str],
    resolve: Callable[[str], str] = str,
    root: Path = Path(),
) -> ServerTls:
    """What handshakes at an address are made with. Errors: TlsFaulty.

    `listeners` are those of the address in written order, with what each says of TLS; but for certificates
    they say the same. `protocols` are offered, the best first. `resolve` fills references in, `root` is where
    relative paths count from. May take a while: not for the loop.
    """
    rules = listeners[0][1]
    authorities = pem_file("ca-file", rules.ca_file, resolve, root)
    loaded = [
        (settings.name, settings.hosts, tuple(_files(pair, resolve, root) for pair in own.certificates))
        for settings, own in listeners
    ]
    limits = rules.handshake_ms, rules.handshakes
    content = _Content(
        tuple(loaded),
        rules.min_version,
        rules.client_certificates,
        authorities,
        tuple(protocols),
        limits,
    )
    made = _MADE.get(content)
    if made is None:
        made = _MADE[content] = _make(listeners, loaded, rules, authorities, protocols)
    return made


def keep_bad_names_quiet() -> None:
    """Have nothing written on stderr of server names that are no ASCII. To be called once in a process.

    `ssl` refuses them before anybody is asked, rightly, and tells of it as of an error that nobody can catch.
    """
    usual = sys.unraisablehook

    def hook(told: sys.UnraisableHookArgs) -> None:
        if not (isinstance(told.exc_value, UnicodeDecodeError) and isinstance(told.object, bytes)):
            usual(told)

    sys.unraisablehook = hook


def _files(pair: tuple[str, str], resolve: Callable[[str], str], root: Path) -> _Loaded:
    certificate, key = pair
    file = pem_file("certificate", certificate, resolve, root)
    key_file = pem_file("key", key, resolve, root)
    assert file is not None
    assert key_file is not None
    return certificate, file, key, key_file


def _make(
    listeners: Sequence[tuple[ListenerSettings, ListenerTls]],
    loaded: Sequence[tuple[str, tuple[str, ...], tuple[_Loaded, ...]]],
    rules: ListenerTls,
    authorities: PemFile | None,
    protocols: Sequence[str],
) -> ServerTls:
    contexts: dict[_Loaded, ssl.SSLContext] = {}
    by_name: dict[str, dict[str, ssl.SSLContext]] = {}
    for name, _, certificates in loaded:
        names = by_name[name] = {}
        for each in certificates:
            context = contexts.get(each)
            if context is None:
                context = contexts[each] = _context(each, rules, authorities, protocols)
            for covered in _names(each):
                names.setdefault(covered, context)
    first = next(iter(contexts.values()))
    first.sni_callback = _chooser([settings for settings, _ in listeners], by_name, first)
    return ServerTls(first, rules)


def _context(
    loaded: _Loaded, rules: ListenerTls, authorities: PemFile | None, protocols: Sequence[str]
) -> ssl.SSLContext:
    """One certificate's. The one that answers verifies, so each has the authorities."""
    written, file, key, key_file = loaded
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = ServerSide
    context.minimum_version = _VERSIONS[rules.min_version]
    context.set_ciphers(_SUITES)
    set_groups(context)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    # Clients know best what they do fast: a telephone takes ChaCha20, whoever has AES in hardware takes that.
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(list(protocols))
    own_key: tuple[What, str, PemFile | None] = ("certificate", written, None)
    if key_file != file:
        own_key = "key", key, key_file
    load_own(context, ("certificate", written, file), own_key)
    if authorities is not None:
        load_authorities(context, rules.ca_file or "", authorities)
    context.verify_mode = _MODES[rules.client_certificates]
    return context


def _names(loaded: _Loaded) -> tuple[str, ...]:
    """The names of a certificate."""
    written, file, _, _ = loaded
    try:
        found = read_certificate(file.path.read_bytes())
    except OSError:
        raise TlsFaulty("certificate", written, "cannot be read") from None
    if isinstance(found, Unreadable):
        raise TlsFaulty("certificate", written, found.why)
    return found.names


def _chooser(
    listeners: Sequence[ListenerSettings],
    by_name: Mapping[str, Mapping[str, ssl.SSLContext]],
    first: ssl.SSLContext,
) -> Callable[[ssl.SSLObject, str | None, ssl.SSLContext], int | None]:
    """What OpenSSL asks once it knows the name. It must not hold on to `first`, which holds on to it: nobody
    would ever see that both are garbage.
    """
    contexts = {
        listener: {name: None if each is first else each for name, each in names.items()}
        for listener, names in by_name.items()
    }

    def choose(side: ssl.SSLObject, asked: str | None, _context: ssl.SSLContext) -> int | None:
        assert isinstance(side, ServerSide)
        if asked is None:
            return None
        side.asked = asked
        read = normalise_host(asked.encode("ascii", "replace"))
        host = read.host if isinstance(read, NormalHost) and read.port is None else None
        listener = None if host is None else best_listener(host, listeners)
        if host is not None and listener is not None:
            names = contexts[listener.name]
            for name in (host, f"*.{host.partition('.')[2]}"):
                if name in names:
                    context = names[name]
                    if context is not None:
                        side.context = context
                    return None
        side.unknown = True
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    return choose
