"""A client of the stream API: many kept connections, one token, and no more of HTTP than that takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeVar

import orjson

from tests.bench.wire import Connection

CLIENT: Final = "crowd"
TERMS: Final = """
[oauth.clients.crowd]
secret = "crowd-secret-0123456789abcdef"
audience = "https://crowd.bench.example"
domains = ["bench.example"]
max_streams = 10000
verify = false
min_verification_interval = "0s"
[streams]
changes_per_day = 1000000
polls = 10000
polls_per_client = 10000
"""
"""Of the configuration: one client that may do as much as it likes."""
AT_ONCE: Final = 16

Item = TypeVar("Item")
Made = TypeVar("Made")


class Caller:
    """Raises RuntimeError for an answer that was not expected."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._token = ""
        self._idle: list[Connection] = []

    async def open(self) -> None:
        form = b"grant_type=client_credentials&client_id=crowd&client_secret=crowd-secret-0123456789abcdef"
        body = await self._ask(200, "POST", "/oauth/token", form, "application/x-www-form-urlencoded")
        self._token = orjson.loads(body)["access_token"]

    def close(self) -> None:
        for connection in self._idle:
            connection.close()

    async def create(self, endpoint: str | None) -> str:
        """The id of a new stream that is pushed there, or with None polled."""
        way = {"method": "urn:ietf:rfc:8936"}
        if endpoint is not None:
            way = {"method": "urn:ietf:rfc:8935", "endpoint_url": endpoint}
        made = orjson.loads(await self._ask(201, "POST", "/ssf/streams", orjson.dumps({"delivery": way})))
        stream_id: str = made["stream_id"]
        return stream_id

    async def delete(self, stream_id: str) -> None:
        await self._ask(204, "DELETE", f"/ssf/streams?stream_id={stream_id}")

    async def add(self, stream_id: str, subject: Any) -> None:
        said = orjson.dumps({"stream_id": stream_id, "subject": subject})
        await self._ask(200, "POST", "/ssf/subjects/add", said)

    async def remove(self, stream_id: str, subject: Any) -> None:
        said = orjson.dumps({"stream_id": stream_id, "subject": subject})
        await self._ask(204, "POST", "/ssf/subjects/remove", said)

    async def poll(self, stream_id: str, acks: Iterable[str] = (), *, at_once: bool = False) -> dict[str, str]:
        """jti → SET"""
        said = orjson.dumps({"ack": list(acks), "returnImmediately": at_once})
        found: dict[str, str] = orjson.loads(await self._ask(200, "POST", f"/ssf/poll/{stream_id}", said))["sets"]
        return found

    async def get(self, path: str) -> bytes:
        return await self._ask(200, "GET", path)

    async def _ask(
        self, status: int, method: str, path: str, body: bytes = b"", kind: str = "application/json"
    ) -> bytes:  # fmt: skip
        head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{self._port}\r\nauthorization: Bearer {self._token}\r\n"
        if not self._token:
            head = head.replace("authorization: Bearer \r\n", "")
        head += f"content-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        while self._idle and self._idle[-1].closed:  # the service ends those that were not used for a while
            self._idle.pop()
        connection = self._idle.pop() if self._idle else await Connection.open(self._port)
        try:
            found = await connection.ask(head.encode() + body)
        except BaseException:
            connection.close()
            raise
        answer = connection.body
        self._idle.append(connection)
        if found != status:
            raise RuntimeError(f"{method} {path} was answered {found}: {answer[:200]!r}")
        return answer


async def each(
    items: Iterable[Item], make: Callable[[Item], Awaitable[Made]], at_once: int = AT_ONCE
) -> list[Made]:  # fmt: skip
    """For every item, so many at once."""
    gate = asyncio.Semaphore(at_once)

    async def one(item: Item) -> Made:
        async with gate:
            return await make(item)

    return await asyncio.gather(*(one(item) for item in items))
