"""An authorization server of somebody else, on loopback: its metadata and its keys, counted, and broken on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class StandIn:
    """`status` answers everything; `issuer` is what its metadata says, where it is not its own URL."""

    keys: dict[str, Any]
    status: int = 200
    cache_control: str = "max-age=600"
    documents: tuple[str, ...] = ("/as/.well-known/openid-configuration",)
    claims_to_be: str = ""
    url: str = ""
    asked: Counter[str] = field(default_factory=Counter)

    @property
    def issuer(self) -> str:
        return f"{self.url}/as"

    async def answer(self, request: web.Request) -> web.Response:
        self.asked[request.path] += 1
        if self.status != 200:
            return web.Response(status=self.status)
        if request.path == "/keys":
            return web.json_response(self.keys, headers={"cache-control": self.cache_control})
        if request.path in self.documents:
            return web.json_response({"issuer": self.claims_to_be or self.issuer, "jwks_uri": f"{self.url}/keys"})
        return web.Response(status=404)


@asynccontextmanager
async def standing_in(keys: dict[str, Any]) -> AsyncIterator[StandIn]:
    stand_in = StandIn(keys)
    app = web.Application()
    app.router.add_get("/{path:.*}", stand_in.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield stand_in
    finally:
        await runner.cleanup()
