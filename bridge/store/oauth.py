"""The clients of our API as they are remembered, and the proofs that they have used up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """One client by its name in the configuration. Of what it proves itself with there are salted hashes alone.

    Tokens name the `generation`; one of another generation is not good any more.
    """

    name: str
    generation: int
    salt: str = field(repr=False)
    """Hexadecimal."""
    hashes: tuple[str, ...] = field(repr=False)
    """Sorted; none where the client is gone from the configuration."""
    changed_at: float


class OAuthClients(Protocol):
    async def oauth_clients(self) -> list[OAuthClient]:
        """All that were ever known, by name."""

    async def put_oauth_client(self, row: OAuthClient) -> bool:
        """Write the row whole. False, and nothing is written, where its generation is less than the one that stands."""

    async def spend_assertion(self, client: str, jti: str, forget_at: float, now: float) -> bool:
        """Remember that this assertion of the client was used, until `forget_at`. False: it had been before (RFC 7523
        §3). Those that need not be remembered any more at `now` go with it."""
