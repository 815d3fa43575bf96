"""What handshakes are made with: kept while it is used, shared while nothing changed, and then gone."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest
import trustme
from gwc.runtime.pem_files import TlsFaulty
from gwc.runtime.wire.tls.contexts import server_tls
from gwc.runtime.wire.tls.groups import set_groups
from gwc.schema.listener import ListenerSettings
from gwc.schema.policies.tls import ListenerTls

LISTENER = ListenerSettings("a", ("127.0.0.1:1",), tls=True)
OWN = ListenerTls((("a.pem", "a.key"),))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One with a certificate."""
    _issue(tmp_path)
    return tmp_path


def _issue(folder: Path) -> None:
    own = trustme.CA().issue_cert("a.test")
    (folder / "a.pem").write_bytes(own.cert_chain_pems[0].bytes())
    (folder / "a.key").write_bytes(own.private_key_pem.bytes())


def test_the_same_files_are_the_same(folder: Path) -> None:
    """So sessions are resumed over tables that change something else; another certificate is another."""
    first = server_tls([(LISTENER, OWN)], ("http/1.1",), root=folder)
    assert server_tls([(LISTENER, OWN)], ("http/1.1",), root=folder) is first
    assert server_tls([(LISTENER, OWN)], ("h2", "http/1.1"), root=folder) is not first
    _issue(folder)
    assert server_tls([(LISTENER, OWN)], ("http/1.1",), root=folder) is not first


def test_what_nobody_uses_is_gone(folder: Path) -> None:
    """At once, without the collector: a gateway that renews certificates for years does not grow."""
    gc.disable()
    try:
        made = server_tls([(LISTENER, OWN)], ("http/1.1",), root=folder)
        context = weakref.ref(made._first)
        del made
        assert context() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("file", "said"), [("a.pem", "holds no certificate in PEM"), ("a.key", "holds no private key in PEM")]
)
def test_files_of_no_use(folder: Path, file: str, said: str) -> None:
    """Told with the key and the text of the configuration."""
    (folder / file).write_text("rubbish")
    with pytest.raises(TlsFaulty, match=said):
        server_tls([(LISTENER, OWN)], ("http/1.1",), root=folder)


def test_groups_can_be_chosen_here(folder: Path) -> None:
    """On this Python the list of groups is ours; what is no list is refused."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert set_groups(context)
    assert not set_groups(context, "no-such-group")
