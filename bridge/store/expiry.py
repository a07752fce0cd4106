"""Old rows go, in steps of bounded size; what still matters stays whatever its age."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol

Kind = Literal["deliveries", "payloads", "webhooks", "quarantine", "audit", "errands"]

KINDS: Final[tuple[Kind, ...]] = ("payloads", "webhooks", "quarantine", "deliveries", "audit", "errands")

NAMED: Final[frozenset[Kind]] = frozenset({"payloads", "webhooks", "errands"})
"""Kinds whose rows are in the order of their ids; the others are numbered."""

MOST_BYTES: Final = 4 * 1024 * 1024
"""Payload that one step deletes, at most, but for a single larger one."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step came to. `after` is where the next one begins; `done`: there is nothing old behind it."""

    removed: int
    after: str
    done: bool


@dataclass(frozen=True, slots=True)
class TableSize:
    name: str
    rows: int
    oldest_at: float | None


@dataclass(frozen=True, slots=True)
class Sizes:
    """`bytes` of the database file, of which `free` are kept for rows to come."""

    tables: tuple[TableSize, ...]
    bytes: int
    free: int


class Expiry(Protocol):
    async def expire(self, kind: Kind, before: float, *, after: str = "", limit: int = 200) -> Step:
        """Look at up to `limit` of the oldest rows behind `after`, and remove those that are older than `before`:

        deliveries  SETs that ended (delivered, dead, superseded) before then. Pending ones stay, and so does the SET
                    that its ledger row names: it is the last word to that receiver, and a dead one can be retried
        payloads    body and headers of webhooks that came before then; their lines stay
        webhooks    lines of webhooks that came before then, and the hashes of their delivery ids
        quarantine  misfits that came before then
        audit       entries from before then; no other call removes any
        errands     those that ended before then; open ones stay
        """

    async def thin(self, keep: int, before: float, *, after: str = "", limit: int = 200) -> Step:
        """Look at up to `limit` subjects behind `after`, and remove up to `limit` SETs of them: those that ended before
        `before` and are not among the newest `keep` of their stream and subject. What `expire` lets stay by its state
        stays here too. `after` is a place among subjects, of no use to `expire`."""

    async def sizes(self, *, thorough: bool = False) -> Sizes:
        """`thorough` also counts `payloads` and finds the oldest row of each table: that reads whole tables."""
