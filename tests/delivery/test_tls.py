from __future__ import annotations

import datetime
import ssl
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bridge.errors import ConfigError
from bridge.outbound import Outbound
from tests.delivery.wire import OK, Reader, Scripted, Writer, answering, failure, guarded, post


@dataclass
class Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def load_into(self, context: ssl.SSLContext, name: str | IPv4Address, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        san = x509.IPAddress(name) if isinstance(name, IPv4Address) else x509.DNSName(name)
        made = (
            _certificate("leaf", self.certificate.subject, key)
            .add_extension(x509.SubjectAlternativeName([san]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        text = made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = folder / "leaf.pem"
        path.write_bytes(text)
        context.load_cert_chain(path)


def _certificate(name: str, issuer: x509.Name | None, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
    )


def _authority() -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    made = _certificate("Test CA", None, key).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    return Authority(key, made.sign(key, hashes.SHA256()))


@pytest.fixture
def authority() -> Authority:
    return _authority()


@pytest.fixture
def ca_file(authority: Authority, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    path.write_bytes(authority.pem())
    return str(path)


def _context(authority: Authority, folder: Path, name: str | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.load_into(context, name or IPv4Address("127.0.0.1"), folder)
    return context


async def test_a_certificate_of_our_own_ca_is_trusted(
    serve: Any, authority: Authority, ca_file: str, tmp_path: Path
) -> None:
    port = await serve(answering(OK), _context(authority, tmp_path))
    outbound = guarded(None, ca_file=ca_file)
    assert (await post(outbound, f"https://127.0.0.1:{port}/")).status == 202
    await outbound.close()


async def test_sni_and_name_check_use_the_name_not_the_address(
    serve: Any, authority: Authority, ca_file: str, tmp_path: Path
) -> None:
    port = await serve(answering(OK), _context(authority, tmp_path, "idp.example"))
    outbound = guarded(Scripted(["127.0.0.1"]), ca_file=ca_file)
    assert (await post(outbound, f"https://idp.example:{port}/")).status == 202
    failed = await failure(outbound, f"https://other.example:{port}/")
    assert (failed.code, failed.certainly_not_sent) == ("tls", True)
    await outbound.close()


async def test_an_unknown_ca_is_not_trusted(
    serve: Any, authority: Authority, outbound: Outbound, tmp_path: Path
) -> None:
    seen: list[bytes] = []
    port = await serve(answering(OK, seen), _context(authority, tmp_path))
    failed = await failure(outbound, f"https://127.0.0.1:{port}/")
    assert (failed.code, failed.certainly_not_sent, seen) == ("tls", True, [])
    assert "not trusted" in failed.words


async def test_plain_http_where_tls_is_expected(serve: Any, outbound: Outbound) -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        await reader.read(10)
        writer.write(OK)
        await writer.drain()

    failed = await failure(outbound, f"https://127.0.0.1:{await serve(handle)}/")
    assert (failed.code, failed.certainly_not_sent) == ("tls", True)


async def test_tls_before_1_2_is_refused(serve: Any, authority: Authority, ca_file: str, tmp_path: Path) -> None:
    old = _context(authority, tmp_path)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        old.minimum_version = ssl.TLSVersion.TLSv1_1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    outbound = guarded(None, ca_file=ca_file)
    failed = await failure(outbound, f"https://127.0.0.1:{await serve(answering(OK), old)}/")
    assert (failed.code, failed.certainly_not_sent) == ("tls", True)
    await outbound.close()


@pytest.mark.parametrize("content", [None, b"", b"not a certificate"])
def test_a_ca_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"delivery\.ca_file"):
        Outbound(insecure=False, user_agent="t", limit_per_host=1, ca_file=str(path))
