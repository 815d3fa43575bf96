"""References are looked up once, never shown, and missing exactly where `gwc check --env` says so."""

from __future__ import annotations

import copy
import logging
import pickle
from pathlib import Path

import pytest
from gwc.compiler.check.environment import check_environment
from gwc.compiler.pipeline import compile_text
from gwc.runtime.secrets import MOST_BYTES, Secret, Secrets, SecretsMissing, references

CANARY = "hunter2-canary"


def test_a_secret_is_not_shown() -> None:
    """Whatever shows things shows stars."""
    secret = Secret(CANARY)
    shown = [
        repr(secret), str(secret), f"{secret!r:>9}", f"{secret!s}", repr([secret]), repr({"a": secret}),
        str((secret,)), logging.LogRecord("a", 20, "b", 1, "x %s %r", (secret, secret), None).getMessage(),
        str(ValueError(secret)),
    ]  # fmt: skip
    assert not [text for text in shown if "hunter2" in text]


def test_a_secret_is_the_text_where_it_is_sent() -> None:
    """Joined, compared, encoded or revealed it is what it stands for; it is never pickled."""
    secret = Secret(CANARY)
    assert secret == CANARY
    assert secret.encode() == CANARY.encode()
    assert "".join(("a", secret)) == "a" + CANARY
    assert f"authorization: {secret}\r\n" == f"authorization: {CANARY}\r\n"
    assert type(secret.reveal()) is str
    assert type(secret.reveal() + "") is str
    assert secret.reveal() == CANARY
    for take in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError, match="stays in the process"):
            take(secret)


def test_texts_and_values(tmp_path: Path) -> None:
    """Environment and files are filled in; variables of the request are left."""
    (tmp_path / "token").write_bytes(b"s3\xc3\xa4\n")
    (tmp_path / "port").write_bytes(b"8080\r\n")
    secrets = Secrets({"HOST": "orders", "EMPTY": "", "UMLAUT": "ä"}, tmp_path)
    assert secrets.text("${env:HOST}:${file:port}") == "orders:8080"
    assert secrets.text("a$${b}") == "a$${b}".replace("$$", "$")
    assert secrets.text(f"${{file:{tmp_path}/port}}") == "8080"
    assert secrets.text("plain:80") == "plain:80"
    value = secrets.value(("Bearer ", "file:token", " for ", "req.host", "-", "env:EMPTY", "."))
    assert value == ("Bearer s3\xc3\xa4 for ", "req.host", "-.")
    assert secrets.value(("", "env:UMLAUT", "")) == ("\xc3\xa4",)
    assert [type(part) for part in value] == [Secret, str, Secret]
    assert "s3" not in repr(value)
    plain = ("a", "req.host", "b")
    assert secrets.value(plain) == plain


def test_a_file_is_read_once(tmp_path: Path) -> None:
    """One table sees one value of a file, however often it is asked for."""
    (tmp_path / "a").write_text("1")
    secrets = Secrets({}, tmp_path)
    assert secrets.text("${file:a}") == "1"
    (tmp_path / "a").write_text("2")
    assert secrets.text("${file:a}") == "1"
    assert Secrets({}, tmp_path).text("${file:a}") == "2"


