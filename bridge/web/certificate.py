"""The certificate that a listener shows, read again when its files have changed: whoever renews it need not restart."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

import structlog

from bridge.errors import ConfigError, Fault

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and nothing but AEAD (RFC 9325 §4.2). Those of TLS 1.3 are all so."""

_Stamp = tuple[tuple[int, int, int], ...]

_log = structlog.get_logger("bridge.web")


class Shown:
    """`context` listens, and gives each new connection the newest pair of files that could be used.

    `name` is the configuration's table. Raises ConfigError where the first pair cannot be used.
    """

    def __init__(self, name: str, cert_file: Path, key_file: Path) -> None:
        self._name = name
        self._files = cert_file, key_file
        self._seen = self._stamp()
        self._newest = self.context = tls_context(name, cert_file, key_file)
        self.context.sni_callback = self._choose

    def follow(self) -> None:
        """Read the files again if they are others than before. A pair that cannot be used is logged once and passed
        over: the next change of a file is another chance, so a certificate may come before its key."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._newest = tls_context(self._name, *self._files)
        except ConfigError as error:
            _log.error("tls.not_renewed", problem=error.faults[0].message, so="the certificate before it is shown")
        else:
            _log.info("tls.renewed", file=str(self._files[0]))

    def _stamp(self) -> _Stamp:
        """Which files these are; a link may lead to another one tomorrow. Empty while one of them is missing."""
        try:
            found = [file.stat() for file in self._files]
        except OSError:
            return ()
        return tuple((one.st_mtime_ns, one.st_ino, one.st_size) for one in found)

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, _: str | None, __: ssl.SSLContext) -> None:
        """Called for every connection, whether or not it names a host."""
        connection.context = self._newest


def tls_context(name: str, cert_file: Path, key_file: Path) -> ssl.SSLContext:
    """TLS 1.2 or later (RFC 9325 §3.1.1). `name` is the configuration's table in a ConfigError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    try:
        # Without a password OpenSSL would ask the terminal for one, and wait.
        context.load_cert_chain(cert_file, key_file, password="")
    except (OSError, ValueError) as problem:
        words = problem.strerror or type(problem).__name__ if isinstance(problem, OSError) else "not usable"
        message = f"the certificate and its key cannot be used: {words}"
        raise ConfigError([Fault(where="", path=f"{name}.tls_cert_file", message=message)]) from None
    return context
