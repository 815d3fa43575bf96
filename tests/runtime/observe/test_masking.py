"""What is masked, and what is left as it is."""

from __future__ import annotations

import pytest
from gwc.runtime.observe.masking import is_secret, masked_path, masked_query, masked_reference
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("page=2&sort=name", "page=2&sort=name"),
        ("", ""),
        ("key", "key"),
        ("key=s3cret", "key=***"),
        ("a=1&API_KEY=s3cret&b=2", "a=1&API_KEY=***&b=2"),
        ("api-key=s3cret", "api-key=***"),
        ("%6bey=s3cret", "%6bey=***"),
        ("+token=s3cret", "+token=***"),
        ("user[password]=s3cret", "user[password]=***"),
        ("token=s3;cret=1&a=2", "token=***&a=2"),
        ("a=1;token=s3cret;b=s3cret", "a=1;token=***"),
        ("X-Amz-Signature=s3cret", "X-Amz-Signature=***"),
        ("key=a=s3cret", "key=***"),
        ("monkey=1&keys=2&tokens=3", "monkey=1&keys=2&tokens=3"),
    ],
)
def test_queries(query: str, told: str) -> None:
    """Values of secret names are replaced however the name is spelt; nothing else changes."""
    assert masked_query(query) == told


@pytest.mark.parametrize(
    "name",
    [
        "key",
        "token",
        "api_key",
        "apikey",
        "access_token",
        "secret",
        "password",
        "signature",
        "sig",
        "auth",
        "code",
    ],
)
def test_every_name_asked_for_is_secret(name: str) -> None:
    """The list that is promised."""
    assert is_secret(name)
    assert is_secret(name.upper())


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("https://a.example/x?key=s3cret&b=1", "https://a.example/x?key=***&b=1"),
        ("https://a.example/#access_token=s3cret", "https://a.example/#access_token=***"),
        ("https://me:s3cret@a.example/x", "https://***@a.example/x"),
        ("/x?y=1#top", "/x?y=1#top"),
        ("https://a.example/x;token=s3cret/y", "https://a.example/x;token=***/y"),
    ],
)
def test_references(reference: str, told: str) -> None:
    """Query, fragment, user information and matrix parameters of a referring page."""
    assert masked_reference(reference) == told


def test_a_cut_leaves_no_secret() -> None:
    """Where a long text ends in the middle of a secret value, the value is masked all the same."""
    assert "s3cret" not in masked_query("a" * 4080 + "&key=s3crets3cret")
    assert "s3cret" not in masked_reference("https://a.example/?" + "a=1&" * 500 + "key=s3cret")
    assert "s3cret" not in masked_path("/" + "a" * 4080 + ";key=s3crets3cret")


@given(st.text(alphabet=st.characters(codec="latin-1")), st.sampled_from(["key", "Sig", "pass%77ord"]))
def test_any_query_around_a_secret(around: str, name: str) -> None:
    """Whatever stands before and after, the canary is gone."""
    before = around.replace("=", "")
    query = f"{before}&{name}=CANARY&{around}"
    assert "CANARY" not in masked_query(query)
    assert "CANARY" not in masked_reference(f"http://h/?{query}", 100_000)
