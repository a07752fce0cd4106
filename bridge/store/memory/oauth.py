"""Clients of our API in memory, and the assertions that they used."""

from __future__ import annotations

from bridge.store.memory.base import Tables
from bridge.store.oauth import OAuthClient


class OAuthClients(Tables):
    async def oauth_clients(self) -> list[OAuthClient]:
        return [row for _, row in sorted(self._oauth_clients.items())]

    async def put_oauth_client(self, row: OAuthClient) -> bool:
        known = self._oauth_clients.get(row.name)
        if known is not None and known.generation > row.generation:
            return False
        self._oauth_clients[row.name] = row
        return True

    async def spend_assertion(self, client: str, jti: str, forget_at: float, now: float) -> bool:
        self._assertions = {pair: until for pair, until in self._assertions.items() if until > now}
        if (client, jti) in self._assertions:
            return False
        self._assertions[client, jti] = forget_at
        return True
