"""The calls of the stream API with one token (SSF 1.0 §8), each giving the answer as it came."""

from __future__ import annotations

import json
from typing import Any

import httpx2 as httpx

from tests.independent.discovery import Discovered

PUSH = "urn:ietf:rfc:8935"
POLL = "urn:ietf:rfc:8936"

UNSET: Any = object()


class Management:
    """One client of the API. Addresses are those of the metadata; `token` may be replaced."""

    def __init__(self, http: httpx.AsyncClient, found: Discovered, token: str | None) -> None:
        self.http = http
        self.found = found
        self.token = token

    async def send(self, method: str, url: str, body: Any = UNSET, **more: Any) -> httpx.Response:
        """`body` is sent as JSON, or as it is where it is bytes. `headers` replace ours; None leaves one out."""
        headers: dict[str, str | None] = {"authorization": None if self.token is None else f"Bearer {self.token}"}
        if body is not UNSET:
            headers["content-type"] = "application/json"
            more["content"] = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers |= more.pop("headers", {})
        kept = {name: value for name, value in headers.items() if value is not None}
        return await self.http.request(method, url, headers=kept, **more)

    def at(self, endpoint: str) -> str:
        """`configuration`, `status`, `verification`, `add_subject` or `remove_subject`."""
        return str(self.found.metadata[f"{endpoint}_endpoint"])

    # -- configuration --------------------------------------------------------------------------

    async def create(self, body: Any, **more: Any) -> httpx.Response:
        return await self.send("POST", self.at("configuration"), body, **more)

    async def read(self, stream_id: str, **more: Any) -> httpx.Response:
        return await self.send("GET", self.at("configuration"), params={"stream_id": stream_id}, **more)

    async def list(self, **more: Any) -> httpx.Response:
        return await self.send("GET", self.at("configuration"), **more)

    async def update(self, body: Any, **more: Any) -> httpx.Response:
        return await self.send("PATCH", self.at("configuration"), body, **more)

    async def replace(self, body: Any, **more: Any) -> httpx.Response:
        return await self.send("PUT", self.at("configuration"), body, **more)

    async def delete(self, stream_id: str, **more: Any) -> httpx.Response:
        return await self.send("DELETE", self.at("configuration"), params={"stream_id": stream_id}, **more)

    # -- status, subjects, verification ---------------------------------------------------------

    async def status(self, stream_id: str, **more: Any) -> httpx.Response:
        return await self.send("GET", self.at("status"), params={"stream_id": stream_id}, **more)

    async def set_status(self, stream_id: str, status: Any, **members: Any) -> httpx.Response:
        return await self.send("POST", self.at("status"), {"stream_id": stream_id, "status": status, **members})

    async def add(self, stream_id: str, subject: Any, **members: Any) -> httpx.Response:
        return await self.send("POST", self.at("add_subject"), {"stream_id": stream_id, "subject": subject, **members})

    async def remove(self, stream_id: str, subject: Any) -> httpx.Response:
        return await self.send("POST", self.at("remove_subject"), {"stream_id": stream_id, "subject": subject})

    async def verify(self, stream_id: str, **members: Any) -> httpx.Response:
        return await self.send("POST", self.at("verification"), {"stream_id": stream_id, **members})

    async def poll(self, url: str, body: Any, **more: Any) -> httpx.Response:
        return await self.send("POST", url, body, **more)
