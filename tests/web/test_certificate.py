"""A renewed certificate is shown without a restart, and never one whose key is another."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path

from tests.independent.authority import Authority
from tests.web.doors import Doors
from tests.web.test_server import started


async def shown(port: int) -> bytes | None:
    """What a client is shown that names no host."""
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=anybody)
    peer = writer.get_extra_info("ssl_object")
    writer.close()
    found: bytes | None = peer.getpeercert(binary_form=True)
    return found


def of(file: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(file.read_text())


async def until(port: int, wanted: bytes) -> None:
    async with asyncio.timeout(10):
        while await shown(port) != wanted:
            await asyncio.sleep(0.1)


async def test_a_renewed_certificate_is_shown(tmp_path: Path) -> None:
    doors, authority = Doors(), Authority(tmp_path)
    first, second = authority.issue(), authority.issue("localhost")
    cert_file, key_file = tmp_path / "tls.crt", tmp_path / "tls.key"
    cert_file.write_bytes(first[0].read_bytes())
    key_file.write_bytes(first[1].read_bytes())
    listener = replace(doors.listeners()[0], tls_cert_file=cert_file, tls_key_file=key_file)
    task, ((_, port),) = await started([listener], doors.stop)
    assert await shown(port) == of(first[0])
    cert_file.write_bytes(second[0].read_bytes())
    await asyncio.sleep(1.3)  # it has looked, and has found a certificate without its key
    assert await shown(port) == of(first[0])
    key_file.write_bytes(second[1].read_bytes())
    await until(port, of(second[0]))
    key_file.unlink()
    await asyncio.sleep(1.3)
    assert await shown(port) == of(second[0])
    doors.stop.set()
    await asyncio.wait_for(task, 5)
