"""What a server may do on a kept connection: only the answer to the request asked counts."""

from __future__ import annotations

import asyncio
import gzip
from itertools import repeat
from typing import Any

import pytest

from bridge import places
from bridge.outbound import Answer, ConnectFailed, Outbound
from tests.delivery.wire import OK, Reader, Writer, failure, post, read_request, reset

PACKED = gzip.compress(b"hi", mtime=0)
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


async def get(outbound: Outbound, url: str, **given: Any) -> Answer:
    return await outbound.request("GET", url, headers={}, **{"timeout": 5.0, **given})


class Peer:
    """Answers every request with `answer`, and counts connections and requests."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = answers
        self.connections = 0
        self.requests: list[bytes] = []

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        self.connections += 1
        while True:
            self.requests.append(await read_request(reader))
            writer.write(self.answers[min(len(self.requests), len(self.answers)) - 1])
            await writer.drain()


def of_length(body: bytes, more: bytes = b"") -> bytes:
    return HEAD + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (of_length(b"hi"), b"hi"),
        (CHUNKED + b"2\r\nhi\r\n0\r\n\r\n", b"hi"),
        (CHUNKED + b"2;a=b\r\nhi\r\n0\r\nX: y\r\n\r\n", b"hi"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2  \r\nhi\r\n0\r\n\r\n", b"hi"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" + of_length(b"hi"), b"hi"),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", b"hi"),
        (of_length(PACKED, b"Content-Encoding: gzip\r\n"), b"hi"),
        (of_length(b"", b"Content-Encoding: gzip\r\n"), b""),
    ],
)  # fmt: skip
async def test_answers_after_which_the_connection_is_kept(
    serve: Any, outbound: Outbound, answer: bytes, body: bytes
) -> None:
    peer = Peer(answer)
    url = f"http://127.0.0.1:{await serve(peer)}/"
    for _ in range(3):
        got = await get(outbound, url)
        assert got.body == body and "x" not in got.headers
    assert (peer.connections, len(peer.requests)) == (1, 3)


@pytest.mark.parametrize(
    "answer",
    [
        of_length(b"hi", b"Connection: close\r\n"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        of_length(b"hi") + b"H",
        of_length(b"hi") + of_length(b"no"),
        of_length(b"hi") + b"\x16\x03",
        of_length(b"hi", b"Connection: close\r\n") + of_length(b"no"),
        CHUNKED + b"2\r\nhi\r\n0\r\n\r\n" + OK,
    ],
)  # fmt: skip
async def test_answers_after_which_it_is_not(serve: Any, outbound: Outbound, answer: bytes) -> None:
    peer = Peer(answer)
    url = f"http://127.0.0.1:{await serve(peer)}/"
    for _ in range(3):
        got = await get(outbound, url)
        assert (got.status, got.body) == (200, b"hi")
    assert (peer.connections, len(peer.requests)) == (3, 3)


async def test_a_body_that_ends_with_the_connection(serve: Any, outbound: Outbound) -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        for piece in (HEAD + b"\r\n", b"hi ", b"you"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    url = f"http://127.0.0.1:{await serve(handle)}/"
    assert [(await get(outbound, url)).body for _ in range(2)] == [b"hi you"] * 2


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"\r\n", b"H", HEAD, HEAD + b"Content-Length: 2\r\n\r\n", HEAD + b"Content-Length: 2\r\n\r\nh",
        CHUNKED, CHUNKED + b"2\r\nhi\r\n", CHUNKED + b"2\r\nhi\r\n0\r\n", CHUNKED + b"zz\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\nhi", HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 2 2\r\n\r\nhi", HEAD + b"A b\r\n\r\n", HEAD + b"A: \x00\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", b"HTTP/1.1 000 No\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 20 OK\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x0a",
        b"GET / HTTP/1.1\r\n\r\n",
        of_length(PACKED[:-1], b"Content-Encoding: gzip\r\n"),
        of_length(PACKED + b"x", b"Content-Encoding: gzip\r\n"),
        of_length(b"hi", b"Content-Encoding: gzip\r\n"),
    ],
)  # fmt: skip
async def test_answers_that_are_none(serve: Any, outbound: Outbound, answer: bytes) -> None:
    asked = 0
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, fault: faults.append(fault))

    async def handle(reader: Reader, writer: Writer) -> None:
        nonlocal asked
        await read_request(reader)
        asked += 1
        writer.write(answer)
        await writer.drain()
        writer.write_eof()

    with pytest.raises(ConnectFailed) as caught:
        await get(outbound, f"http://127.0.0.1:{await serve(handle)}/")
    assert (caught.value.code, caught.value.certainly_not_sent, asked) == ("reset", False, 1)
    assert faults == []


def _endless() -> dict[str, tuple[bytes, bytes]]:
    return {
        "headers": (HEAD, b"X: y\r\n"),
        "one header": (HEAD + b"X: ", b"y"),
        "status": (b"HTTP/1.1 200 ", b"O"),
        "interim": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        "trailers": (CHUNKED + b"2\r\nhi\r\n0\r\n", b"X: y\r\n"),
        "one trailer": (CHUNKED + b"0\r\nX: ", b"y"),
        "extension": (CHUNKED + b"2;", b"x"),
        "line breaks": (b"", b"\r\n"),
    }


@pytest.mark.parametrize("kind", _endless())
async def test_what_is_no_body_is_bounded(serve: Any, outbound: Outbound, kind: str) -> None:
    first, more = _endless()[kind]
    sent = 0

    async def handle(reader: Reader, writer: Writer) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(first)
        for block in repeat(more * (8192 // len(more))):
            writer.write(block)
            await writer.drain()
            sent += len(block)

    failed = await failure(outbound, f"http://127.0.0.1:{await serve(handle)}/")
    assert (failed.code, failed.certainly_not_sent) == ("reset", False)
    assert sent < 20_000_000  # most of it is what the kernel takes unread


async def test_small_chunks_are_a_body(serve: Any, outbound: Outbound) -> None:
    peer = Peer(CHUNKED + b"1\r\nx\r\n" * 200_000 + b"0\r\n\r\n")
    got = await get(outbound, f"http://127.0.0.1:{await serve(peer)}/")
    assert got.body == b"x" * 200_000


@pytest.mark.parametrize("chunked", [False, True])
async def test_an_endless_body_is_bounded(serve: Any, outbound: Outbound, chunked: bool) -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(CHUNKED if chunked else HEAD + b"\r\n")
        while True:
            writer.write(b"1000\r\n" + b"y" * 4096 + b"\r\n" if chunked else b"y" * 4096)
            await writer.drain()

    url = f"http://127.0.0.1:{await serve(handle)}/"
    assert (await failure(outbound, url, max_bytes=100_000)).code == "too_large"
    assert (await post(outbound, url, max_bytes=1000, cut=True)).body == b"y" * 1000


@pytest.mark.parametrize("drip", [HEAD + b"X: ", HEAD + b"Content-Length: 100\r\n\r\n", CHUNKED])
async def test_a_slow_drip_ends_in_time(serve: Any, outbound: Outbound, drip: bytes) -> None:
    """Each byte that comes puts nothing off."""

    async def handle(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        for byte in drip + b"5;" + b"x" * 1000:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.02)

    began = asyncio.get_running_loop().time()
    failed = await failure(outbound, f"http://127.0.0.1:{await serve(handle)}/", timeout=0.4)
    assert (failed.code, failed.certainly_not_sent) == ("timeout", False)
    assert asyncio.get_running_loop().time() - began < 2


async def test_each_request_has_its_own_time(serve: Any, outbound: Outbound) -> None:
    """Also behind others with more or less time on the same connection."""
    slow = 0.0

    async def handle(reader: Reader, writer: Writer) -> None:
        while True:
            await read_request(reader)
            await asyncio.sleep(slow)
            writer.write(OK)

    url = f"http://127.0.0.1:{await serve(handle)}/"
    loop = asyncio.get_running_loop()
    for first, then in ((0.2, 0.6), (5.0, 0.3)):
        slow = 0.0
        await post(outbound, url, timeout=first)
        slow, began = 60.0, loop.time()
        assert (await failure(outbound, url, timeout=then)).code == "timeout"
        assert then - 0.01 <= loop.time() - began < then + 2
    slow = 0.0
    await post(outbound, url, timeout=0.2)
    slow = 0.4
    assert (await post(outbound, url, timeout=5.0)).status == 202


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_connection_closed_while_idle_is_not_used(serve: Any, outbound: Outbound, how: str) -> None:
    opened = 0

    async def handle(reader: Reader, writer: Writer) -> None:
        nonlocal opened
        opened += 1
        await read_request(reader)
        writer.write(OK)
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.close() if how == "close" else reset(writer)

    url = f"http://127.0.0.1:{await serve(handle)}/"
    for _ in range(3):
        assert (await post(outbound, url)).status == 202
        await asyncio.sleep(0.1)
    assert opened == 3


async def test_a_get_on_a_fresh_connection_is_not_repeated(serve: Any, outbound: Outbound) -> None:
    asked = 0

    async def handle(reader: Reader, writer: Writer) -> None:
        nonlocal asked
        await read_request(reader)
        asked += 1
        reset(writer)

    with pytest.raises(ConnectFailed) as caught:
        await get(outbound, f"http://127.0.0.1:{await serve(handle)}/")
    assert (caught.value.code, caught.value.certainly_not_sent, asked) == ("reset", False, 1)


async def test_a_get_is_repeated_once_and_not_after_the_answer_began(serve: Any, outbound: Outbound) -> None:
    asked = 0

    async def handle(reader: Reader, writer: Writer) -> None:
        nonlocal asked
        while True:
            await read_request(reader)
            asked += 1
            writer.write(OK if asked == 1 else b"HTTP/1.1 2")
            await writer.drain()
            if asked > 1:
                reset(writer)
                return

    url = f"http://127.0.0.1:{await serve(handle)}/"
    await get(outbound, url)
    with pytest.raises(ConnectFailed) as caught:
        await get(outbound, url)
    assert (caught.value.code, asked) == ("reset", 2)


async def test_when_the_second_try_finds_nobody_the_first_may_have_arrived(serve: Any, outbound: Outbound) -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(OK)
        await read_request(reader)
        server.close()
        reset(writer)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    await get(outbound, url)
    with pytest.raises(ConnectFailed) as caught:
        await get(outbound, url)
    assert (caught.value.code, caught.value.certainly_not_sent) == ("reset", False)


async def test_an_answer_to_half_a_request_ends_the_connection(serve: Any, outbound: Outbound) -> None:
    """What is left of the request would be taken for the next one."""
    opened = 0

    async def handle(reader: Reader, writer: Writer) -> None:
        nonlocal opened
        opened += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(5)

    url = f"http://127.0.0.1:{await serve(handle)}/"
    for _ in range(2):
        assert (await post(outbound, url, body=b"x" * 30_000_000)).status == 413
    assert opened == 2


async def test_connections_that_nobody_uses_are_closed(
    serve: Any, outbound: Outbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "KEEP", 0.1)
    ended = asyncio.Event()

    async def handle(reader: Reader, writer: Writer) -> None:
        for _ in range(2):
            await read_request(reader)
            writer.write(OK)
        await reader.read()
        ended.set()

    url = f"http://127.0.0.1:{await serve(handle)}/"
    await get(outbound, url)
    await asyncio.sleep(0.06)
    await get(outbound, url)
    async with asyncio.timeout(5):
        await ended.wait()


async def test_a_place_is_given_up_by_who_is_cancelled(serve: Any) -> None:
    """Whoever waits for room, for a connection or for an answer."""
    hang = True

    async def handle(reader: Reader, writer: Writer) -> None:
        while True:
            await read_request(reader)
            if hang:
                await asyncio.sleep(60)
            writer.write(OK)
            await writer.drain()

    outbound = Outbound(insecure=True, user_agent="t", limit_per_host=2)
    url = f"http://127.0.0.1:{await serve(handle)}/"
    for pause in (0.0, 0.001, 0.05):
        tasks = [asyncio.create_task(get(outbound, url)) for _ in range(6)]
        await asyncio.sleep(pause)
        for task in tasks:
            task.cancel()
        assert all(
            isinstance(one, asyncio.CancelledError) for one in await asyncio.gather(*tasks, return_exceptions=True)
        )
    hang = False
    assert [one.status for one in await asyncio.gather(*(get(outbound, url) for _ in range(6)))] == [202] * 6
    await outbound.close()


async def test_waiting_for_room_is_a_wait_for_the_connection(serve: Any) -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        await reader.read()
        await asyncio.sleep(60)

    outbound = Outbound(insecure=True, user_agent="t", limit_per_host=1)
    url = f"http://127.0.0.1:{await serve(handle)}/"
    failures = await asyncio.gather(*(failure(outbound, url, timeout=0.4) for _ in range(2)))
    assert sorted(one.certainly_not_sent for one in failures) == [False, True]
    assert {one.code for one in failures} == {"timeout"}
    await outbound.close()


@pytest.mark.parametrize("begun", [b"", HEAD + b"\r\nhalf a bo"])
async def test_closing_ends_what_is_under_way(serve: Any, outbound: Outbound, begun: bytes) -> None:
    """Half a body that would end with the connection is not whole because it is we who end it."""
    arrived = asyncio.Event()

    async def handle(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(begun)
        await asyncio.sleep(0.05)
        arrived.set()
        await reader.read()

    task = asyncio.create_task(failure(outbound, f"http://127.0.0.1:{await serve(handle)}/"))
    await arrived.wait()
    await outbound.close()
    assert (await task).code == "reset"


async def test_answers_are_not_mixed_up(serve: Any, outbound: Outbound) -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        while True:
            path = (await read_request(reader)).split(b" ")[1]
            writer.write(of_length(path))
            await asyncio.sleep(len(path) % 3 * 0.001)

    url = f"http://127.0.0.1:{await serve(handle)}/"
    got = await asyncio.gather(*(get(outbound, f"{url}{'x' * count}") for count in range(200)))
    assert [len(one.body) for one in got] == [count + 1 for count in range(200)]
