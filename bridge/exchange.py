"""One request and its answer over a connection of the client library's pool: the least that a kept connection needs.

The pool, its resolver, TLS and the parser are aiohttp's. Its session would build a request, a response and their timers
anew for each call, which costs more than the call.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

CONNECT_TIMEOUT: Final = 5.0
"""Seconds for everything up to an open connection: a free place in the pool, DNS, TCP, TLS."""
_BREAKS: Final = re.compile(r"[\r\n\x00]")
_SWITCHING: Final = 101
_PLAIN: Final = re.compile(r"(https?://[A-Za-z0-9.:\[\]-]+)(/[A-Za-z0-9._~/-]*(?:\?[A-Za-z0-9._~=&-]+)?)")
"""A URL that is sent as it stands, unless a segment begins with a dot."""
_MOST_PLACES: Final = 1000


class Place:
    """An origin, `https://host:port`: what its connections have in common, and the header fields of all requests to it.

    Made within a running event loop.
    """

    def __init__(self, origin: URL, user_agent: str) -> None:
        self.opening = aiohttp.ClientRequest("GET", origin, headers={"User-Agent": user_agent})
        self._fields = {name.lower(): f"{name}: {value}\r\n" for name, value in self.opening.headers.items()}

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        """The whole request (RFC 9112 §3). `headers` come before our own of the same name, but for the length.

        Raises ValueError if one of them holds a line break or NUL.
        """
        fields = dict(self._fields)
        for name, value in headers.items():
            fields[name.lower()] = f"{name}: {value}\r\n"
            if _BREAKS.search(name) or _BREAKS.search(value):
                raise ValueError("a line break or NUL in a header")
        if body is not None:
            fields.setdefault("content-type", "Content-Type: application/octet-stream\r\n")
        if body is not None or method != "GET":
            fields["content-length"] = f"Content-Length: {len(body or b'')}\r\n"
        head = f"{method} {target} HTTP/1.1\r\n{''.join(fields.values())}\r\n"
        return head.encode() + (body or b"")


class Places:
    """The origins that were called, apart for URLs by the admin and by receivers. Whoever adds one has checked it."""

    def __init__(self, user_agent: str) -> None:
        self._user_agent = user_agent
        self._known: dict[tuple[bool, str], Place] = {}

    def find(self, url: str, by_admin: bool) -> tuple[Place, str] | None:
        """The place and the target (RFC 9112 §3.2.1), if nothing in `url` but its origin needs a closer look."""
        plain = _PLAIN.fullmatch(url)
        if plain is None or "/." in url:
            return None
        place = self._known.get((by_admin, plain[1]))
        return None if place is None else (place, plain[2])

    def add(self, url: str, by_admin: bool) -> tuple[Place, str]:
        parts = URL(url)
        origin = parts.origin()
        key = by_admin, str(origin)
        if key not in self._known:
            if len(self._known) >= _MOST_PLACES:
                self._known.clear()
            self._known[key] = Place(origin, self._user_agent)
        return self._known[key], parts.raw_path_qs


class Exchange:
    """Sends `request` when entered, and holds the head of the answer then; `content` is its body, still to be read.

    Raises the client library's errors, and TimeoutError at `until` on the loop's clock. With `again` it is sent once
    more if the connection broke before the answer. Left with its body unread, or by an error, the connection closes.
    """

    def __init__(
        self,
        pool: aiohttp.BaseConnector,
        place: Place,
        request: bytes,
        limits: aiohttp.ClientTimeout,
        until: float,
        *,
        again: bool,
    ) -> None:
        self._pool, self._place, self._request = pool, place, request
        self._limits, self._until, self._again = limits, until, again
        self._connection: Connection
        self.status: int
        self.headers: Mapping[str, str]
        self.content: aiohttp.StreamReader

    async def __aenter__(self) -> Exchange:
        async with asyncio.timeout_at(self._until):
            try:
                await self._send()
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
                raise
            except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
                if not self._again or self._pool.closed:
                    raise
                await self._once_more()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._connection.release()  # closes it if something is unread
        else:
            self.close()

    def close(self) -> None:
        self._connection.close()

    async def _once_more(self) -> None:
        """The first try may have arrived: that there is no connection any more must not say that nothing was sent."""
        try:
            await self._send()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise aiohttp.ServerDisconnectedError from error

    async def _send(self) -> None:
        try:
            await self._connect()
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError from error
        try:
            await self._head()
        except HttpProcessingError as error:
            self.close()
            raise aiohttp.ClientPayloadError("not HTTP") from error
        except BaseException:
            self.close()
            raise

    async def _connect(self) -> None:
        """A connection on which nothing came that nobody asked for: it would be taken for our answer."""
        while True:
            self._connection = await self._pool.connect(self._place.opening, [], self._limits)
            protocol = self._connection.protocol
            if protocol is None or not protocol.should_close:
                return
            self.close()

    async def _head(self) -> None:
        protocol, transport = self._connection.protocol, self._connection.transport
        if protocol is None or transport is None:
            raise aiohttp.ServerDisconnectedError
        protocol.set_response_params(read_until_eof=True)
        transport.write(self._request)
        while True:
            message, self.content = await protocol.read()
            if not 100 <= message.code <= 199 or message.code == _SWITCHING:
                break
        self.status, self.headers = message.code, message.headers


@lru_cache(maxsize=100)
def limits_of(timeout: float) -> aiohttp.ClientTimeout:
    """A connection must be open by half time: a timeout that is not ConnectionTimeoutError came after sending."""
    return aiohttp.ClientTimeout(total=timeout, connect=min(CONNECT_TIMEOUT, timeout / 2))
