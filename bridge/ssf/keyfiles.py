"""The folder of private keys: one PEM for each, `<kid>.pem`, that nobody but us can read. I/O, like `keys`."""

from __future__ import annotations

import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import RSAKey

from bridge.config import Secret
from bridge.errors import ConfigError, Fault
from bridge.ssf.keys import BITS, SigningKey, fault, is_foreign, key_from_file, key_from_pem

SUFFIX: Final = ".pem"


class KeyFiles:
    """Any number of processes may use one folder: each file is written whole, under the name of its own key."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def prepare(self) -> None:
        """The folder, made with mode 0700 if need be. One that others may write to, or that belongs to somebody who
        is neither us nor root, is a ConfigError."""
        directory = self.directory
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = directory.stat()
        except OSError as problem:
            raise fault(directory, f"the key directory cannot be made: {problem.strerror}") from None
        mode = stat.S_IMODE(status.st_mode)
        if mode & 0o022 and os.name == "posix":
            raise fault(directory, f"others may write to the key directory (mode {mode:04o}); chmod 700 it")
        if is_foreign(status):
            raise fault(directory, "the key directory belongs to another user, who may put a key of theirs there")

    def kids(self) -> list[str]:
        """Of all keys that lie here, by their names, newest first."""
        try:
            files = [(file.stat().st_mtime, file.stem) for file in self.directory.glob(f"[!.]*{SUFFIX}")]
        except OSError as problem:
            raise fault(self.directory, f"the key directory cannot be read: {problem.strerror}") from None
        return [kid for _, kid in sorted(files, reverse=True)]

    def read(self, kid: str) -> SigningKey | None:
        """None if there is no such file. A file that others can read, or that holds another key, is a ConfigError."""
        path = self.path(kid)
        if not path.exists():
            return None
        key = key_from_file(path, others_may=0)
        if key.kid != kid:
            raise fault(path, "this file holds another key than its name says")
        return key

    def is_fit(self, kid: str) -> bool:
        """Whether `read` gives the key."""
        try:
            return self.read(kid) is not None
        except ConfigError:
            return False

    def make(self) -> SigningKey:
        """A new key, on the disk when this returns. Its `kid` begins with a letter or digit, as commands like it."""
        while True:
            fresh = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
            if RSAKey.import_key(fresh).thumbprint()[0] not in "-_":
                break
        return self._keep(fresh)

    def add(self, source: Path) -> SigningKey:
        """A copy of the key in `source`, which must be as fit as one that is configured (see `key_from_file`)."""
        private = key_from_file(source).private.private_key
        assert isinstance(private, rsa.RSAPrivateKey)
        return self._keep(private)

    def remove(self, kid: str) -> bool:
        """Whether there was one to remove. Raises ConfigError where it cannot be removed."""
        try:
            self.path(kid).unlink()
            _sync(self.directory)
        except FileNotFoundError:
            return False
        except OSError as problem:
            raise fault(self.path(kid), f"the retired key cannot be removed: {problem.strerror}") from None
        return True

    def path(self, kid: str) -> Path:
        return self.directory / f"{kid}{SUFFIX}"

    def _keep(self, private: rsa.RSAPrivateKey) -> SigningKey:
        self.prepare()
        kid = RSAKey.import_key(private).thumbprint()
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            temporary = _written(self.directory, pem)
            os.replace(temporary, self.path(kid))
            _sync(self.directory)
        except OSError as problem:
            raise fault(self.path(kid), f"the signing key cannot be written: {problem.strerror}") from None
        return self._again(kid)

    def _again(self, kid: str) -> SigningKey:
        """As a later start will find it."""
        key = self.read(kid)
        if key is None:
            raise fault(self.path(kid), "the signing key was removed by somebody else")
        return key


@dataclass(frozen=True, slots=True)
class Source:
    """Where private keys lie: the folder, and what `[keys] signing_key` holds if it is set, which then signs."""

    files: KeyFiles
    secret: Secret | None = None

    @property
    def where(self) -> str:
        return (self.secret.origin if self.secret is not None else None) or "keys.signing_key"

    def given(self, now: float) -> SigningKey | None:
        """Raises ConfigError for a key that is not fit."""
        if self.secret is None:
            return None
        return key_from_pem(self.secret.reveal().encode(), created_at=now, where=self.where)


def faults_in(directory: Path) -> None:
    """Raises ConfigError with everything that is wrong with the keys that lie in a folder."""
    files = KeyFiles(directory)
    faults: list[Fault] = []
    for kid in files.kids():
        try:
            files.read(kid)
        except ConfigError as problem:
            faults += problem.faults
    if faults:
        raise ConfigError(faults)


def _written(directory: Path, content: bytes) -> str:
    """A new file that only we can read, its content on the disk (made with O_EXCL and mode 0600)."""
    descriptor, name = tempfile.mkstemp(dir=directory, prefix=".new-")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return name


def _sync(directory: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
