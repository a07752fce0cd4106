"""A bridge whose API has clients: the real rules and routes over a real store, on a socket, by a clock that is told.

Beside the routes of OAuth stands `/ssf/probe`, behind the door of the SSF routes: GET for whoever may read, POST for
whoever may manage.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from starlette.responses import JSONResponse, Response

from bridge.callers import Callers
from bridge.clock import SystemIds
from bridge.config import load
from bridge.oauth.caller import MANAGES, READS
from bridge.observe.metrics import Metrics
from bridge.parts import Parts, Ports, parts
from bridge.pipeline.journal import Journal
from bridge.pipeline.keys.reread import Reread
from bridge.store import open_store
from bridge.store.protocol import Store
from bridge.web.app import PublicPorts, public_app
from bridge.web.bearer import Bearer
from bridge.web.server import Address, Listener, serve
from bridge.web.ssf.door import Asked, Operation, SsfDoor
from tests.histories.ports import Clock
from tests.web.doors import JWKS, Remembering

BASE = """[transmitter]
issuer = "{issuer}"
[store]
url = "sqlite:///{folder}/bridge.db"
[delivery]
allow_insecure_targets = true
"""


@dataclass
class Guests:
    """One running bridge."""

    issuer: str
    clock: Clock
    store: Store
    parts: Parts
    callers: Callers
    metrics: Metrics
    reread: Reread
    session: aiohttp.ClientSession
    troubles: list[str] = field(default_factory=list)
    address: Address = ("", 0)

    def url(self, path: str) -> str:
        return f"http://{self.address[0]}:{self.address[1]}{path}"

    async def token(self, **form: str) -> str:
        """An access token; raises where there is none."""
        answer = await self.ask(form)
        assert answer[0] == 200, answer
        found: str = answer[2]["access_token"]
        return found

    async def ask(
        self, form: Mapping[str, str], basic: tuple[str, str] | None = None, **more: Any
    ) -> tuple[int, Mapping[str, str], Any]:
        """Status, headers and JSON of the token endpoint."""
        headers = {"authorization": "Basic " + b64encode(":".join(basic).encode()).decode()} if basic else {}
        body = {"grant_type": "client_credentials", **form}
        async with self.session.post(self.url("/oauth/token"), data=body, headers=headers, **more) as answer:
            return answer.status, answer.headers, await answer.json()

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.session.get(self.url(path)) as answer:
            return answer.status, await answer.json()

    async def call(
        self, token: str | None, method: str = "GET", query: str = "", headers: Sequence[tuple[str, str]] = ()
    ) -> tuple[int, str, Any]:
        """Status, challenge and JSON (None without a body) of the probe."""
        sent = [*headers, *([("authorization", f"Bearer {token}")] if token is not None else [])]
        async with self.session.request(method, self.url(f"/ssf/probe{query}"), headers=sent) as answer:
            body = await answer.read()
            return answer.status, answer.headers.get("www-authenticate", ""), await answer.json() if body else None

    async def end(self) -> None:
        await self.session.close()
        await self.parts.outbound.close()
        await self.store.close()


def _door(bearer: Bearer, issuer: str) -> SsfDoor:
    async def probe(asked: Asked) -> Response:
        return JSONResponse({"client": asked.client})

    methods = {"GET": Operation(READS, probe, 0), "POST": Operation(MANAGES, probe)}
    return SsfDoor(bearer, {"/ssf/probe": methods}, ("", urlsplit(issuer).path))


async def _built(folder: Path, text: str, issuer: str, clock: Clock) -> Guests:
    file = folder / "config.toml"
    file.write_text(BASE.format(issuer=issuer, folder=folder) + text)
    loaded = load(file, {})
    ports = Ports(clock=clock, ids=SystemIds())
    built = parts(loaded, ports)
    store = await open_store(loaded.config.store.url, clock, exclusive=True, create=True)
    metrics = Metrics("1", [], [], clients=list(loaded.config.oauth.clients))
    troubles: list[str] = []
    callers = Callers(built, store, ports, metrics, Journal(store, clock, SystemIds(), "serve"), troubles.append)
    await callers.open()
    reread = Reread(built.watch, clock, callers.clients.changed)
    return Guests(issuer, clock, store, built, callers, metrics, reread, aiohttp.ClientSession(), troubles)


@asynccontextmanager
async def guests(
    folder: Path, text: str, issuer: str = "https://signals.acme.example", clock: Clock | None = None
) -> AsyncIterator[Guests]:
    """A process on `folder`, configured by `text`; the next one on the same folder is its restart."""
    house = await _built(folder, text, issuer, clock or Clock())
    bearer = house.callers.bearer()
    ports = PublicPorts(
        issuer=issuer, jwks=lambda: JWKS, keys_age=60, intake=Remembering(), connectors={}, readiness=_ready,
        clock=house.clock, oauth=house.callers.oauth(), ssf=None if bearer is None else _door(bearer, issuer),
    )  # fmt: skip
    app = public_app(ports)
    stop, up = asyncio.Event(), asyncio.Event()

    def ready(addresses: Sequence[Address]) -> None:
        house.address = addresses[0]
        up.set()

    running = asyncio.create_task(serve([Listener("server", app, "127.0.0.1", 0, grace=1)], stop=stop, on_ready=ready))
    work = asyncio.create_task(house.callers.clients.run())  # the keys turn by a clock that nobody may advance here
    await asyncio.wait([running, asyncio.create_task(up.wait())], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield house
    finally:
        work.cancel()
        await house.session.close()
        stop.set()
        await running
        await house.end()


async def _ready() -> Sequence[Any]:
    return []
