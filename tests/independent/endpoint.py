"""A push endpoint over TLS (RFC 8935 §2): one SET a request, judged strictly, answered as the RFC has it."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from tests.independent.refusal import Refused
from tests.independent.sets import SecurityEvent

Judge = Callable[[str], SecurityEvent]
"""The text of a SET → what it says, or Refused."""


@dataclass(frozen=True)
class Push:
    """One request as it came, and what was answered."""

    path: str
    headers: dict[str, str]
    body: str
    at: float
    tls: str
    status: int
    event: SecurityEvent | None = None
    refused: Refused | None = None


@dataclass
class Inbox:
    """What comes to one path. `scripted` statuses are answered first, one a request."""

    url: str
    judge: Judge | None = None
    """None until the stream is known whose SETs come here: a SET may be faster than the answer that made it."""
    pushes: list[Push] = field(default_factory=list)
    scripted: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with scripted answers."""
    refusing: str = ""
    """An `err` with which every SET is refused."""

    @property
    def events(self) -> list[SecurityEvent]:
        """What was taken, each jti once."""
        taken = {one.event.jti: one.event for one in self.pushes if one.event is not None and one.status == 202}
        return list(taken.values())

    @property
    def refusals(self) -> list[Refused]:
        return [one.refused for one in self.pushes if one.refused is not None]


class PushEndpoint:
    """`async with PushEndpoint(context) as endpoint`, then `endpoint.inbox(path)` for each stream."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._inboxes: dict[str, Inbox] = {}
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.strays: list[str] = []
        """Requests that no stream asked for."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def inbox(self, path: str) -> Inbox:
        inbox = self._inboxes[path] = Inbox(self.url + path)
        return inbox

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
                while await self._request(reader, writer):
                    pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers: dict[str, str] = {}
        for line in head[1:-2]:
            name, _, value = line.partition(":")
            name = name.lower()
            headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        version = writer.get_extra_info("ssl_object").version()
        await self._known(path)
        status, extra, answer = self._answer(method, path, headers, body.decode("latin-1"), version)
        lines = [f"HTTP/1.1 {status} x", f"content-length: {len(answer)}", *(f"{k}: {v}" for k, v in extra.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode() + answer)
        await writer.drain()
        return True

    async def _known(self, path: str) -> None:
        inbox = self._inboxes.get(path)
        async with asyncio.timeout(10):
            while inbox is not None and inbox.judge is None:
                await asyncio.sleep(0.005)

    def _answer(
        self, method: str, path: str, headers: dict[str, str], body: str, version: str
    ) -> tuple[int, dict[str, str], bytes]:
        inbox = self._inboxes.get(path)
        if inbox is None or method != "POST":
            self.strays.append(f"{method} {path}")
            return 404, {}, b""
        event, refused = _judged(inbox, headers, body)
        status = inbox.scripted.pop(0) if inbox.scripted else 400 if refused else 202
        scripted = inbox.headers if status not in (202, 400) else {}
        inbox.pushes.append(Push(path, headers, body, time.time(), version, status, event, refused))
        if status != 400 or refused is None:
            return status, dict(scripted), b""
        error = {"err": refused.err, "description": refused.description}
        return 400, {"content-type": "application/json", "content-language": "en"}, json.dumps(error).encode()


def _judged(inbox: Inbox, headers: dict[str, str], body: str) -> tuple[SecurityEvent | None, Refused | None]:
    try:
        if inbox.refusing:
            raise Refused(inbox.refusing, "by order of the test")
        if headers.get("content-type") != "application/secevent+jwt":
            raise Refused("invalid_request", f"content-type is {headers.get('content-type')}")
        if headers.get("accept") != "application/json":
            raise Refused("invalid_request", f"accept is {headers.get('accept')}")
        assert inbox.judge is not None
        return inbox.judge(body), None
    except Refused as refused:
        return None, refused
