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
from bridge.ssf.keyfiles import KeyFiles, faults_in
from bridge.ssf.keys import KeyRing, SigningKey, key_from_file, key_from_pem, ring_of

PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def good(rsa_key: rsa.RSAPrivateKey) -> bytes:
    return pem(rsa_key)


def test_a_key_is_made_and_found_again(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "keys"
    files = KeyFiles(directory)
    assert files.kids() == []
    made = files.make()
    path = directory / f"{made.kid}.pem"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert os.listdir(directory) == [path.name]
    assert made.private.private_key is not None
    assert made.private.private_key.key_size == 2048
    assert made.created_at == path.stat().st_mtime
    again = files.read(made.kid)
    assert again is not None and again.kid == made.kid and again.public() == made.public()
    assert files.kids() == [made.kid] and files.read("other") is None
    assert files.remove(made.kid) and not files.remove(made.kid)
    assert os.listdir(directory) == []


def test_a_key_is_copied_and_its_file_names_it(tmp_path: Path, good: bytes) -> None:
    source, files = tmp_path / "mine.pem", KeyFiles(tmp_path / "keys")
    source.write_bytes(good)
    source.chmod(0o600)
    key = files.add(source)
    assert files.kids() == [key.kid] == [key_from_file(source).kid]
    files.path(key.kid).rename(files.path("another"))
    with pytest.raises(ConfigError, match="holds another key than its name says"):
        files.read("another")
    with pytest.raises(ConfigError, match="another.pem: keys.signing_key: this file holds another key"):
        faults_in(files.directory)


def test_kid_is_the_thumbprint(rsa_key: rsa.RSAPrivateKey, good: bytes) -> None:
    key = key_from_pem(good, created_at=1.0, where="here")
    assert key.kid == RSAKey.import_key(rsa_key.public_key()).thumbprint()
    assert key.created_at == 1.0


def test_no_private_member_is_published(tmp_path: Path, good: bytes) -> None:
    """Neither of the key that signs, nor of the next, nor of a retired one: all are `others` here."""
    one, two, three = _keys(tmp_path, good)
    rings = [ring_of(one), ring_of(two, [one, two]), ring_of(one, [one, two, three])]
    for ring in rings:
        for key in ring.jwks()["keys"]:
            assert key.keys() == {"kty", "use", "alg", "kid", "n", "e"}
            assert not key.keys() & PRIVATE_MEMBERS
            assert (key["kty"], key["use"], key["alg"]) == ("RSA", "sig", "RS256")
    assert [len(ring.jwks()["keys"]) for ring in rings] == [1, 2, 3]
    assert rings[2].kids == {one.kid, two.kid, three.kid}
    assert rings[1].jwks()["keys"][0]["kid"] == two.kid


def _keys(folder: Path, good: bytes) -> list[SigningKey]:
    files = KeyFiles(folder / "keys")
    return [files.make(), key_from_pem(good, created_at=1.0, where="here"), files.make()]


def test_nothing_shows_the_private_key(good: bytes) -> None:
    ring = KeyRing(key_from_pem(good, created_at=1.0, where="here"))
    secret = str(ring.active.private.as_dict(private=True)["d"])
    assert secret not in repr(ring) and "PRIVATE" not in repr(ring)


def _made(directory: Path) -> str:
    return KeyFiles(directory).make().kid


def test_many_may_make_keys_in_one_folder(tmp_path: Path) -> None:
    with concurrent.futures.ProcessPoolExecutor(3, multiprocessing.get_context("spawn")) as processes:
        kids = set(processes.map(_made, [tmp_path / "keys"] * 6))
    assert sorted(KeyFiles(tmp_path / "keys").kids()) == sorted(kids) and len(kids) == 6
    assert len(os.listdir(tmp_path / "keys")) == 6


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
        key_from_file(path)
    assert str(path) in str(caught.value)
    assert "BEGIN" not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o644, 0o660, 0o666, 0o620])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, good: bytes, mode: int) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(good)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=f"mode {mode:04o}"):
        key_from_file(path)


def test_a_mounted_secret_may_be_read_by_its_group_but_our_own_file_may_not(tmp_path: Path, good: bytes) -> None:
    kid = key_from_pem(good, created_at=1.0, where="").kid
    path = tmp_path / f"{kid}.pem"
    path.write_bytes(good)
    tmp_path.chmod(0o700)
    path.chmod(0o440)
    assert key_from_file(path).kid == kid
    with pytest.raises(ConfigError, match="mode 0440"):
        KeyFiles(tmp_path).read(kid)


def test_a_directory_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys").chmod(0o777)
    with pytest.raises(ConfigError, match="key directory"):
        KeyFiles(tmp_path / "keys").prepare()
    assert not os.listdir(tmp_path / "keys")


@pytest.mark.parametrize("folder", [True, False])
def test_what_belongs_to_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: bool) -> None:
    files = KeyFiles(tmp_path / "keys")
    kid = files.make().kid
    if os.geteuid() == 0:
        os.chown(files.directory if folder else files.path(kid), 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(ConfigError, match="belongs to another user"):
        files.prepare() if folder else files.read(kid)


def test_no_such_file_or_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        key_from_file(tmp_path / "none.pem")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        KeyFiles(tmp_path / "file" / "keys").make()
