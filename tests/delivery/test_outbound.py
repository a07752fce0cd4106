from __future__ import annotations

import asyncio
import gzip
import socket
from typing import Any

import aiohttp
import pytest
from yarl import URL

from bridge.outbound import Outbound
from bridge.places import Places
from tests.delivery.wire import OK, Reader, Writer, answering, failure, post, read_request, reset


async def test_what_is_sent_and_what_comes_back(serve: Any, outbound: Outbound) -> None:
    seen: list[bytes] = []
    answer = b"HTTP/1.1 400 No\r\nX-One: a\r\nX-ONE: b\r\nSet-Cookie: c=d\r\nContent-Length: 2\r\n\r\nhi"
    port = await serve(answering(answer, seen))
    for _ in range(2):
        got = await post(outbound, f"http://127.0.0.1:{port}/a%2Fb?c=d", headers={"Authorization": "Bearer t"})
    assert (got.status, got.body, got.headers["x-one"]) == (400, b"hi", "a, b")
    assert seen[1].startswith(b"POST /a%2Fb?c=d HTTP/1.1\r\n")
    assert b"Authorization: Bearer t\r\n" in seen[1] and b"User-Agent: caep-bridge/test\r\n" in seen[1]
    assert b"cookie" not in seen[1].lower() and seen[1].endswith(b"\r\n\r\nx")


@pytest.mark.parametrize(
    "url",
    [
        "https://h.example/a/b-c_d~e.f?x=1&y=a.b", "https://h.example", "https://h.example?x=1", "https://h.example/?",
        "https://h.example/a/../b", "https://h.example/./a", "https://h.example/a//b", "https://h.example/a%2fb%41",
        "https://h.example/a?x=1?y", "https://h.example/a+b?c+d", "https://h.example/\u00e9?\u00e9", "https://h.example:443/a",
        "https://h.example:8443/a", "https://[2001:db8::1]:8443/a?b", "https://H.example/a", "https://h.example/a;b?c;d",
        "https://h.example/a?", "https://h.example/..", "https://h.example/.well-known/a", "https://h.example/a.?b",
    ],
)  # fmt: skip
async def test_a_known_place_is_asked_as_a_new_one(url: str) -> None:
    places = Places("caep-bridge/test", aiohttp.TCPConnector(), 1)
    place, target = places.add(url)
    known = places.find(url)
    assert known in (None, (place, target))
    assert target == URL(url).raw_path_qs
    assert f"Host: {URL(url).host_port_subcomponent}\r\n".encode() in place.request("GET", target, {}, None)


@pytest.mark.parametrize(
    "url",
    [
        "https://u@h.example/a", "https://h.example@evil.example/a", "https://h.example/a#b", "https://h.example/a b",
        "https://h.example\\@evil.example/", "https://h.example/a\r\nX: y", "https://evil.example/a",
        "http://h.example/a", "https://h.example:8443/a", "https://h.example/a\n", " https://h.example/a",
    ],
)  # fmt: skip
async def test_no_other_url_passes_as_one_of_a_known_place(url: str) -> None:
    places = Places("caep-bridge/test", aiohttp.TCPConnector(), 1)
    places.add("https://h.example/")
    assert places.find("https://h.example/a") is not None
    assert places.find(url) is None


async def test_a_get_on_a_stale_kept_connection_is_tried_once_more(serve: Any, outbound: Outbound) -> None:
    taken = 0

    async def handle(reader: Reader, writer: Writer) -> None:
        nonlocal taken
        await read_request(reader)
        taken += 1
        writer.write(OK)
        await writer.drain()
        await read_request(reader)
        taken += 1
        reset(writer)

    port = await serve(handle)
    got = [await outbound.request("GET", f"http://127.0.0.1:{port}/a", headers={}, timeout=5) for _ in range(2)]
    assert [one.status for one in got] == [202, 202]
    assert taken == 3


