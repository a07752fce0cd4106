from __future__ import annotations

import asyncio
import json
import socket
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from bridge.clock import SystemClock
from bridge.config import Secret
from bridge.delivery.push import push
from bridge.model import Stream
from bridge.outbound import Outbound
from bridge.value import replace
from bridge.vault import SealedText, Vault
from tests.delivery.wire import Scripted, guarded

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
TEXT = "eyJ0eXAiOiJzZWNldmVudCtqd3QifQ.eyJqdGkiOiIxIn0.c2ln"
SECRET = "Bearer s3cr3t-of-the-receiver"


def _stream(url: str, header: str | None = None) -> Stream:
    secret = None if header is None else Secret(header)
    return Stream("s1", "okta", "https://acme.example", "okta", url, authorization_header=secret)


def _http(status: int, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def _answering(answer: bytes, seen: list[bytes] | None = None) -> Any:
    async def handle(reader: Reader, writer: Writer) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(len(TEXT))
            if seen is not None:
                seen.append(head + body)
            writer.write(answer)
            await writer.drain()

    return handle


async def test_the_request_is_that_of_rfc_8935(serve: Any, outbound: Outbound) -> None:
    seen: list[bytes] = []
    port = await serve(_answering(_http(202), seen))
    outcome = await push(outbound, _stream(f"http://127.0.0.1:{port}/e/1", SECRET), TEXT, SystemClock())
    assert (outcome.kind, outcome.code, outcome.received) == ("delivered", "202", True)
    assert 0 < outcome.took < 5
    head, _, body = seen[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /e/1 HTTP/1.1" and body == TEXT.encode()
    assert {"Content-Type: application/secevent+jwt", "Accept: application/json", f"Authorization: {SECRET}"} <= set(
        lines
    )


async def test_without_an_authorization_header_there_is_none(serve: Any, outbound: Outbound) -> None:
    seen: list[bytes] = []
    port = await serve(_answering(_http(202), seen))
    await push(outbound, _stream(f"http://127.0.0.1:{port}/"), TEXT, SystemClock())
    assert b"authorization" not in seen[0].lower()


async def test_words_hold_neither_our_secret_nor_our_set(serve: Any, outbound: Outbound) -> None:
    body = json.dumps(
        {"err": "authentication_failed", "description": f"{SECRET} is wrong for {TEXT}, not {SECRET[7:]}"}
    )
    port = await serve(_answering(_http(400, body.encode())))
    outcome = await push(outbound, _stream(f"http://127.0.0.1:{port}/", SECRET), TEXT, SystemClock())
    assert (outcome.kind, outcome.code) == ("stream", "authentication_failed")
    assert outcome.words == "authentication_failed: [authorization] is wrong for [token], not [authorization]"


async def test_a_receivers_name_that_turns_to_a_private_address_is_not_pushed_to() -> None:
    """It was let pass when the stream was made, and leads elsewhere by now; an admin's own may be private."""
    theirs = replace(_stream("https://hooks.tenant.example/ssf", SECRET), by_api=True)
    outbound = guarded(Scripted(["10.9.9.9"]), insecure=False)
    outcome = await push(outbound, theirs, TEXT, SystemClock())
    assert (outcome.kind, outcome.code, outcome.received) == ("stream", "refused_address", False)
    assert outcome.words == "the name leads to a private address"
    await outbound.close()


@pytest.mark.parametrize("by_api", [True, False])
async def test_an_allowed_network_is_for_receivers(serve: Any, by_api: bool) -> None:
    """The other way round: an admin has no loopback unless targets may be insecure."""
    outbound = guarded(Scripted(["127.0.0.1"]), insecure=False, allowed_networks=[ip_network("127.0.0.0/8")])
    port = await serve(_answering(_http(202)))
    stream = replace(_stream(f"https://hooks.tenant.example:{port}/ssf"), by_api=by_api)
    outcome = await push(outbound, stream, TEXT, SystemClock())
    assert (outcome.code == "refused_address") is not by_api, outcome
    await outbound.close()


async def test_a_header_that_does_not_open_is_the_streams_trouble(
    serve: Any, outbound: Outbound, tmp_path: Path
) -> None:
    """After a backup was put back without its vault.key: nothing goes out, and it goes on once the key is there."""
    seen: list[bytes] = []
    port = await serve(_answering(_http(202), seen))
    sealed = Vault(tmp_path / "vault.key").seal(SECRET, "s1")
    kept = (tmp_path / "vault.key").rename(tmp_path / "kept.key")
    header = SealedText(Vault(tmp_path / "vault.key"), sealed, "s1")
    stream = replace(_stream(f"http://127.0.0.1:{port}/"), authorization_header=header)
    outcome = await push(outbound, stream, TEXT, SystemClock())
    assert (outcome.kind, outcome.code, outcome.received, seen) == ("stream", "sealed", False, [])
    assert "vault.key" in outcome.words
    kept.rename(tmp_path / "vault.key")
    assert (await push(outbound, stream, TEXT, SystemClock())).kind == "delivered"


async def test_a_short_secret_does_not_spoil_the_error_code(serve: Any, outbound: Outbound) -> None:
    port = await serve(_answering(_http(400, b'{"err": "invalid_key"}')))
    outcome = await push(outbound, _stream(f"http://127.0.0.1:{port}/", "Bearer e"), TEXT, SystemClock())
    assert outcome.code == "invalid_key"


async def test_retry_after_is_handed_on(serve: Any, outbound: Outbound) -> None:
    port = await serve(_answering(_http(429, b"", "Retry-After: 17")))
    outcome = await push(outbound, _stream(f"http://127.0.0.1:{port}/"), TEXT, SystemClock())
    assert (outcome.kind, outcome.code, outcome.retry_after) == ("stream", "429", 17.0)


async def test_an_accepted_set_is_delivered_whatever_the_body_does(serve: Any, outbound: Outbound) -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 900000000\r\n\r\n")
        while True:
            writer.write(b"z" * 65_536)
            await writer.drain()

    outcome = await push(outbound, _stream(f"http://127.0.0.1:{await serve(handle)}/"), TEXT, SystemClock())
    assert (outcome.kind, outcome.code) == ("delivered", "202")


async def test_network_trouble_is_a_value(serve: Any, outbound: Outbound) -> None:
    async def drop(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async def babble(reader: Reader, writer: Writer) -> None:
        await reader.read(10)
        writer.write(_http(400))
        await writer.drain()

    with socket.create_server(("127.0.0.1", 0)) as closed:
        gone = closed.getsockname()[1]
    plain = await serve(babble)
    for url, code, received in [
        (f"http://127.0.0.1:{gone}/", "connect", False),
        (f"http://127.0.0.1:{await serve(drop)}/", "reset", True),
        (f"https://127.0.0.1:{plain}/", "tls", False),
        ("http://nobody.invalid/", "dns", False),
        ("http://169.254.169.254/", "refused_address", False),
        ("not a url", "refused_address", False),
    ]:
        outcome = await push(outbound, _stream(url), TEXT, SystemClock())
        assert (outcome.kind, outcome.code, outcome.received) == ("stream", code, received), url
        assert outcome.words


async def test_a_silent_receiver_is_a_timeout(serve: Any, outbound: Outbound, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(reader: Reader, writer: Writer) -> None:
        await reader.read()

    monkeypatch.setattr("bridge.delivery.push.TIMEOUT", 0.3)
    outcome = await push(outbound, _stream(f"http://127.0.0.1:{await serve(silent)}/"), TEXT, SystemClock())
    assert (outcome.kind, outcome.code, outcome.received) == ("stream", "timeout", True)


async def test_a_header_that_cannot_be_sent_is_a_value(outbound: Outbound) -> None:
    outcome = await push(outbound, _stream("http://127.0.0.1:9/", "Bearer a\nb"), TEXT, SystemClock())
    assert (outcome.kind, outcome.code, outcome.received) == ("stream", "connect", False)


async def test_cancellation_passes_through(serve: Any, outbound: Outbound) -> None:
    arrived = asyncio.Event()

    async def silent(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrived.set()
        await reader.read()

    url = f"http://127.0.0.1:{await serve(silent)}/"
    task = asyncio.create_task(push(outbound, _stream(url), TEXT, SystemClock()))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_name_that_a_receiver_wrote_may_not_lead_inside_by_the_time_of_the_push() -> None:
    """It was checked when the stream was made; names change."""
    outbound = guarded(Scripted(["10.255.255.1"]), insecure=False)
    stream = replace(_stream("https://moved.example/in"), by_api=True)
    outcome = await push(outbound, stream, TEXT, SystemClock())
    assert (outcome.kind, outcome.code, outcome.received) == ("stream", "refused_address", False)
    await outbound.close()
