"""Public keys of others: what is read, what is passed over, and which one a token means."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bridge.oauth.keyset import key_set, public_keys
from tests.oauth.given import ec, known, public, rsa


def pem(key: Any) -> str:
    return key.as_pem(private=False).decode()


def small() -> str:
    key = generate_private_key(public_exponent=65537, key_size=1024)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (pem(rsa()), ["RSA"]),
        (pem(ec()), ["EC"]),
        ("\n" + pem(rsa()) + "\n", ["RSA"]),
        (orjson.dumps(public(rsa())["keys"][0]).decode(), ["RSA"]),
        (" " + orjson.dumps(public(rsa(), ec())).decode(), ["RSA", "EC"]),
    ],
)
def test_what_an_operator_may_give(text: str, kinds: list[str]) -> None:
    assert [one.kind for one in public_keys(text).keys] == kinds


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "public key in PEM"),
        ("hush", "public key in PEM"),
        ("{", "not JSON"),
        ("{}", "no fit key"),
        ('{"keys": 5}', "no list of keys"),
        ('{"keys": []}', "no fit key"),
        ('{"keys": [5, {"kty": "oct"}, {"kty": "RSA", "n": "!", "e": "AQAB"}]}', "no fit key"),
        (rsa().as_pem(private=True).decode(), "private key"),
        (orjson.dumps(rsa().as_dict(private=True)).decode(), "private key"),
        (small(), "at least 2048 bits"),
        (orjson.dumps({"keys": [{"kty": "RSA", "n": "A" * 171, "e": "AQAB"}]}).decode(), "at least 2048 bits"),
        (orjson.dumps({"keys": [{"kty": "RSA", "n": "A" * 9000, "e": "AQAB"}]}).decode(), "at least 2048 bits"),
        (pem(ec("big", "P-521")), "or a P-256 key"),
    ],
)
def test_what_will_not_do(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        public_keys(text)
    assert "hush" not in str(caught.value)


def test_unfit_keys_of_a_set_are_passed_over() -> None:
    tree = {"keys": [*public(rsa(), use="enc")["keys"], *public(rsa("b"), alg="RS512")["keys"], *public(ec())["keys"]]}
    assert [one.kid for one in key_set(tree).keys] == ["e"]


def test_which_key_a_token_means() -> None:
    keys = known(rsa("a"), rsa("b"), ec())
    assert list(keys.fitting("b", "RS256")) == [keys.keys[1].key]
    assert list(keys.fitting("b", "ES256")) == [] and list(keys.fitting("c", "RS256")) == []
    assert len(list(keys.fitting(None, "PS256"))) == 2
    assert list(keys.fitting("a", "none")) == [] and list(keys.fitting("a", "HS256")) == []
    assert keys.knows("a") and keys.knows(None) and not keys.knows("c")
    pinned = key_set(public(rsa("a"), alg="PS256"))
    assert list(pinned.fitting("a", "RS256")) == []
    nameless = public_keys(pem(rsa()))
    assert nameless.knows("whatever") and len(list(nameless.fitting("whatever", "RS256"))) == 1
