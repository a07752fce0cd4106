"""What is remembered of credentials, and when the tokens that they gave end."""

from __future__ import annotations

import pytest

from bridge.config import Client, Secret
from bridge.oauth.credentials import Remembered, credentials, fingerprints, followed, one_of, removed

OLD, NEW = "00" * 16, "11" * 16


def test_nothing_of_a_credential_is_remembered_but_a_salted_hash() -> None:
    known = followed(None, ("secret:hush",), OLD)
    assert known.generation == 1 and known.salt == OLD and len(known.hashes) == 1
    assert "hush" not in str(known) and fingerprints(("secret:hush",), NEW) != known.hashes
    assert repr(known) == "Remembered(generation=1)"


@pytest.mark.parametrize(
    ("before", "now", "generation"),
    [
        (("a",), ("a",), 1),
        (("a",), ("a", "b"), 1),
        (("a", "b"), ("b", "a"), 1),
        ((), ("a",), 1),
        ((), (), 1),
        (("a", "b"), ("b",), 2),
        (("a",), ("b",), 2),
        (("a",), (), 2),
    ],
)
def test_only_a_credential_that_is_gone_ends_tokens(
    before: tuple[str, ...], now: tuple[str, ...], generation: int
) -> None:
    known = followed(None, before, OLD)
    after = followed(known, now, NEW)
    assert after.generation == generation
    assert after.hashes == fingerprints(now, after.salt)
    assert (after == known) is (set(before) == set(now))


def test_a_client_that_is_gone_has_nothing_left_and_comes_back_without_it() -> None:
    known = followed(None, ("a",), OLD)
    gone = removed(known)
    assert gone == Remembered(2, OLD, frozenset()) and removed(gone) == gone
    assert followed(gone, ("a",), NEW).generation == 2


def test_every_way_of_proof_counts() -> None:
    client = Client(
        secret=(Secret("s1"), Secret("s2")), token=(Secret("t"),), public_key=Secret("p"), audience="x"
    )  # fmt: skip
    assert credentials(client) == ("secret:s1", "secret:s2", "token:t", "public_key:p")
    assert credentials(Client(jwks_uri="https://a.example/", audience="x")) == ("jwks_uri:https://a.example/",)
    assert credentials(Client(audience="x")) == ()


def test_comparing() -> None:
    assert one_of("b", ["a", "b"]) and not one_of("c", ["a", "b"]) and not one_of("", [])
    assert not one_of("\ud800", ["a"])
