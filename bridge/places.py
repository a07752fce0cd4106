"""The origins that are called: how a request to each is written, and its kept connections."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import Final

import aiohttp
from yarl import URL

from bridge.exchange import Exchange

KEEP: Final = 15.0
"""Seconds that a connection is kept without a request, so that it is rather we who close it than the other side."""
_BREAKS: Final = re.compile(r"[\r\n\x00]")
_PLAIN: Final = re.compile(r"(https?://[A-Za-z0-9.:\[\]-]+)(/[A-Za-z0-9._~/-]*(?:\?[A-Za-z0-9._~=&-]+)?)")
"""A URL that is sent as it stands, unless a segment begins with a dot."""
_MOST_PLACES: Final = 1000
_MOST_HEADS: Final = 100
_NO_LIMITS: Final = aiohttp.ClientTimeout()


class Place:
    """An origin, `https://host:port`: at most `limit` connections that `opener` opens, and what all requests have in
    common. Made within a running event loop."""

    def __init__(self, origin: URL, user_agent: str, opener: aiohttp.BaseConnector, limit: int) -> None:
        headers = {"User-Agent": user_agent, "Accept-Encoding": "gzip"}
        self._opening = aiohttp.ClientRequest("GET", origin, headers=headers)
        self._fields = {name.lower(): f"{name}: {value}\r\n" for name, value in self._opening.headers.items()}
        self._heads: dict[tuple[object, ...], str] = {}
        self._opener = opener
        self._room = asyncio.Semaphore(limit)
        self._idle: dict[Exchange, float] = {}
        self._sweeping: asyncio.TimerHandle | None = None

    # -- requests ---------------------------------------------------------------------------------

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        """The whole request (RFC 9112 §3). `headers` come before our own of the same name, but for the length.

        Raises ValueError if one of them holds a line break or NUL.
        """
        key = (body is None, *headers.items())
        head = self._heads.get(key)
        if head is None:
            head = self._head(headers.items(), body)
        if body is None:
            length = "" if method == "GET" else "Content-Length: 0\r\n"
            return f"{method} {target} HTTP/1.1\r\n{head}{length}\r\n".encode()
        return f"{method} {target} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def _head(self, headers: Iterable[tuple[str, str]], body: bytes | None) -> str:
        """The header fields, remembered: almost all requests to a place have the same."""
        fields = dict(self._fields)
        for name, value in headers:
            fields[name.lower()] = f"{name}: {value}\r\n"
            if _BREAKS.search(name) or _BREAKS.search(value):
                raise ValueError("a line break or NUL in a header")
        if body is not None:
            fields.setdefault("content-type", "Content-Type: application/octet-stream\r\n")
        fields.pop("content-length", None)
        if len(self._heads) >= _MOST_HEADS:
            self._heads.clear()
        head = self._heads[body is None, *headers] = "".join(fields.values())
        return head

    # -- connections ------------------------------------------------------------------------------

    async def take(self, within: float) -> Exchange:
        """A connection that is fit for a request, to be given back. Raises what opening it raises, and
        ConnectionTimeoutError if there is none `within` so many seconds."""
        if self._idle and not self._room.locked():
            await self._room.acquire()  # at once
            kept = self._kept()
            if kept is not None:
                return kept
            self._room.release()
        try:
            async with asyncio.timeout(within):
                await self._room.acquire()
                return self._kept() or await self._opened()
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError from error

    def give_back(self, exchange: Exchange) -> None:
        self._room.release()
        if not exchange.fit:
            exchange.close()
            return
        loop = asyncio.get_running_loop()
        self._idle[exchange] = loop.time()
        if self._sweeping is None:
            self._sweeping = loop.call_later(KEEP, self._sweep)

    def _kept(self) -> Exchange | None:
        """The one that was used last: it is the least likely to be closed by the other side just now."""
        while self._idle:
            exchange, _ = self._idle.popitem()
            if exchange.fit:
                return exchange
            exchange.close()
        return None

    async def _opened(self) -> Exchange:
        try:
            while True:
                opened = await self._opener.connect(self._opening, [], _NO_LIMITS)
                exchange = Exchange(opened, self._lost)
                if exchange.fit:
                    return exchange
                exchange.close()
        except BaseException:
            self._room.release()
            raise

    def close(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        for exchange in list(self._idle):
            exchange.close()

    def _lost(self, exchange: Exchange) -> None:
        self._idle.pop(exchange, None)

    def _sweep(self) -> None:
        """Close what was not used for long; those given back first stand first."""
        loop = asyncio.get_running_loop()
        self._sweeping = None
        for exchange, since in list(self._idle.items()):
            if since + KEEP > loop.time():
                self._sweeping = loop.call_at(since + KEEP, self._sweep)
                return
            del self._idle[exchange]
            exchange.close()


class Places:
    """The origins that were called through one `opener`. Whoever adds one has checked it."""

    def __init__(self, user_agent: str, opener: aiohttp.BaseConnector, limit_per_place: int) -> None:
        self._user_agent, self._opener, self._limit = user_agent, opener, limit_per_place
        self._known: dict[str, Place] = {}

    def find(self, url: str) -> tuple[Place, str] | None:
        """The place and the target (RFC 9112 §3.2.1), if nothing in `url` but its origin needs a closer look."""
        plain = _PLAIN.fullmatch(url)
        if plain is None or "/." in url:
            return None
        place = self._known.get(plain[1])
        return None if place is None else (place, plain[2])

    def add(self, url: str) -> tuple[Place, str]:
        parts = URL(url)
        origin = parts.origin()
        key = str(origin)
        if key not in self._known:
            if len(self._known) >= _MOST_PLACES:
                self._known.clear()  # their connections close after KEEP
            self._known[key] = Place(origin, self._user_agent, self._opener, self._limit)
        return self._known[key], parts.raw_path_qs

    def close(self) -> None:
        """Those under way end with the opener."""
        for place in self._known.values():
            place.close()
