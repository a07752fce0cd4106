"""What the mirror plays against: Kolide's stand-in → a real `serve` over TLS → an independent receiver."""

from __future__ import annotations

import asyncio
import ssl
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import aiohttp

from bridge.clock import SystemClock
from bridge.store import open_store
from bridge.store.protocol import Store
from tests.e2e.kolide import KolideApi
from tests.e2e.rig import email
from tests.e2e.service import Service, Tables
from tests.e2e.webhooks import SECRET, opened, post, resolved
from tests.independent import tokens
from tests.independent.authority import Authority
from tests.independent.events import DEVICE_COMPLIANCE_CHANGE
from tests.independent.management import Management
from tests.independent.receiver import Receiver
from tests.independent.sets import SecurityEvent
from tests.independent.stream import Stream
from tests.mirror.clients import CLIENTS, LIMITS, POLLME, secret_of

EVENTS = (DEVICE_COMPLIANCE_CHANGE,)


class TlsService(Service):
    """`serve` that ends TLS itself; its issuer is where it listens, so that discovery finds it."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        super().__init__(folder)
        self.url = self.url.replace("http://", "https://")
        certificate, key = authority.issue()
        self.tables["transmitter"]["issuer"] = self.url
        self.tables["server"] |= {"tls_cert_file": str(certificate), "tls_key_file": str(key)}
        self.tables["delivery"]["ca_file"] = str(authority.ca_file)

    async def _ready(self, session: aiohttp.ClientSession) -> bool:
        """Asked on the operator's listener, which has no TLS."""
        try:
            async with session.get(f"{self.admin}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False


class House:
    """`async with House(folder) as house`. Tests that share one keep to devices and streams of their own."""

    def __init__(self, folder: Path, tables: Tables | None = None) -> None:
        self.folder = folder
        self.authority = Authority(folder)
        self.service = TlsService(folder, self.authority)
        self.api = KolideApi()
        self._more = CLIENTS | LIMITS | POLLME if tables is None else tables
        self._stack = AsyncExitStack()
        self._tokens: dict[tuple[str, str], str] = {}
        self._store: Store | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.service.alive:
            await self.service.kill()
        await self._stack.aclose()

    async def _open(self) -> None:
        await self._stack.enter_async_context(self.api)
        connector = {"type": "kolide", "signing_secret": SECRET, "api_key": self.api.key, "base_url": self.api.url}
        self.service.tables |= {"connectors.kolide": {**connector, "judge": "issues", "rate_limit": "none"}}
        self.service.tables |= self._more
        await self.service.start(100)
        trusting = aiohttp.TCPConnector(ssl=self.authority.client())
        self.session = await self._stack.enter_async_context(aiohttp.ClientSession(connector=trusting))
        self.receiver = await self._stack.enter_async_context(
            Receiver(self.service.url, self.authority.client(), self.authority.server())
        )

    # -- clients --------------------------------------------------------------------------------

    async def client(self, name: str, scope: str = "") -> Management:
        """`scope` "" asks for all that the client may have. Tokens are kept: they live for an hour."""
        if (name, scope) not in self._tokens:
            proof = tokens.basic(name, secret_of(name))
            endpoint = self.receiver.found.token_endpoint
            self._tokens[name, scope] = await tokens.fetch(self.receiver.http, endpoint, proof, scope)
        return self.receiver.holding(self._tokens[name, scope])

    async def store(self) -> Store:
        """The same database, read beside the running serve: for what no receiver can see."""
        if self._store is None:
            self._store = await open_store(self.service.database, SystemClock(), exclusive=False, patience=60)
            self._stack.push_async_callback(self._store.close)
        return self._store

    # -- events ---------------------------------------------------------------------------------

    async def fails(self, device: int, issue: int = 1) -> None:
        """The device opens an issue, and Kolide says so. Its owner is `email(device)`."""
        if device not in self.api.laptops:
            self.api.add(device, owner=device)
        self.api.laptops[device].issues[issue] = False
        await self._ring(opened(device, issue).body)

    async def recovers(self, device: int, issue: int = 1) -> None:
        self.api.laptops[device].issues.pop(issue)
        await self._ring(resolved(device, issue).body)

    async def _ring(self, body: bytes) -> None:
        answer = await post(self.session, f"{self.service.url}/webhooks/kolide", body)
        assert answer.status == 202, (answer, self.service.tail())


def about(device: int, status: str = "") -> Callable[[SecurityEvent], bool]:
    """Whether an event is about this device (and says this status)."""

    def is_it(event: SecurityEvent) -> bool:
        return (
            event.type == DEVICE_COMPLIANCE_CHANGE
            and event.subject.get("device", {}).get("id") == f"kolide:{device}"
            and status in ("", event.payload["current_status"])
        )

    return is_it


def is_failing(device: int) -> Callable[[SecurityEvent], bool]:
    return about(device, "not-compliant")


def device_subject(device: int) -> dict[str, Any]:
    """The subject under which `ssf` streams hear of a device."""
    user = {"format": "email", "email": email(device)}
    return {"format": "complex", "user": user, "device": {"format": "opaque", "id": f"kolide:{device}"}}


async def nothing(stream: Stream, wanted: Callable[[SecurityEvent], Any], seconds: float = 1.0) -> None:
    """For so long nothing of the kind comes."""
    ends = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < ends:
        await stream.look()
        assert not [event for event in stream.events if wanted(event)], [event.claims for event in stream.events]
        await asyncio.sleep(0.05)


Opener = Callable[..., Awaitable[Stream]]


class Streams:
    """Makes streams for one test, and deletes them after it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.made: list[Stream] = []

    async def poll(self, name: str = "alpha", **members: Any) -> Stream:
        return await self._kept(self.house.receiver.open_poll(await self.house.client(name), EVENTS, **members))

    async def push(self, name: str = "alpha", authorization: str | None = None, **members: Any) -> Stream:
        api = await self.house.client(name)
        return await self._kept(self.house.receiver.open_push(api, EVENTS, authorization, **members))

    async def of(self, delivery: str, name: str = "alpha", **members: Any) -> Stream:
        """`delivery` is push or poll."""
        return await (self.push if delivery == "push" else self.poll)(name, **members)

    async def make(self, body: Any, name: str = "alpha") -> dict[str, Any]:
        """The configuration of a stream that is made by this very body."""
        api = await self.house.client(name)
        answer = await api.create(body)
        assert answer.status_code == 201, (answer.status_code, answer.text)
        self.made.append(Stream(api, answer.json()))
        found: dict[str, Any] = answer.json()
        return found

    async def clear(self) -> None:
        for stream in self.made:
            answer = await stream.api.delete(stream.id)
            assert answer.status_code in (204, 404), (answer.status_code, answer.text)

    async def _kept(self, opening: Awaitable[Stream]) -> Stream:
        stream = await opening
        self.made.append(stream)
        return stream


def state() -> str:
    """For a verification: no other has it."""
    return f"state-{uuid.uuid4().hex}"


def pinned(authority: Authority, version: ssl.TLSVersion) -> ssl.SSLContext:
    """A client that speaks this version and no other."""
    context = authority.client()
    context.minimum_version = context.maximum_version = version
    return context
