"""Both applications on real sockets, with an intake that remembers what came through."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bridge.clock import SystemClock
from bridge.model import Webhook
from bridge.observe.metrics import Metrics
from bridge.store.records import Accepted
from bridge.web.app import PublicPorts, admin_app, public_app
from bridge.web.health import Check
from bridge.web.server import Address, Listener, serve
from bridge.web.wellknown import keys_age

JWKS = {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k1", "n": "AQAB", "e": "AQAB"}]}


@dataclass
class Remembering:
    """An intake port. `fails` is raised, `duplicate` answered."""

    came: list[Webhook] = field(default_factory=list)
    fails: Exception | None = None
    duplicate: bool = False
    hold: asyncio.Event | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, connector: str, webhook: Webhook) -> Accepted:
        self.came.append(webhook)
        self.arrived.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.fails is not None:
            raise self.fails
        return Accepted(id=f"{connector}-{len(self.came)}", duplicate=self.duplicate)


@dataclass
class Doors:
    intake: Remembering = field(default_factory=Remembering)
    checks: list[Check] = field(default_factory=lambda: [Check("store", True, "sqlite")])
    counted: list[tuple[str, str]] = field(default_factory=list)
    refused: asyncio.Event = field(default_factory=asyncio.Event)
    metrics: Metrics = field(default_factory=lambda: Metrics("1.2.3", ["fleet", "form"], ["okta"]))
    issuer: str = "https://signals.acme.example/t/blue"
    jwks: dict[str, Any] = field(default_factory=lambda: JWKS)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    public: Address = ("", 0)
    admin: Address = ("", 0)

    async def readiness(self) -> Sequence[Check]:
        return self.checks

    async def scrape(self) -> bytes:
        return self.metrics.render()

    def listeners(self) -> list[Listener]:
        ports = PublicPorts(
            issuer=self.issuer,
            jwks=lambda: self.jwks,
            keys_age=keys_age(3600.0),
            intake=self.intake,
            connectors={"fleet": ["application/json"], "form": ["application/x-www-form-urlencoded", "text/plain"]},
            readiness=self.readiness,
            clock=SystemClock(),
            count=self.count,
        )
        public = Listener("server", public_app(ports), "127.0.0.1", 0)
        return [public, replace(public, name="admin", app=admin_app(self.readiness, self.scrape), grace=1)]

    def count(self, connector: str, outcome: str) -> None:
        self.counted.append((connector, outcome))
        self.refused.set()

    def reset(self) -> None:
        fresh = Doors()
        self.intake.came, self.intake.fails, self.intake.duplicate, self.intake.hold = [], None, False, None
        self.checks, self.jwks = fresh.checks, fresh.jwks
        self.counted.clear()
        self.refused.clear()

    def url(self, path: str) -> str:
        return f"http://{self.public[0]}:{self.public[1]}{path}"

    def admin_url(self, path: str) -> str:
        return f"http://{self.admin[0]}:{self.admin[1]}{path}"


@contextlib.asynccontextmanager
async def opened(doors: Doors) -> AsyncIterator[Doors]:
    up = asyncio.Event()

    def ready(addresses: Sequence[Address]) -> None:
        doors.public, doors.admin = addresses
        up.set()

    running = asyncio.create_task(serve(doors.listeners(), stop=doors.stop, on_ready=ready))
    await asyncio.wait([running, asyncio.create_task(up.wait())], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield doors
    finally:
        doors.stop.set()
        await running


class Raw:
    """One connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next response."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = [line.partition(":") for line in head[1:] if line]
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        return int(head[0].split()[1]), headers, await self.reader.readexactly(int(headers["content-length"]))

    async def closed(self) -> bool:
        return await self.reader.read(1) == b""


@contextlib.asynccontextmanager
async def raw(address: Address) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection(*address)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
