from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc.jwk import RSAKey

from bridge.errors import ConfigError
from bridge.ssf.keys import FILE, KeyRing, ring_from_file, ring_from_pem, ring_in

PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def good(rsa_key: rsa.RSAPrivateKey) -> bytes:
    return pem(rsa_key)


def test_the_first_start_makes_a_key_that_later_starts_find(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "keys"
    first = ring_in(directory)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / FILE).stat().st_mode) == 0o600
    assert (directory / FILE).read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert os.listdir(directory) == [FILE]
    assert first.active.private.private_key is not None
    assert first.active.private.private_key.key_size == 2048
    assert first.active.created_at == (directory / FILE).stat().st_mtime
    assert ring_in(directory).active.kid == first.active.kid


def test_kid_is_the_thumbprint(rsa_key: rsa.RSAPrivateKey, good: bytes) -> None:
    ring = ring_from_pem(good, created_at=1.0, where="here")
    assert ring.active.kid == RSAKey.import_key(rsa_key.public_key()).thumbprint()
    assert ring.active.created_at == 1.0


def test_no_private_member_is_published(tmp_path: Path, good: bytes) -> None:
    rings = [ring_in(tmp_path / "keys"), ring_from_pem(good, created_at=1.0, where="here")]
    rings.append(KeyRing(rings[0].active, (rings[1].active,)))
    for ring in rings:
        for key in ring.jwks()["keys"]:
            assert key.keys() == {"kty", "use", "alg", "kid", "n", "e"}
            assert not key.keys() & PRIVATE_MEMBERS
            assert (key["kty"], key["use"], key["alg"]) == ("RSA", "sig", "RS256")
    assert len(rings[2].jwks()["keys"]) == 2


def test_nothing_shows_the_private_key(good: bytes) -> None:
    ring = ring_from_pem(good, created_at=1.0, where="here")
    secret = str(ring.active.private.as_dict(private=True)["d"])
    assert secret not in repr(ring) and "PRIVATE" not in repr(ring)


def _kid(directory: Path) -> str:
    return ring_in(directory).active.kid


def test_a_race_of_starts_gives_one_key(tmp_path: Path) -> None:
    with concurrent.futures.ProcessPoolExecutor(3, multiprocessing.get_context("spawn")) as processes:
        kids = set(processes.map(_kid, [tmp_path / "keys"] * 8))
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        others = set(threads.map(_kid, [tmp_path / "others"] * 8))
    assert len(kids) == len(others) == 1
    assert os.listdir(tmp_path / "keys") == os.listdir(tmp_path / "others") == [FILE]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _: b"", "not a private key"),
        (lambda _: b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not a private key"),
        (lambda good: good[:400], "not a private key"),
        (lambda _: pem(ec.generate_private_key(ec.SECP256R1())), "must be RSA"),
        (lambda _: pem(rsa.generate_private_key(65537, 1024)), "1024 bits"),
        (lambda _: rsa.generate_private_key(65537, 2048).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")), "encrypted"),
        (lambda _: rsa.generate_private_key(65537, 2048).public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "not a private key"),
    ],
)  # fmt: skip
def test_keys_that_are_refused(tmp_path: Path, good: bytes, make: Callable[[bytes], bytes], words: str) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(make(good))
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=words) as caught:
        ring_from_file(path)
    assert str(path) in str(caught.value)
    assert "BEGIN" not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o644, 0o660, 0o666, 0o620])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, good: bytes, mode: int) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(good)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=f"mode {mode:04o}"):
        ring_from_file(path)


def test_a_mounted_secret_may_be_read_by_its_group_but_our_own_file_may_not(tmp_path: Path, good: bytes) -> None:
    path = tmp_path / FILE
    path.write_bytes(good)
    tmp_path.chmod(0o700)
    path.chmod(0o440)
    assert ring_from_file(path).active.kid
    with pytest.raises(ConfigError, match="mode 0440"):
        ring_in(tmp_path)


def test_a_directory_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys").chmod(0o777)
    with pytest.raises(ConfigError, match="key directory"):
        ring_in(tmp_path / "keys")
    assert not os.listdir(tmp_path / "keys")


@pytest.mark.parametrize("what", ["keys", f"keys/{FILE}"])
def test_what_belongs_to_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    ring_in(tmp_path / "keys")
    if os.geteuid() == 0:
        os.chown(tmp_path / what, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(ConfigError, match="belongs to another user"):
        ring_in(tmp_path / "keys") if what == "keys" else ring_from_file(tmp_path / what)


def test_no_such_file_or_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        ring_from_file(tmp_path / "none.pem")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        ring_in(tmp_path / "file" / "keys")
