"""Channels on loopback: real HTTP servers that take notices, refuse them, or hang."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

KEY = b"k" * 32
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@dataclass
class Channel:
    """`status` is what it answers; 0: nothing, ever."""

    status: int = 200
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        self.arrived.set()
        if self.status == 0:
            await asyncio.sleep(60)
        return web.Response(status=self.status, headers=self.headers)

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]

    async def has(self, count: int, seconds: float = 15.0) -> None:
        """Until so many arrived."""
        async with asyncio.timeout(seconds):
            while len(self.got) < count:
                self.arrived.clear()
                await self.arrived.wait()


def genuine(headers: dict[str, str], body: bytes) -> bool:
    """As a receiver checks it."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in headers["webhook-signature"].split(" ")


Open = Callable[..., Awaitable[Channel]]


@pytest.fixture
async def channel() -> AsyncIterator[Open]:
    runners: list[web.AppRunner] = []

    async def start(status: int = 200, **headers: str) -> Channel:
        made = Channel(status, headers={name.replace("_", "-"): value for name, value in headers.items()})
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", made.take)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        runners.append(runner)
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook/hush"
        return made

    yield start
    for runner in runners:
        await runner.cleanup()