def test_all_that_is_missing_is_told(tmp_path: Path) -> None:
    """Everything that cannot be used is told at once, with a reason and never with a value."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "long").write_bytes(bytes(MOST_BYTES + 1))
    secrets = Secrets({"BAD": f"{CANARY}\nx"}, tmp_path)
    value = (
        "", "env:GONE", "", "file:gone", "", "file:folder", "", "file:long", "", "env:BAD", "",
        "file:/dev/zero", "",
    )  # fmt: skip
    with pytest.raises(SecretsMissing) as caught:
        secrets.value(value, "header field `x`")
    assert [(fault.kind, fault.name, fault.why) for fault in caught.value.faults] == [
        ("env", "GONE", "is not set"),
        ("file", "gone", "does not exist"),
        ("file", "folder", "is a directory"),
        ("file", "long", "is longer than 1048576 bytes"),
        ("env", "BAD", "holds a line feed"),
        ("file", "/dev/zero", "is not a regular file"),
    ]
    assert "hunter2" not in str(caught.value)
    assert "header field `x`: environment variable `GONE` is not set" in str(caught.value)


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\0b", "\n", "a\n\n", "a\r\n\r\n", "a\x1bb", "a\x7f"])
def test_what_would_break_a_field_is_refused(text: str, tmp_path: Path) -> None:
    """A value that would end its line, or hold a control character, never gets into a header."""
    (tmp_path / "a").write_bytes(text.encode())
    secrets = Secrets({"A": text}, tmp_path)
    for reference in ("env:A", "file:a"):
        if reference == "file:a" and text == "\n":
            continue  # an empty last line
        with pytest.raises(SecretsMissing, match="holds a"):
            secrets.value(("", reference, ""))
        with pytest.raises(SecretsMissing, match="holds a"):
            secrets.text(f"${{{reference}}}")


def test_texts_are_utf_8(tmp_path: Path) -> None:
    """Bytes that are no text can stand in a header field, not in an address or path."""
    (tmp_path / "a").write_bytes(b"\xff")
    secrets = Secrets({"A": "\udcff"}, tmp_path)
    assert secrets.value(("", "env:A", "", "file:a", "")) == ("\xff\xff",)
    for reference in ("env:A", "file:a"):
        with pytest.raises(SecretsMissing, match="is not UTF-8"):
            secrets.text(f"${{{reference}}}")


CONFIG = """
listeners { listener "public" { address "${env:LISTEN}:8080" } }
upstreams {
    upstream "orders" { target "${env:ORDERS}:80" weight=2; target "unix:/run/${file:name}.sock" }
    upstream "other" { target "10.0.0.1:80" }
}
defaults { response-headers { set "x-env" "${env:STAGE}" } }
routes {
    group "g" {
        request-headers { add "authorization" "Bearer ${file:secret/token}" }
        route "a" {
            matches { path-prefix "/a" }
            split { upstream "orders" weight=1 { request-headers { set "x-part" "${env:PART}-${req.host}" } }
                    upstream "other" weight=1 }
        }
        route "b" {
            matches { path-prefix "/b" }
            respond status=200 { header "x-one" "${env:ONE}${file:two} $${env:NOT}" }
        }
    }
    route "c" { matches { path-prefix "/c" }; upstream "orders"
        response-headers { add "x-c" "${file:locked}" } }
}
"""

NAMES = {"LISTEN": "127.0.0.1", "ORDERS": "10.0.0.2", "STAGE": "prod", "PART": "p", "ONE": "1"}
FILES = ("name", "secret/token", "two", "locked")


def missing_to_both(environment: dict[str, str], root: Path) -> tuple[set[str], set[str]]:
    """What `gwc check --env` and the gateway find missing in CONFIG."""
    result = compile_text(CONFIG, "kdl", "gwc.kdl")
    assert result.resolution is not None
    assert result.table is not None, [diagnostic.headline for diagnostic in result.diagnostics]
    checked = {finding.headline for finding in check_environment(result.resolution, environment, root)}
    try:
        Secrets(environment, root).check(result.table)
    except SecretsMissing as missing:
        loaded = {str(fault).rpartition(": ")[2] for fault in missing.faults}
    else:
        loaded = set()
    return checked, loaded


@pytest.mark.parametrize(
    "gone",
    [(), tuple(NAMES), FILES, *((name,) for name in (*NAMES, *FILES)), ("ORDERS", "two"), ("STAGE", "name")],
)
def test_the_check_and_the_gateway_agree(gone: tuple[str, ...], tmp_path: Path) -> None:
    """`gwc check --env` finds missing what the gateway finds missing, in the same words."""
    for file in FILES:
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        if file not in gone:
            path.write_text("x\n")
    environment = {name: value for name, value in NAMES.items() if name not in gone}
    checked, loaded = missing_to_both(environment, tmp_path)
    assert checked == loaded
    assert len(loaded) == len(gone)


def test_the_check_and_the_gateway_agree_on_empty_ones_and_directories(tmp_path: Path) -> None:
    """What is empty is there; a directory is no file."""
    for file in FILES:
        (tmp_path / file).mkdir(parents=True)
    checked, loaded = missing_to_both(dict.fromkeys(NAMES, ""), tmp_path)
    assert checked == loaded == {f"file `{file}` is a directory" for file in FILES}


def test_where_references_stand() -> None:
    """Each place of a table that has a reference is told once, by its name."""
    table = compile_text(CONFIG, "kdl", "gwc.kdl").table
    assert table is not None
    assert sorted({place for place, _ in references(table)}) == [
        "header field `authorization`", "header field `x-c`", "header field `x-env`", "header field `x-one`",
        "header field `x-part`", "listener `public`", "upstream `orders`",
    ]  # fmt: skip