async def test_an_answer_in_pieces(serve: Any, outbound: Outbound) -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        pieces = (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Enc", b"oding: chunked\r\n\r\n",
                  b"2\r\nhi\r\n4\r\n you", b"\r\n0\r\n\r\n")  # fmt: skip
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    port = await serve(handle)
    got = await outbound.request("GET", f"http://127.0.0.1:{port}/", headers={}, timeout=5)
    assert (got.status, got.body) == (200, b"hi you")


async def test_connections_are_kept(serve: Any, outbound: Outbound) -> None:
    opened = []

    async def handle(reader: Reader, writer: Writer) -> None:
        opened.append(1)
        await answering(OK)(reader, writer)

    port = await serve(handle)
    for _ in range(5):
        await post(outbound, f"http://127.0.0.1:{port}/")
    assert len(opened) == 1


async def test_connections_to_one_host_are_bounded(serve: Any, outbound: Outbound) -> None:
    open_now, most = 0, 0
    gate = asyncio.Event()

    async def handle(reader: Reader, writer: Writer) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        if most == 4:
            gate.set()
        await gate.wait()
        await answering(OK)(reader, writer)

    port = await serve(handle)
    await asyncio.gather(*(post(outbound, f"http://127.0.0.1:{port}/") for _ in range(12)))
    assert most == 4


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(serve: Any, outbound: Outbound, status: int) -> None:
    seen: list[bytes] = []
    target = await serve(answering(OK, seen))
    answer = f"HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:{target}/\r\nContent-Length: 0\r\n\r\n"
    port = await serve(answering(answer.encode()))
    assert (await post(outbound, f"http://127.0.0.1:{port}/")).status == status
    assert seen == []


async def test_refused_connection(outbound: Outbound) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    failed = await failure(outbound, f"http://127.0.0.1:{port}/")
    assert (failed.code, failed.certainly_not_sent) == ("connect", True)


async def test_unknown_name(outbound: Outbound) -> None:
    failed = await failure(outbound, "https://nobody.invalid/secret-path")
    assert (failed.code, failed.certainly_not_sent) == ("dns", True)
    assert "secret-path" not in str(failed)


async def test_reset_before_the_answer(serve: Any, outbound: Outbound) -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        reset(writer)

    failed = await failure(outbound, f"http://127.0.0.1:{await serve(handle)}/")
    assert (failed.code, failed.certainly_not_sent) == ("reset", False)


async def test_half_close_without_an_answer(serve: Any, outbound: Outbound) -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write_eof()
        await reader.read()

    failed = await failure(outbound, f"http://127.0.0.1:{await serve(handle)}/")
    assert (failed.code, failed.certainly_not_sent) == ("reset", False)


async def test_a_stale_kept_connection_is_a_reset_for_post(serve: Any, outbound: Outbound) -> None:
    count = 0

    async def handle(reader: Reader, writer: Writer) -> None:
        nonlocal count
        await read_request(reader)
        writer.write(OK)
        await read_request(reader)  # the second request on the kept connection arrives, and is never answered
        count += 1
        reset(writer)

    port = await serve(handle)
    await post(outbound, f"http://127.0.0.1:{port}/")
    failed = await failure(outbound, f"http://127.0.0.1:{port}/")
    assert (failed.code, failed.certainly_not_sent, count) == ("reset", False, 1)


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: " + b"x" * 99_999]
)
async def test_what_is_not_http_is_a_reset(serve: Any, outbound: Outbound, answer: bytes) -> None:
    failed = await failure(outbound, f"http://127.0.0.1:{await serve(answering(answer))}/")
    assert (failed.code, failed.certainly_not_sent) == ("reset", False)


async def test_no_answer_in_time(serve: Any, outbound: Outbound) -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        await reader.read()

    failed = await failure(outbound, f"http://127.0.0.1:{await serve(handle)}/", timeout=0.3)
    assert (failed.code, failed.certainly_not_sent) == ("timeout", False)


async def test_no_connection_in_time(serve: Any, outbound: Outbound) -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        await reader.read()  # takes TCP, never speaks TLS

    failed = await failure(outbound, f"https://127.0.0.1:{await serve(handle)}/", timeout=0.4)
    assert (failed.code, failed.certainly_not_sent) == ("timeout", True)


