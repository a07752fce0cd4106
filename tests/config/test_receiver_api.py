"""The read credential of an okta receiver, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from bridge.cli.console.configured import Offline, judged
from bridge.clock import SystemClock
from bridge.config import load
from bridge.errors import ConfigError

BASE = """[transmitter]
issuer = "https://signals.acme.example"

[receivers.okta]
profile = "okta"
audience = "https://acme.okta.com"
"""
TOKEN = 'api_token = "env:OKTA_READ_TOKEN"\n'
CLIENT = 'api_client_id = "0oa1"\n'
ENVIRON = {"OKTA_READ_TOKEN": "00abc"}


def faults(folder: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    file = folder / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        judged(file, ENVIRON if environ is None else environ, Offline(), SystemClock())
    return [f"{fault.path}: {fault.message}" for fault in caught.value.faults]


def test_a_token_stays_secret(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(BASE + TOKEN)
    receiver = load(file, ENVIRON).config.receivers["okta"]
    assert receiver.has_api
    assert receiver.api_token is not None
    assert receiver.api_token.reveal() == "00abc"
    assert "00abc" not in repr(receiver) + str(receiver)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (TOKEN + CLIENT, "api_token: stands beside api_client_id: give a token, or the credentials of a service app"),
        (CLIENT, "api_client_id: needs api_private_key beside it"),
        ('api_private_key = "env:OKTA_READ_TOKEN"\n', "api_private_key: needs api_client_id beside it"),
        ('api_url = "https://acme.okta.com"\n', "api_url: needs api_token, or api_client_id and api_private_key"),
        ('api_token = "SSWS 00abc"\n', "api_token: must be the token alone, without SSWS or Bearer before it"),
        ('api_token = ""\n', "api_token: must not be empty"),
        (TOKEN + 'api_url = "http://acme.okta.com"\n', "api_url: must begin with https://"),
        (TOKEN + 'api_url = "https://acme.okta.com/api/v1"\n', "api_url: must be the organisation alone"),
        (TOKEN + 'api_url = "https://u@acme.okta.com"\n', "api_url: must not hold a user name"),
        (TOKEN + 'api_url = "https://169.254.169.254"\n', "api_url: is never connected to"),
        ('api_tokn = "x"\n', "api_tokn: unknown key (did you mean api_token?)"),
    ],
)
def test_what_is_wrong(tmp_path: Path, lines: str, fault: str) -> None:
    found = faults(tmp_path, BASE + lines)
    assert any(one.startswith(f"receivers.okta.{fault}") for one in found), found
    assert not any("00abc" in one for one in found)


def test_only_okta_can_be_asked(tmp_path: Path) -> None:
    text = BASE.replace('"okta"', '"ssf"') + 'endpoint_url = "https://a.example/"\n' + TOKEN
    assert faults(tmp_path, text) == [
        'receivers.okta.api_token: has a meaning only with profile = "okta", this one is "ssf"'
    ]


def test_a_token_that_is_not_set(tmp_path: Path) -> None:
    assert faults(tmp_path, BASE + TOKEN, {}) == [
        "receivers.okta.api_token: environment variable OKTA_READ_TOKEN is not set"
    ]


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, lock: KeySerializationEncryption) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock).decode()


RSA = rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("no key", "must be a private key in PEM"),
        (pem(ec.generate_private_key(ec.SECP256R1()), NoEncryption()), "must be an RSA key"),
        (pem(RSA, BestAvailableEncryption(b"x")), "is encrypted; give it without a passphrase"),
    ],
)
def test_a_key_that_signs_nothing(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "client.pem").write_text(text)
    (found,) = faults(tmp_path, BASE + CLIENT + 'api_private_key = "file:client.pem"\n')
    assert found.startswith(f"receivers.okta.api_private_key: {fault}")


def test_a_service_app(tmp_path: Path) -> None:
    (tmp_path / "client.pem").write_text(pem(RSA, NoEncryption()))
    file = tmp_path / "config.toml"
    file.write_text(BASE + CLIENT + 'api_private_key = "file:client.pem"\napi_key_id = "k1"\n')
    assert judged(file, {}, Offline(), SystemClock()).loaded.config.receivers["okta"].has_api
