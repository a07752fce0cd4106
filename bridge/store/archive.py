"""Webhooks as the store keeps them, for those who ask what came: their line, and their payload while it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from bridge.store.records import Accepted, Arrival, Delivery

MISFIT: Final = "misfit"
ACCEPTED: Final = "accepted"


@dataclass(frozen=True, slots=True)
class Kept:
    """One webhook. `outcome`: `accepted`, why there was nothing to do, or `misfit` for one in quarantine.

    `body` None: its payload is deleted, and its headers with it; the line stays. `devices` are those that it rang for.
    """

    id: str
    connector: str
    received_at: float
    type: str
    outcome: str
    txn: str
    """Of what it caused; "" if it rang for nobody."""
    devices: tuple[str, ...]
    problem: str = ""
    """What does not fit, of a misfit."""
    size: int | None = None
    """Bytes of the payload; None: deleted."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which webhooks. `search` matches id, type, txn, problem or a device id as a part, in any case of ASCII letters.

    `before` and `after` are ids. The payloads are read only where `bodies` asks for them.
    """

    connector: str | None = None
    since: float | None = None
    outcome: str | None = None
    search: str = ""
    before: str | None = None
    after: str | None = None
    oldest_first: bool = False
    bodies: bool = False
    limit: int = 100


class Archive(Protocol):
    async def webhooks(self, want: Wanted) -> list[Kept]:
        """By id, which is by time of receipt: newest first, unless `oldest_first`. Misfits stand among the others."""

    async def webhook(self, webhook_id: str) -> Kept | None:
        """With its payload."""

    async def caused(self, txn: str, limit: int = 100) -> list[Delivery]:
        """The SETs of one cause, oldest first."""

    async def readmit(self, misfit_id: str, arrival: Arrival) -> Accepted | None:
        """A misfit that is understood now leaves the quarantine and comes in as `arrival`, in one step.

        None: it is not in quarantine (any more), and nothing was done."""
