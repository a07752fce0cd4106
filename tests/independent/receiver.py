"""The whole way of a receiver: discovery → token → create → verify → receive → ack."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Self

import httpx2 as httpx

from tests.independent import tokens
from tests.independent.discovery import Discovered, discover
from tests.independent.endpoint import Inbox, PushEndpoint
from tests.independent.management import POLL, PUSH, Management
from tests.independent.stream import Stream

Prove = Callable[[Discovered], tokens.Proof]


class Receiver:
    """`async with Receiver(issuer, trust) as receiver`; `receive` is the TLS context of its own push endpoint."""

    def __init__(self, issuer: str, trust: ssl.SSLContext, receive: ssl.SSLContext | None = None) -> None:
        self.issuer = issuer
        self.endpoint = PushEndpoint(receive) if receive is not None else None
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
        self.http = httpx.AsyncClient(verify=trust, trust_env=False, timeout=40, limits=limits)

    async def __aenter__(self) -> Self:
        if self.endpoint is not None:
            await self.endpoint.__aenter__()
        try:
            self.found = await discover(self.http, self.issuer)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()
        if self.endpoint is not None:
            await self.endpoint.__aexit__()

    async def client(self, proof: tokens.Proof, scope: str = "ssf.manage ssf.read") -> Management:
        """A client of the API with a token of these scopes."""
        token = await tokens.fetch(self.http, self.found.token_endpoint, proof, scope)
        return self.holding(token)

    def holding(self, token: str | None) -> Management:
        """A client with this token, however it was come by."""
        return Management(self.http, self.found, token)

    async def open_poll(self, api: Management, events: Sequence[str], **members: Any) -> Stream:
        body = {"delivery": {"method": POLL}, "events_requested": list(events), **members}
        return await self._opened(api, body, None)

    async def open_push(
        self,
        api: Management,
        events: Sequence[str],
        authorization: str | None = None,
        inbox: Inbox | None = None,
        **members: Any,
    ) -> Stream:
        """With an address of its own (a new one, unless it is given), under which no other stream's SETs come."""
        inbox = inbox or self.inbox()
        delivery = {"method": PUSH, "endpoint_url": inbox.url}
        if authorization is not None:
            delivery["authorization_header"] = authorization
        return await self._opened(api, {"delivery": delivery, "events_requested": list(events), **members}, inbox)

    def inbox(self) -> Inbox:
        """A new address. It judges nothing until a stream takes it over."""
        assert self.endpoint is not None, "this receiver has no push endpoint"
        return self.endpoint.inbox(f"/sets/{uuid.uuid4().hex}")

    async def _opened(self, api: Management, body: dict[str, Any], inbox: Inbox | None) -> Stream:
        answer = await api.create(body)
        assert answer.status_code == 201, (answer.status_code, answer.text)
        stream = Stream(api, answer.json(), inbox)
        assert stream.config["iss"] == self.issuer
        if inbox is not None:
            inbox.judge = stream.judged
        return stream
