from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

from bridge.web import protocol
from bridge.web.protocol import HEAD_BYTES
from tests.web.doors import Doors, Raw, opened, raw

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


async def sent_without_end(wire: Raw, piece: bytes) -> int:
    """Bytes that could be sent before the other side closed."""
    sent = 0
    try:
        while sent < 50 * HEAD_BYTES:
            await wire.send(piece)
            sent += len(piece)
            await asyncio.sleep(0)
    except ConnectionError:
        pass
    return sent


@pytest.mark.parametrize("begin", [REQUEST + b"X-Long: ", REQUEST, b"GET /"])
async def test_a_head_without_end_is_cut_off(begin: bytes) -> None:
    piece = b"X-Many: x\r\n" * 400 if begin == REQUEST else b"x" * 4096
    async with opened(Doors()) as doors, raw(doors.public) as wire:
        await wire.send(begin)
        assert await sent_without_end(wire, piece) < 50 * HEAD_BYTES
    async with opened(Doors()) as doors, raw(doors.public) as wire:
        await wire.send(begin)
        for _ in range(HEAD_BYTES // len(piece) + 2):
            await wire.send(piece)
            await asyncio.sleep(0.001)
        assert (await wire.answer())[0] == 400


@pytest.mark.parametrize("request_line", [b"GET /healthz", b"POST /webhooks/fleet"])
@pytest.mark.parametrize("piece", [b"X-Many: x\r\n" * 400, b"x" * 4096])
async def test_trailers_without_end_are_cut_off(request_line: bytes, piece: bytes) -> None:
    async with opened(Doors()) as doors, raw(doors.public) as wire:
        await wire.send(request_line + b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        await wire.send(b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Long: x")
        assert await sent_without_end(wire, piece) < 50 * HEAD_BYTES


async def test_trailers_that_do_not_end_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    async with opened(Doors()) as doors, raw(doors.public) as wire:
        await wire.send(REQUEST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Late: ")
        assert (await wire.answer())[0] == 200
        assert await asyncio.wait_for(wire.closed(), 2)


async def test_many_small_chunks_and_a_trailer_pass() -> None:
    async with opened(Doors()) as doors, raw(doors.public) as wire:
        for _ in range(2):
            await wire.send(b"POST /webhooks/fleet HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
            await wire.send(b"Transfer-Encoding: chunked\r\n\r\n")
            for piece in (b"{", *[b" "] * 20_000, b"}"):
                await wire.send(b"1\r\n" + piece + b"\r\n")
            await wire.send(b"0\r\nX-Sum: 1\r\n\r\n")
            assert (await wire.answer())[0] == 202


async def test_large_heads_within_the_limit_pass_one_after_another() -> None:
    async with opened(Doors()) as doors, raw(doors.public) as wire:
        for _ in range(4):
            await wire.send(REQUEST)
            for _ in range(10):
                await wire.send(b"X-Many: " + b"x" * 3000 + b"\r\n")
                await asyncio.sleep(0.001)
            await wire.send(b"\r\n")
            assert (await wire.answer())[0] == 200


@pytest.mark.parametrize("begin", [b"", b"GET /heal", REQUEST + b"\r\n" + REQUEST])
async def test_a_head_that_does_not_come_in_time(monkeypatch: pytest.MonkeyPatch, begin: bytes) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    async with opened(Doors()) as doors, raw(doors.public) as wire:
        await wire.send(begin)
        if begin.startswith(REQUEST):
            assert (await wire.answer())[0] == 200
        assert await asyncio.wait_for(wire.closed(), 2)


async def test_a_long_answer_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    doors = Doors()
    doors.intake.hold = asyncio.Event()
    async with opened(doors), raw(doors.public) as wire:
        await wire.send(b"POST /webhooks/fleet HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        await wire.send(b"Content-Length: 2\r\n\r\n{}")
        await asyncio.sleep(0.15)
        doors.intake.hold.set()
        assert (await wire.answer())[0] == 202
        await asyncio.sleep(0.1)
        await wire.send(REQUEST + b"\r\n")
        assert (await wire.answer())[0] == 200


async def test_requests_without_end_behind_one_that_waits() -> None:
    doors = Doors()
    doors.intake.hold = asyncio.Event()
    held = b"POST /webhooks/fleet HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    async with opened(doors), raw(doors.public) as wire:
        await wire.send(held + 100 * (REQUEST + b"\r\n"))
        await doors.intake.arrived.wait()
        doors.intake.hold.set()
        assert [(await wire.answer())[0] for _ in range(101)] == [202, *[200] * 100]
        doors.intake.hold.clear()
        with contextlib.suppress(ConnectionError):  # it may end by a reset
            await wire.send(held + 1000 * (REQUEST + b"\r\n"))
            assert await asyncio.wait_for(wire.closed(), 5)


async def test_an_upgrade_that_is_not_to_be_had_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    """A word in the log about each would let anybody fill it."""
    async with opened(Doors()) as doors, raw(doors.public) as wire:
        await wire.send(REQUEST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert (await wire.answer())[0] == 200
    assert not caplog.records


@pytest.mark.parametrize(
    "junk",
    [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"POST /webhooks/fleet HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
     b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
     b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
)  # fmt: skip
async def test_what_is_not_http(junk: bytes) -> None:
    async with opened(Doors()) as doors, raw(doors.public) as wire:
        await wire.send(junk)
        assert (await wire.answer())[0] == 400
        assert await wire.closed()


@pytest.mark.parametrize(
    "head",
    [
        b"POST /webhooks/fleet HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /webhooks/fleet HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"no HTTP at all\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_a_problem_too(head: bytes) -> None:
    async with opened(Doors()) as doors, raw(doors.public) as wire:
        await wire.send(head)
        status, headers, body = await wire.answer()
        assert (status, headers["content-type"]) == (400, "application/problem+json")
        assert (json.loads(body)["status"], headers["connection"]) == (400, "close")
        assert await asyncio.wait_for(wire.closed(), 2)
