"""The key that signs SETs, as it is used and as it is published; read from PEM, with what makes a file unfit.

Reading a file is I/O; the folder of keys is `keyfiles`, who signs when is `ring`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.jwk import RSAKey

from bridge.errors import ConfigError, Fault

BITS: Final = 2048
"""CAEP Interoperability Profile §2.6: RS256 with at least this much."""

LARGEST: Final = 1 << 20
"""Bytes of a key file that are read."""

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
    """The key that signs, and others that are published beside it: the next one, and retired ones."""

    active: SigningKey
    others: tuple[SigningKey, ...] = ()

    @property
    def kids(self) -> frozenset[str]:
        """Of all that are published: a SET that names another one cannot be verified by anybody."""
        return frozenset(key.kid for key in (self.active, *self.others))

    def jwks(self) -> dict[str, Any]:
        """The JWK set that receivers verify with (RFC 7517 §5)."""
        return {"keys": [key.public() for key in (self.active, *self.others)]}


def key_from_file(path: Path, *, others_may: int = stat.S_IRGRP) -> SigningKey:
    """The key of a PEM file. Beyond its owner only `others_may` (mode bits) are granted; else it is a ConfigError.

    A mounted secret may be readable by its group, which is how orchestrators hand one to a non-root user.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            pem = file.read(LARGEST)
    except OSError as problem:
        raise fault(path, f"the signing key cannot be read: {problem.strerror}") from None
    excess = stat.S_IMODE(status.st_mode) & 0o077 & ~others_may
    if excess and os.name == "posix":
        raise fault(path, f"others may read or write this key (mode {stat.S_IMODE(status.st_mode):04o}); chmod 600 it")
    if is_foreign(status):
        raise fault(path, "this key belongs to another user, who may know and change it")
    return key_from_pem(pem, created_at=status.st_mtime, where=str(path))


def key_from_pem(pem: bytes, *, created_at: float, where: str) -> SigningKey:
    """The private key in PEM. `where` names its origin in a ConfigError, which never holds the key."""
    try:
        private = load_pem_private_key(pem, password=None)
    except TypeError:
        raise fault(where, "the signing key is encrypted; give it without a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise fault(where, "this is not a private key in PEM") from None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise fault(where, "the signing key must be RSA, since SETs are signed with RS256")
    if private.key_size < BITS:
        raise fault(where, f"the signing key has {private.key_size} bits; at least {BITS} are needed")
    key = RSAKey.import_key(private)
    return SigningKey(kid=key.thumbprint(), private=key, created_at=created_at)


def ring_of(active: SigningKey, others: Sequence[SigningKey] = ()) -> KeyRing:
    return KeyRing(active, tuple(key for key in others if key.kid != active.kid))


def is_foreign(status: os.stat_result) -> bool:
    """Whether somebody else owns it, who is neither us nor root."""
    return os.name == "posix" and status.st_uid not in (0, os.geteuid())


def fault(where: Path | str, message: str) -> ConfigError:
    return ConfigError([Fault(where=str(where), path=_SETTING, message=message)])
