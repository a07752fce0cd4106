"""Clients against what the store remembers, where the store or the moment is against them."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

import pytest

from bridge.clock import SystemIds
from bridge.config import Client, OAuth, Secret
from bridge.errors import Unavailable
from bridge.observe.seldom import EVERY, Seldom
from bridge.pipeline.api.clients import Clients
from bridge.pipeline.journal import Journal
from bridge.store.memory import MemoryStore
from bridge.store.oauth import OAuthClient
from tests.store.given import FakeClock


class Moody(MemoryStore):
    """A store that takes nothing while `busy`."""

    busy = False

    async def put_oauth_client(self, row: OAuthClient) -> bool:
        if self.busy:
            raise Unavailable("busy")
        return await super().put_oauth_client(row)


@dataclass
class House:
    clock: FakeClock = field(default_factory=FakeClock)
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = Moody(self.clock)

    def clients(self, **secrets: Secret) -> Clients:
        oauth = OAuth(clients={name: Client(secret=(secret,), audience="x") for name, secret in secrets.items()})
        journal = Journal(self.store, self.clock, SystemIds(), "serve")
        return Clients(oauth, self.store, self.clock, SystemIds(), journal, self.troubles.append)


async def test_nobody_is_let_in_before_it_is_known_who_was_let_out() -> None:
    house = House()
    clients = house.clients(siem=Secret("a"))
    with pytest.raises(Unavailable):
        clients.generation("siem")
    house.store.busy = True
    with pytest.raises(Unavailable):
        await clients.open()
    house.store.busy = False
    await clients.open()
    assert clients.generation("siem") == 1


async def test_a_busy_store_keeps_tokens_out_until_it_took_it() -> None:
    house, secret = House(), Secret("a", "file:x")
    clients = house.clients(siem=secret, other=Secret("b"))
    await clients.open()
    house.store.busy = True
    secret.renew("c")
    clients.changed(["connectors.siem.secret", "oauth.clients.siem.secret"])
    running = asyncio.create_task(clients.run())
    async with asyncio.timeout(20):
        while not house.troubles:
            await asyncio.sleep(0.01)
    with pytest.raises(Unavailable):
        clients.generation("siem")
    assert clients.generation("other") == 1
    house.store.busy = False
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(Unavailable):
                assert clients.generation("siem") == 2
                break
            await asyncio.sleep(0.01)
    running.cancel()
    rows = {row.name: row.generation for row in await house.store.oauth_clients()}
    assert rows == {"other": 1, "siem": 2}
    assert [entry.after for entry in await house.store.audit(what="oauth.end_tokens")] == ["generation 2"]


async def test_a_secret_that_changes_while_it_is_being_looked_at() -> None:
    house, secret = House(), Secret("a", "file:x")
    clients = house.clients(siem=secret)
    await clients.open()
    secret.renew("b")
    clients.changed(["oauth.clients.siem.secret"])
    turning = asyncio.create_task(clients.turn())
    await asyncio.sleep(0)
    secret.renew("c")
    await turning
    with pytest.raises(Unavailable):
        clients.generation("siem")
    await clients.turn()
    assert clients.generation("siem") == 3


def test_seldom() -> None:
    clock = FakeClock()
    seldom = Seldom(clock)
    assert [seldom("a"), seldom("a"), seldom("b"), seldom("a")] == [1, 0, 1, 0]
    clock.at += EVERY
    assert [seldom("a"), seldom("a"), seldom("b")] == [3, 0, 1]
    assert all(seldom(number) == 1 for number in range(2000))