SLOW = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun"


@pytest.mark.parametrize("then", ["hang", "reset", "close"])
async def test_a_body_that_breaks_off(serve: Any, outbound: Outbound, then: str) -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(SLOW)
        await writer.drain()
        if then == "hang":
            await reader.read()
        elif then == "reset":
            await asyncio.sleep(0.05)
            reset(writer)

    url = f"http://127.0.0.1:{await serve(handle)}/"
    failed = await failure(outbound, url, timeout=0.4)
    assert (failed.code, failed.certainly_not_sent) == ("timeout" if then == "hang" else "reset", False)
    got = await post(outbound, url, timeout=0.4, cut=True)
    assert (got.status, got.body) == (200, b"begun")


@pytest.mark.parametrize("size", [1000, 1001, 50_000_000])
async def test_the_body_is_bounded(serve: Any, outbound: Outbound, size: int) -> None:
    sent = 0

    async def handle(reader: Reader, writer: Writer) -> None:
        nonlocal sent
        while True:
            await read_request(reader)
            sent = 0
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
            while sent < size:
                writer.write(b"y" * min(65_536, size - sent))
                sent += min(65_536, size - sent)
                await writer.drain()

    url = f"http://127.0.0.1:{await serve(handle)}/"
    if size <= 1000:
        assert len((await post(outbound, url, max_bytes=1000)).body) == size
        return
    failed = await failure(outbound, url, max_bytes=1000)
    assert (failed.code, failed.certainly_not_sent) == ("too_large", False)
    assert (await post(outbound, url, max_bytes=1000, cut=True)).body == b"y" * 1000
    assert sent < 20_000_000


async def test_a_compressed_bomb_is_bounded_by_what_it_unpacks_to(serve: Any, outbound: Outbound) -> None:
    packed = gzip.compress(b"\0" * 20_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    failed = await failure(outbound, f"http://127.0.0.1:{await serve(answering(head + packed))}/", max_bytes=100_000)
    assert failed.code == "too_large"


async def test_cancellation_passes_through(serve: Any, outbound: Outbound) -> None:
    arrived = asyncio.Event()

    async def handle(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        arrived.set()
        await reader.read()

    task = asyncio.create_task(post(outbound, f"http://127.0.0.1:{await serve(handle)}/"))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("value", ["Bearer a\r\nX: y", "Bearer a\n", "Bearer \0"])
async def test_a_header_that_cannot_be_sent(serve: Any, outbound: Outbound, value: str) -> None:
    seen: list[bytes] = []
    url = f"http://127.0.0.1:{await serve(answering(OK, seen))}/"
    failed = await failure(outbound, url, headers={"Authorization": value})
    assert (failed.code, failed.certainly_not_sent, seen) == ("connect", True, [])
    assert "Bearer" not in str(failed)


async def test_after_close(serve: Any, outbound: Outbound) -> None:
    url = f"http://127.0.0.1:{await serve(answering(OK))}/"
    await post(outbound, url)
    await outbound.close()
    failed = await failure(outbound, url)
    assert (failed.code, failed.certainly_not_sent) == ("connect", True)


async def test_what_came_on_an_idle_connection_answers_nothing(serve: Any, outbound: Outbound) -> None:
    """A second answer that nobody asked for must not be taken for the answer to the next request."""
    seen: list[bytes] = []
    idle = asyncio.Event()

    async def handle(reader: Reader, writer: Writer) -> None:
        seen.append(await read_request(reader))
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await idle.wait()
        writer.write(OK)
        await writer.drain()
        seen.append(await read_request(reader))

    url = f"http://127.0.0.1:{await serve(handle)}/"
    assert (await post(outbound, url, body=b"first")).status == 400
    idle.set()
    await asyncio.sleep(0.1)
    assert (await post(outbound, url, body=b"second")).status == 400
    assert [request[-6:] for request in seen] == [b"\nfirst", b"second"]
