from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bridge.errors import ConfigError
from bridge.web.certificate import tls_context
from bridge.web.server import Address, Listener, serve
from tests.web.doors import Doors, opened, raw


def certificate(directory: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = directory / "cert.pem", directory / "key.pem"
    cert_file.write_bytes(made.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return cert_file, key_file


async def started(listeners: Sequence[Listener], stop: asyncio.Event) -> tuple[asyncio.Task[None], list[Address]]:
    up: asyncio.Future[list[Address]] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(listeners, stop=stop, on_ready=lambda bound: up.set_result(list(bound))))
    return task, await asyncio.wait_for(up, 10)


async def test_what_is_in_flight_ends_before_serve_returns() -> None:
    doors = Doors()
    doors.intake.hold = asyncio.Event()
    async with opened(doors), aiohttp.ClientSession() as http:
        pending = asyncio.create_task(http.post(doors.url("/webhooks/fleet"), json={}))
        await asyncio.wait_for(doors.intake.arrived.wait(), 5)
        doors.stop.set()
        await asyncio.sleep(0.15)
        with pytest.raises(OSError):
            await asyncio.open_connection(*doors.public)
        async with http.get(doors.admin_url("/healthz")) as answer:
            assert answer.status == 200
        doors.intake.hold.set()
        assert (await pending).status == 202


async def test_idle_connections_do_not_hold_up_the_end() -> None:
    async with opened(Doors()) as doors, raw(doors.public) as idle, raw(doors.admin):
        doors.stop.set()
        async with asyncio.timeout(3):
            assert await idle.closed()


async def test_a_request_that_never_ends_is_cut_off_after_the_grace() -> None:
    doors = Doors()
    doors.intake.hold = asyncio.Event()
    listeners = [replace(listener, grace=1) for listener in doors.listeners()]
    task, (public, _) = await started(listeners, doors.stop)
    async with raw(public) as wire:
        await wire.send(b"POST /webhooks/fleet HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        await wire.send(b"Content-Length: 2\r\n\r\n{}")
        await asyncio.wait_for(doors.intake.arrived.wait(), 5)
        doors.stop.set()
        await asyncio.wait_for(task, 4)


async def test_an_address_that_is_taken() -> None:
    async with opened(Doors()) as doors:
        taken = [replace(doors.listeners()[0], port=0), replace(doors.listeners()[1], port=doors.public[1])]
        with pytest.raises(ConfigError, match=r"admin\.port: cannot listen on 127\.0\.0\.1:\d+: Address"):
            await serve(taken, stop=asyncio.Event())


async def test_a_host_that_does_not_exist() -> None:
    listener = replace(Doors().listeners()[0], host="256.1.1.1")
    with pytest.raises(ConfigError, match=r"server\.port: cannot listen"):
        await serve([listener], stop=asyncio.Event())


def test_tls_speaks_no_cipher_without_aead(tmp_path: Path) -> None:
    """RFC 9325 §4.2: of TLS 1.2 only those with forward secrecy and an authenticated mode."""
    context = tls_context("server", *certificate(tmp_path))
    offered = {one["name"] for one in context.get_ciphers()}
    assert {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"} <= offered
    assert [
        name for name in offered if not name.startswith("TLS_") and "GCM" not in name and "CHACHA20" not in name
    ] == []
    assert all(name.startswith(("TLS_", "ECDHE-")) for name in offered)


async def test_tls(tmp_path: Path) -> None:
    doors = Doors()
    cert_file, key_file = certificate(tmp_path)
    listener = replace(doors.listeners()[0], tls_cert_file=cert_file, tls_key_file=key_file)
    task, ((_, port),) = await started([listener], doors.stop)
    trusting = ssl.create_default_context(cafile=str(cert_file))
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        old.minimum_version = ssl.TLSVersion.TLSv1_1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    async with aiohttp.ClientSession() as http:
        async with http.get(f"https://localhost:{port}/healthz", ssl=trusting) as answer:
            assert answer.status == 200
        with pytest.raises(aiohttp.ClientError):
            await http.get(f"https://localhost:{port}/healthz", ssl=old)
    doors.stop.set()
    await asyncio.wait_for(task, 5)


def test_a_key_with_a_passphrase_is_a_fault_and_asks_nobody(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cert_file, key_file = certificate(tmp_path)
    key = ec.generate_private_key(ec.SECP256R1())
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"abcd")))
    with pytest.raises(ConfigError, match=r"server\.tls_cert_file: the certificate and its key cannot be used"):
        tls_context("server", cert_file, key_file)
    assert "pass phrase" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", None])
async def test_certificates_that_cannot_be_used(tmp_path: Path, content: bytes | None) -> None:
    cert_file, key_file = certificate(tmp_path)
    cert_file.unlink() if content is None else cert_file.write_bytes(content)
    listener = replace(Doors().listeners()[0], tls_cert_file=cert_file, tls_key_file=key_file)
    with pytest.raises(ConfigError, match=r"server\.tls_cert_file: the certificate and its key cannot be used"):
        await serve([listener], stop=asyncio.Event())
