"""When the certificate of an address ends: over real TLS, with an authority of the test's own."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from bridge.cli.online.certificate import SOON, ending, ends_at
from bridge.config import Config
from tests.delivery.test_tls import Authority, _authority


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    """A TLS listener whose certificate ends in an hour; `ca.pem` trusts it."""
    authority: Authority = _authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.load_into(context, IPv4Address("127.0.0.1"), tmp_path)

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context)
    yield int(server.sockets[0].getsockname()[1])
    server.close()


def config(**delivery: object) -> Config:
    issuer = {"issuer": "https://signals.acme.example"}
    return Config.model_validate({"transmitter": issuer, "delivery": {"allow_insecure_targets": True, **delivery}})


async def test_it_ends_in_an_hour(port: int, tmp_path: Path) -> None:
    at = await ends_at(f"https://127.0.0.1:{port}/x", config(ca_file=str(tmp_path / "ca.pem")))
    assert at is not None
    assert at == pytest.approx(time.time() + 3600, abs=60)
    (line,) = ending("receiver okta", at, time.time())
    assert (line.outcome, line.words.endswith("in 0 days")) == ("note", True)


async def test_none_where_nothing_trusted_answers(port: int, tmp_path: Path) -> None:
    trusted = str(tmp_path / "ca.pem")
    assert await ends_at(f"https://127.0.0.1:{port}/", config()) is None
    assert await ends_at("https://127.0.0.1:1/", config(ca_file=trusted)) is None
    assert await ends_at(f"http://127.0.0.1:{port}/", config(ca_file=trusted)) is None
    guarded = config(ca_file=trusted, allow_insecure_targets=False)
    assert await ends_at(f"https://127.0.0.1:{port}/", guarded) is None, "the guard holds here too"


def test_a_word_only_where_it_ends_soon() -> None:
    assert ending("x", None, 0.0) == ()
    assert ending("x", SOON + 1, 0.0) == ()
    assert [line.words for line in ending("x", SOON, 0.0)] == [
        "its certificate ends on 1970-01-15 00:00:00Z, in 14 days"
    ]
