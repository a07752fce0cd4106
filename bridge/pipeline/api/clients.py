"""clients: the configured clients of our API against those that the store remembers.

A credential that is accepted no more, or a client that is gone, ends every token that was given for it: the client's
generation grows, durably, and tokens name theirs. While that is under way nobody can say whether a token is good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import structlog

from bridge.clock import Clock, Ids
from bridge.config import Client, OAuth
from bridge.errors import BridgeError, Unavailable
from bridge.oauth import credentials as rules
from bridge.oauth.credentials import Remembered, credentials
from bridge.pipeline.journal import Journal
from bridge.store.oauth import OAuthClient, OAuthClients

_log = structlog.get_logger("bridge.clients")

AGAIN = 1.0
"""Seconds until a store that could not take it is asked again."""


class Clients:
    """`open` before anybody calls, then `run`. `changed` is told of the keys of secrets that have another text."""

    def __init__(
        self,
        oauth: OAuth,
        store: OAuthClients,
        clock: Clock,
        ids: Ids,
        journal: Journal,
        trouble: Callable[[str], None],
    ) -> None:
        self.configured = oauth.clients
        self._by_id = {oauth.client_id(name): name for name in oauth.clients}
        self._store = store
        self._clock = clock
        self._ids = ids
        self._journal = journal
        self._trouble = trouble
        self._known: dict[str, Remembered] = {}
        self._unsettled: set[str] = set(oauth.clients)
        self._wake = asyncio.Event()

    def find(self, client_id: str) -> tuple[str, Client] | None:
        """Name and table of the client that calls itself so."""
        name = self._by_id.get(client_id)
        return None if name is None else (name, self.configured[name])

    def id_of(self, name: str) -> str:
        return self.configured[name].client_id or name

    def generation(self, name: str) -> int:
        """That of the client's credentials. Raises Unavailable while they are being looked at."""
        if name in self._unsettled:
            raise Unavailable("the client's credentials have just changed", 1)
        return self._known[name].generation

    async def open(self) -> None:
        """Everybody is settled when this returns, and whoever is gone from the configuration has no token left."""
        rows = {row.name: row for row in await self._store.oauth_clients()}
        self._known = {name: _remembered(row) for name, row in rows.items()}
        for name in rows.keys() - self.configured.keys():
            await self._keep(name, rules.removed(self._known[name]), "the client was removed")
        await asyncio.gather(*(self._settle(name) for name in self.configured))

    def changed(self, paths: Iterable[str]) -> None:
        """Of which clients a secret is another one now; their tokens are good for nothing until they are settled."""
        for path in paths:
            steps = path.split(".")
            if steps[:2] == ["oauth", "clients"]:
                self._unsettled.add(steps[2])
                self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.turn()
            except BridgeError as problem:
                self._trouble(f"clients: {type(problem).__name__}")
                _log.error("clients.stuck", problem=str(problem))
                self._wake.set()
                await self._clock.sleep(AGAIN)

    async def turn(self) -> None:
        for name in sorted(self._unsettled):
            await self._settle(name)

    async def _settle(self, name: str) -> None:
        texts, salt = credentials(self.configured[name]), self._ids.token()
        now = await asyncio.to_thread(rules.followed, self._known.get(name), texts, salt)
        await self._keep(name, now, "a credential is accepted no more")
        if texts == credentials(self.configured[name]):
            self._unsettled.discard(name)
        else:
            self._wake.set()

    async def _keep(self, name: str, now: Remembered, why: str) -> None:
        """In the store first, so that a restart forgets nothing."""
        before = self._known.get(name)
        if now == before:
            return
        row = OAuthClient(name, now.generation, now.salt, tuple(sorted(now.hashes)), self._clock.now())
        await self._store.put_oauth_client(row)
        self._known[name] = now
        if before is not None and before.generation < now.generation:
            _log.warning("client.tokens_ended", client=name, why=why, generation=now.generation)
            words = [f"generation {one.generation}" for one in (before, now)]
            await self._journal.write("oauth.end_tokens", f"client {name}", why=why, before=words[0], after=words[1])


def _remembered(row: OAuthClient) -> Remembered:
    return Remembered(row.generation, row.salt, frozenset(row.hashes))
