"""One stream at its receiver: what came by push or by poll, each SET validated against the stream's configuration."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx

from tests.independent.endpoint import Inbox
from tests.independent.events import VERIFICATION
from tests.independent.management import Management
from tests.independent.refusal import Refused
from tests.independent.sets import Expected, SecurityEvent, validate


@dataclass(frozen=True)
class Batch:
    """What one poll gave (RFC 8936 §2.3)."""

    events: list[SecurityEvent]
    more: bool

    @property
    def jtis(self) -> list[str]:
        return [event.jti for event in self.events]

    def of(self, event: str) -> list[SecurityEvent]:
        return [one for one in self.events if one.type == event]


class Stream:
    """`config` is the last configuration that was read. `inbox` is where a push stream's SETs come in."""

    def __init__(self, api: Management, config: dict[str, Any], inbox: Inbox | None = None) -> None:
        self.api = api
        self.config = config
        self.inbox = inbox
        self.received: list[SecurityEvent] = []

    @property
    def id(self) -> str:
        return str(self.config["stream_id"])

    @property
    def poll_url(self) -> str:
        return str(self.config["delivery"]["endpoint_url"])

    def judged(self, text: str) -> SecurityEvent:
        expected = Expected(self.api.found.issuer, self.config["aud"], self.id)
        return validate(text, self.api.found.set_keys, expected, time.time())

    # -- polling --------------------------------------------------------------------------------

    async def raw_poll(self, **members: Any) -> httpx.Response:
        return await self.api.poll(self.poll_url, members)

    async def poll(self, *, now: bool = True, **members: Any) -> Batch:
        """A short poll unless `now` is False. Every SET is validated; its name must be its jti."""
        answer = await self.raw_poll(returnImmediately=now, **members)
        return self.batch(answer)

    def batch(self, answer: httpx.Response) -> Batch:
        assert answer.status_code == 200, (answer.status_code, answer.text)
        assert answer.headers["content-type"].startswith("application/json"), answer.headers
        body = answer.json()
        assert set(body) <= {"sets", "moreAvailable"} and isinstance(body["sets"], dict), body
        assert isinstance(body.get("moreAvailable", False), bool), body
        events = [self.judged(text) for text in body["sets"].values()]
        assert [event.jti for event in events] == list(body["sets"])
        self.received += [event for event in events if event.jti not in {one.jti for one in self.received}]
        return Batch(events, body.get("moreAvailable", False))

    async def acknowledge(self, jtis: Iterable[str]) -> Batch:
        return await self.poll(ack=list(jtis), maxEvents=0)

    # -- whatever the delivery ------------------------------------------------------------------

    @property
    def events(self) -> list[SecurityEvent]:
        """All that came so far, each once. What was refused is no secret: it raises."""
        if self.inbox is None:
            return self.received
        if not self.inbox.refusing and self.inbox.refusals:
            raise AssertionError([str(refused) for refused in self.inbox.refusals])
        return self.inbox.events

    async def look(self) -> None:
        """Fetch and acknowledge what waits; a push stream has it already."""
        if self.inbox is None:
            batch = await self.poll()
            if batch.events:
                await self.acknowledge(batch.jtis)

    async def until(
        self, wanted: Callable[[SecurityEvent], Any], seconds: float = 10.0, count: int = 1
    ) -> list[SecurityEvent]:
        """The first `count` events that are wanted; AssertionError when they do not come in time."""
        deadline = time.monotonic() + seconds
        while True:
            await self.look()
            found = [event for event in self.events if wanted(event)]
            if len(found) >= count:
                return found[:count]
            if time.monotonic() > deadline:
                seen = [(event.type.rpartition("/")[2], dict(event.subject)) for event in self.events]
                raise AssertionError(f"{len(found)} of {count} within {seconds} s; seen: {seen}"[:3000])
            await asyncio.sleep(0.03)

    async def verified(self, state: str | None = None, seconds: float = 5.0) -> SecurityEvent:
        """Ask for verification, and wait for its echo (SSF §8.1.4)."""
        members = {} if state is None else {"state": state}
        answer = await self.api.verify(self.id, **members)
        assert (answer.status_code, answer.content) == (204, b""), (answer.status_code, answer.text)
        echoes = await self.until(
            lambda event: event.type == VERIFICATION and event.payload.get("state") == state, seconds
        )
        return echoes[-1]

    async def refused(self) -> list[Refused]:
        return [] if self.inbox is None else self.inbox.refusals
