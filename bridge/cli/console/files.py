"""The files that the configuration names, looked into before anything runs: every fault at once, each in its place."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.errors import ConfigError, Fault

if TYPE_CHECKING:
    from bridge.config import Client, Delivery, Identity, Keys, Receiver, Server


def file_faults(parts: Mapping[str, Any], key_directory: Path | None) -> list[Fault]:
    """`parts` are the sections that are well by themselves; that a file is missing was said with their own faults.

    `key_directory` is where the signing key lies, None while that cannot be told.
    """
    checks: Mapping[str, Callable[[Any], list[Fault]]] = {
        "identity": _overrides,
        "server": _certificate,
        "delivery": _authority,
        "keys": lambda keys: _key(keys, key_directory),
        "receivers": _client_keys,
        "clients": _public_keys,
    }
    return [fault for name, check in checks.items() if parts.get(name) is not None for fault in check(parts[name])]


def _overrides(identity: Identity) -> list[Fault]:
    file = identity.overrides
    if file is None or not os.path.isfile(file):
        return []
    from bridge.posture.identity import read_overrides

    try:
        raw = file.read_bytes()
    except OSError as problem:
        return [Fault("", "identity.overrides", f"cannot be read: {problem.strerror}")]
    return _faults(lambda: read_overrides(raw, str(file)))


def _certificate(server: Server) -> list[Fault]:
    cert_file, key_file = server.tls_cert_file, server.tls_key_file
    if cert_file is None or key_file is None or not (os.path.isfile(cert_file) and os.path.isfile(key_file)):
        return []
    from bridge.web.certificate import tls_context

    return _faults(lambda: tls_context("server", cert_file, key_file))


def _authority(delivery: Delivery) -> list[Fault]:
    file = delivery.ca_file
    if file is None or not os.path.isfile(file):
        return []
    from bridge.outbound import trust

    return _faults(lambda: trust(str(file)))


def _key(keys: Keys, directory: Path | None) -> list[Fault]:
    from bridge.ssf.keyfiles import faults_in
    from bridge.ssf.keys import key_from_pem

    secret = keys.signing_key
    if secret is not None:
        return _faults(lambda: key_from_pem(secret.reveal().encode(), created_at=0.0, where=""))
    if directory is None or not os.path.exists(directory):
        return []
    if not os.path.isdir(directory):
        return [Fault("", "keys.directory", "is not a directory")]
    inner = directory / "oauth"
    return [*_faults(lambda: faults_in(directory)), *(_faults(lambda: faults_in(inner)) if inner.is_dir() else [])]


def _client_keys(receivers: Mapping[str, Receiver]) -> list[Fault]:
    from bridge.okta.proof import private_key

    given = {name: one.api_private_key for name, one in receivers.items() if one.api_private_key is not None}
    read = {name: private_key(secret)[1] for name, secret in given.items()}
    return [Fault("", f"receivers.{name}.api_private_key", fault) for name, fault in read.items() if fault]


def _public_keys(clients: Mapping[str, Client]) -> list[Fault]:
    from bridge.parts import public_key_faults

    return public_key_faults(clients)


def _faults(read: Callable[[], object]) -> list[Fault]:
    try:
        read()
    except ConfigError as problem:
        return list(problem.faults)
    return []
