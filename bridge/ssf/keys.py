"""The key that signs SETs: made at the first start, or given as a PEM file; published without its private members.

The one file of this wing that does I/O.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc.jwk import RSAKey

from bridge.errors import ConfigError, Fault

BITS: Final = 2048
"""CAEP Interoperability Profile §2.6: RS256 with at least this much."""

FILE: Final = "signing.pem"
_SETTING = "keys.signing_key"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One RSA key. `kid` is its thumbprint (RFC 7638)."""

    kid: str
    private: RSAKey = field(repr=False)
    created_at: float
    """Seconds: when its file was written, or the time given where there is no file."""

    def public(self) -> dict[str, str]:
        """The public JWK (RFC 7517 §4): kty, use, alg, kid, n, e and nothing else."""
        members = self.private.as_dict(private=False)
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "n": str(members["n"]),
            "e": str(members["e"]),
        }


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The key that signs, and others that are published beside it."""

    active: SigningKey
    others: tuple[SigningKey, ...] = ()

    def jwks(self) -> dict[str, Any]:
        """The JWK set that receivers verify with (RFC 7517 §5)."""
        return {"keys": [key.public() for key in (self.active, *self.others)]}


def ring_in(directory: Path) -> KeyRing:
    """The ring kept in `directory`, whose key is made if there is none yet.

    Any number of processes may do this at once: all come back with the same key. The directory is made with mode
    0700 and the file with 0600; a file that others can read, a directory that others can write to, or either owned by
    somebody who is neither us nor root, is a ConfigError.
    """
    _make_directory(directory)
    path = directory / FILE
    if not path.exists():
        _create(path)
    return ring_from_file(path, others_may=0)


def ring_from_file(path: Path, *, others_may: int = stat.S_IRGRP) -> KeyRing:
    """The ring of a PEM file. Beyond its owner only `others_may` (mode bits) are granted; else it is a ConfigError.

    A mounted secret may be readable by its group, which is how orchestrators hand one to a non-root user.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            pem = file.read(1 << 20)
    except OSError as problem:
        raise _fault(path, f"the signing key cannot be read: {problem.strerror}") from None
    excess = stat.S_IMODE(status.st_mode) & 0o077 & ~others_may
    if excess and os.name == "posix":
        raise _fault(path, f"others may read or write this key (mode {stat.S_IMODE(status.st_mode):04o}); chmod 600 it")
    if _is_foreign(status):
        raise _fault(path, "this key belongs to another user, who may know and change it")
    return ring_from_pem(pem, created_at=status.st_mtime, where=str(path))


def ring_from_pem(pem: bytes, *, created_at: float, where: str) -> KeyRing:
    """The ring of a private key in PEM. `where` names its origin in a ConfigError, which never holds the key."""
    try:
        private = load_pem_private_key(pem, password=None)
    except TypeError:
        raise _fault(where, "the signing key is encrypted; give it without a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _fault(where, "this is not a private key in PEM") from None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise _fault(where, "the signing key must be RSA, since SETs are signed with RS256")
    if private.key_size < BITS:
        raise _fault(where, f"the signing key has {private.key_size} bits; at least {BITS} are needed")
    key = RSAKey.import_key(private)
    return KeyRing(SigningKey(kid=key.thumbprint(), private=key, created_at=created_at))


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.stat()
    except OSError as problem:
        raise _fault(directory, f"the key directory cannot be made: {problem.strerror}") from None
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o022 and os.name == "posix":
        raise _fault(directory, f"others may write to the key directory (mode {mode:04o}); chmod 700 it")
    if _is_foreign(status):
        raise _fault(directory, "the key directory belongs to another user, who may put a key of theirs there")


def _is_foreign(status: os.stat_result) -> bool:
    return os.name == "posix" and status.st_uid not in (0, os.geteuid())


def _create(path: Path) -> None:
    """Write a new key whole and durable, unless another process was first; then its key stays.

    A hard link to the finished file is the step that only one can win; a rename would replace the winner's.
    """
    fresh = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    pem = fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        temporary = _written(path.parent, pem)
        try:
            with contextlib.suppress(FileExistsError):
                os.link(temporary, path)
        finally:
            os.unlink(temporary)
        _sync_directory(path.parent)
    except OSError as problem:
        raise _fault(path, f"the signing key cannot be written: {problem.strerror}") from None


def _written(directory: Path, content: bytes) -> str:
    """A new file that only we can read, its content on the disk (made with O_EXCL and mode 0600)."""
    descriptor, name = tempfile.mkstemp(dir=directory, prefix=f".{FILE}.")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return name


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fault(where: Path | str, message: str) -> ConfigError:
    return ConfigError([Fault(where=str(where), path=_SETTING, message=message)])
