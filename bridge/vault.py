"""The vault: what the service must be able to say again, and nobody who reads the database may know.

AES-256-GCM under a key in a file that only the service can read. The text is bound to what it belongs to: sealed for
one stream it does not open for another.
"""

from __future__ import annotations

import os
import stat
from base64 import b64decode, b64encode
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bridge.errors import ConfigError, Fault

_KEY: Final = 32
_NONCE: Final = 12


class Sealed(Exception):
    """The text does not open: it is for something else, or the key is another one."""


class Vault:
    """`path` is the key's file; it is made when something is first sealed, in a folder that is there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cipher: AESGCM | None = None

    def seal(self, text: str, about: str) -> str:
        """Raises ConfigError if the key's file cannot be made or read, or others can read it."""
        nonce = os.urandom(_NONCE)
        cipher = self._opened(make=True)
        return b64encode(nonce + cipher.encrypt(nonce, text.encode(), about.encode())).decode()

    def open(self, sealed: str, about: str) -> str:
        """Raises Sealed; also if there is no key any more."""
        try:
            raw = b64decode(sealed, validate=True)
            return self._opened(make=False).decrypt(raw[:_NONCE], raw[_NONCE:], about.encode()).decode()
        except (InvalidTag, ValueError, ConfigError):
            raise Sealed("vault.key in the folder of keys does not open it: the file is gone, or another one") from None

    def _opened(self, *, make: bool) -> AESGCM:
        if self._cipher is None:
            if make and not self._path.exists():
                self._make()
            self._cipher = AESGCM(self._read())
        return self._cipher

    def _make(self) -> None:
        """Whole or not at all; of two that make it at once one wins."""
        fresh = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(b64encode(os.urandom(_KEY)))
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                self._path.hardlink_to(fresh)
            fresh.unlink()
        except OSError as problem:
            raise self._fault(f"the vault's key cannot be made: {problem.strerror}") from None

    def _read(self) -> bytes:
        try:
            status = self._path.stat()
            if os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o077:
                raise self._fault("others may read or write the vault's key; chmod 600 it")
            key = b64decode(self._path.read_bytes().strip(), validate=True)
        except OSError as problem:
            raise self._fault(f"the vault's key cannot be read: {problem.strerror}") from None
        except ValueError:
            key = b""
        if len(key) != _KEY:
            raise self._fault("this is not a vault's key")
        return key

    def _fault(self, message: str) -> ConfigError:
        return ConfigError([Fault(where=str(self._path), path="keys.directory", message=message)])


class SealedText:
    """A secret that is opened when it is used (`bridge.model.Reveals`). Equal where the sealed texts are."""

    __slots__ = ("_about", "_sealed", "_vault")

    def __init__(self, vault: Vault, sealed: str, about: str) -> None:
        self._vault = vault
        self._sealed = sealed
        self._about = about

    def reveal(self) -> str:
        """Raises Sealed."""
        return self._vault.open(self._sealed, self._about)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SealedText):
            return NotImplemented
        return (self._sealed, self._about) == (other._sealed, other._about)

    def __hash__(self) -> int:
        return hash((self._sealed, self._about))

    def __repr__(self) -> str:
        return "SealedText('********')"
