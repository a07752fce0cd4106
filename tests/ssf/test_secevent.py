from __future__ import annotations

import json
from pathlib import Path

import pytest
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from bridge.ssf.keyfiles import KeyFiles
from bridge.ssf.keys import KeyRing, ring_of
from bridge.ssf.profile import claims
from bridge.ssf.secevent import mint
from tests.ssf.given import EVENT, ISSUER, stream


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return ring_of(KeyFiles(tmp_path_factory.mktemp("ring") / "keys").make())


def test_a_batch_verifies_against_the_published_keys(ring: KeyRing) -> None:
    batch = [claims(EVENT, stream(), issuer=ISSUER, jti=f"jti-{number}", iat=1795348800) for number in range(5)]
    made = mint(batch, ring.active)
    published = KeySet.import_key_set(json.loads(json.dumps(ring.jwks())))
    for given, signed in zip(batch, made, strict=True):
        read = jws.deserialize_compact(signed.text, published, algorithms=["RS256"])
        assert json.loads(read.payload) == given
        assert read.headers() == {"alg": "RS256", "kid": ring.active.kid, "typ": "secevent+jwt"}
        assert (signed.jti, signed.iat, signed.kid) == (given["jti"], given["iat"], ring.active.kid)


def test_each_byte_is_as_joserfc_would_make_it(ring: KeyRing) -> None:
    (signed,) = mint([{"jti": "ä\u2028", "iat": 1, "b": [None, 2.5]}], ring.active)
    header = {"alg": "RS256", "kid": ring.active.kid, "typ": "secevent+jwt"}
    payload = '{"jti":"ä\u2028","iat":1,"b":[null,2.5]}'.encode()
    assert signed.text == jws.serialize_compact(header, payload, ring.active.private, algorithms=["RS256"])


def test_another_key_does_not_verify(ring: KeyRing, tmp_path: Path) -> None:
    other = KeyFiles(tmp_path / "keys").make()
    (signed,) = mint([{"jti": "a", "iat": 1}], ring.active)
    with pytest.raises(BadSignatureError):
        jws.deserialize_compact(signed.text, other.private, algorithms=["RS256"])


def test_the_text_is_not_shown(ring: KeyRing) -> None:
    (signed,) = mint([{"jti": "a", "iat": 1}], ring.active)
    assert signed.text not in repr(signed)


def test_nothing_to_sign(ring: KeyRing) -> None:
    assert mint([], ring.active) == []
