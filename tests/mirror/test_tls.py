"""TLS on both sides (interoperability profile §2.1; RFC 9325 §3.1; RFC 8935 §5.3)."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.times import wait_until
from tests.independent.authority import Authority
from tests.independent.endpoint import PushEndpoint
from tests.independent.events import DEVICE_COMPLIANCE_CHANGE
from tests.independent.management import PUSH
from tests.mirror.house import House, Streams, is_failing, pinned

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _spoken(port: int, context: ssl.SSLContext) -> str | None:
    """The version that both agree on."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    version: str | None = writer.get_extra_info("ssl_object").version()
    writer.transport.abort()
    return version


def _port(house: House) -> int:
    return int(house.service.url.rpartition(":")[2])


@pytest.mark.parametrize(
    ("version", "name"), [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")]
)
async def test_two_versions_are_spoken(house: House, version: ssl.TLSVersion, name: str) -> None:
    """IOP-1, IOP-2: TLS 1.2 and 1.3."""
    assert await _spoken(_port(house), pinned(house.authority, version)) == name


async def test_the_newest_is_preferred(house: House) -> None:
    """IOP-3 (RFC 9325 §3.1.1): where both can, 1.3 is spoken."""
    assert await _spoken(_port(house), house.authority.client()) == "TLSv1.3"


def _old(context: ssl.SSLContext) -> ssl.SSLContext:
    """TLS 1.1 and no other, which today's OpenSSL must be talked into."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    return context


async def test_the_old_version_is_refused(house: House, tmp_path: Path) -> None:
    """IOP-2: no TLS 1.1. The same client does speak it to a server that allows it."""
    authority = Authority(tmp_path)
    async with PushEndpoint(_old(authority.server())) as allowing:
        assert await _spoken(allowing.port, _old(authority.client())) == "TLSv1.1"
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await _spoken(_port(house), _old(house.authority.client()))


async def test_plain_http_gets_nothing(house: House) -> None:
    """IOP-1: what is no TLS is not answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", _port(house))
    writer.write(b"GET /.well-known/ssf-configuration HTTP/1.1\r\nhost: x\r\n\r\n")
    try:
        answer = await reader.read(1000)
    except ConnectionError:
        answer = b""
    writer.transport.abort()
    assert b"200" not in answer and b"issuer" not in answer


async def test_a_push_speaks_the_newest(house: House, streams: Streams, device: int) -> None:
    """IOP-1, IOP-3: outgoing connections likewise."""
    stream = await streams.push()
    await house.fails(device)
    await stream.until(is_failing(device))
    assert stream.inbox is not None and {push.tls for push in stream.inbox.pushes} == {"TLSv1.3"}


@asynccontextmanager
async def _strange(house: House, folder: Path, why: str) -> AsyncIterator[PushEndpoint]:
    """An endpoint that no careful sender should talk to."""
    if why == "unknown authority":
        context = Authority(folder, "stranger").server()
    elif why == "another name":
        context = house.authority.server("elsewhere.example")
    else:
        context = _old(house.authority.server())
    async with PushEndpoint(context) as endpoint:
        yield endpoint


@pytest.mark.parametrize("why", ["unknown authority", "another name", "TLS 1.1"])
async def test_a_push_proves_to_whom_it_speaks(
    house: House, streams: Streams, device: int, tmp_path: Path, why: str
) -> None:
    """IOP-1, RFC 8935 §5.3: the receiver's certificate is validated, and nothing is said before that."""
    async with _strange(house, tmp_path, why) as endpoint:
        body = {"delivery": {"method": PUSH, "endpoint_url": f"{endpoint.url}/in"}}
        config = await streams.make({**body, "events_requested": [DEVICE_COMPLIANCE_CHANGE]})
        await house.fails(device)

        async def tried() -> bool:
            store = await house.store()
            return any(one.attempts for one in await store.deliveries(stream_id=config["stream_id"]))

        await wait_until(tried, 15, house.service.tail)
        assert endpoint.strays == []
