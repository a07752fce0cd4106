"""The least HTTP/1.1 that a load generator, a vendor and a receiver need, so that they do not slow what is measured."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

Reply = tuple[float, bytes]
"""Seconds to wait, and the whole answer as it goes over the wire."""
Handle = Callable[[str, bytes], Reply]
"""(path with query, body) → reply."""


def answer(status: int, body: bytes = b"", content_type: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status} -\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class _Serving(asyncio.Protocol):
    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        wait, reply = self._handle(self._url.decode(), b"".join(self._body))
        self._url, self._body = b"", []
        if wait:
            asyncio.get_running_loop().call_later(wait, self._write, reply)
        else:
            self._write(reply)

    def _write(self, reply: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(reply)


class Standing:
    """Something that answers on a free loopback port."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self.port = 0

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Serving(self._handle), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.close()


class Connection(asyncio.Protocol):
    """One kept connection; one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._waiting: asyncio.Future[int] | None = None
        self._pieces: list[bytes] = []

    @classmethod
    async def open(cls, port: int) -> Connection:
        _, protocol = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return protocol

    def ask(self, request: bytes) -> asyncio.Future[int]:
        """The status of the answer, once it is whole."""
        self._waiting = asyncio.get_running_loop().create_future()
        self._pieces = []
        self._transport.write(request)
        return self._waiting

    @property
    def closed(self) -> bool:
        """By either side."""
        return self._transport.is_closing()

    @property
    def body(self) -> bytes:
        """Of the last answer."""
        return b"".join(self._pieces)

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        waiting, self._waiting = self._waiting, None
        status = self._parser.get_status_code()
        self._parser = httptools.HttpResponseParser(self)
        if waiting is not None and not waiting.done():
            waiting.set_result(status)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionResetError("the service closed the connection"))
