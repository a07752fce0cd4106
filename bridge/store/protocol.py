"""What the bridge asks of a store: narrow protocols, each call one atomic step.

Every writing call is durable when it returns (the database has synced), or raises `Unavailable` / `StoreProblem`
and has changed nothing. Concurrent calls share commits. A unit that finds something else than it expected
comes back alone as a `Clash`; its neighbours in the same commit are not touched.
The memory store and the SQL store pass one conformance suite (`tests/conformance/test_store.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from bridge.key import KeyRow
from bridge.model import DeliveryState, Device, HeldWhy, LedgerRow, Status
from bridge.store.archive import Archive
from bridge.store.erasure import Erasure
from bridge.store.errands import Errands
from bridge.store.expiry import Expiry
from bridge.store.marks import Marks
from bridge.store.notices import Notices
from bridge.store.oauth import OAuthClients
from bridge.store.records import (
    Accepted,
    Arrival,
    AuditEntry,
    Backlog,
    Clash,
    Delivery,
    HoldCount,
    Known,
    LeasedLook,
    Look,
    Quarantined,
    Rank,
    Ring,
    Scene,
    Settlement,
    Unit,
)
from bridge.store.streams import Streams
from bridge.store.subjects import Subjects
from bridge.store.undelivered import Undelivered


class Inbox(Protocol):
    async def accept(self, arrival: Arrival) -> Accepted:
        """Commit the webhook and its rings, or find the first of its `delivery_hash` (then it writes nothing)."""

    async def quarantine(self, misfit: Quarantined, rings: Sequence[Ring], keep: int = 1000) -> None: ...


class Looks(Protocol):
    async def ring(self, rings: Sequence[Ring]) -> None:
        """New looks, or existing ones made due at the earlier of both times; the more urgent urgency wins.

        Statements are added; of two about one finding key the later by `finding.at` stays, failing on equal times;
        statements without a finding are kept once. At most `keep` of the ring a look, the oldest dropped.
        A look that is leased keeps its lease; it takes the new `txn` and the row's generation grows.
        A look that is not leased keeps its first `txn`.
        """

    async def lease_looks(self, connector: str, limit: int, now: float, until: float) -> list[LeasedLook]:
        """The most urgent due looks that nobody holds, oldest first, now held until `until`."""

    async def due_looks(self, connector: str, now: float) -> Mapping[str, int]:
        """The devices whose look is due and not held, each with the look's generation."""

    async def looks_by(self, txn: str, now: float) -> list[Look]:
        """The looks of this cause that are due, or whose last try failed."""

    async def next_look_at(self, connector: str) -> float | None:
        """When the next unheld look of the connector falls due."""


class Beliefs(Protocol):
    async def scene(self, logins: Collection[str], subjects: Collection[tuple[str, str]]) -> Scene: ...

    async def commit(self, units: Sequence[Unit]) -> list[Clash]:
        """All units in one transaction; those that clash come back alone."""

    async def device(self, connector: str, device_id: str) -> Device | None: ...

    async def devices(
        self,
        *,
        connector: str | None = None,
        status: Status | None = None,
        search: str = "",
        hold: str | None = None,
        after: tuple[str, str] | None = None,
        limit: int = 100,
    ) -> list[Device]:
        """Ordered by (connector, device id), beginning after `after`. `search` matches id, name or login as a part.
        `hold`: the kind of its hold, `override` or `retired`, whichever counts."""

    async def told(self, stream_id: str, status: Status, *, after: str = "", limit: int = 100) -> list[LedgerRow]:
        """The ledger rows of a stream that was told this status, by subject, beginning after the subject `after`."""

    async def devices_of_people(self, people: Collection[tuple[str, str]]) -> dict[tuple[str, str], list[Device]]:
        """All devices of each vendor person (connector, owner id), by device id; a person without any is there too."""


class Holds(Protocol):
    """What is believed and not told, and what is known of many devices at once."""

    async def known(self, connector: str, ids: Collection[str]) -> dict[str, Known]:
        """Device and due look of each id that has either."""

    async def fleet(self, connector: str) -> int:
        """How many devices of the connector are known, retired ones left out."""

    async def held(
        self,
        connector: str | None = None,
        *,
        why: HeldWhy | None = None,
        after: tuple[str, str] | None = None,
        limit: int = 100,
    ) -> list[LedgerRow]:
        """The ledger rows that the guard of this connector holds, by (stream, subject), beginning after `after`."""

    async def holds(self) -> list[HoldCount]:
        """How much is held, by connector and kind."""


class Outbox(Protocol):
    async def lease_deliveries(
        self,
        streams: Mapping[str, int],
        now: float,
        until: float,
        probes: Collection[str] = (),
        reach: Mapping[str, Rank] = {},
    ) -> list[Delivery]:
        """For each stream id up to that many heads, by rank and then oldest first: the oldest pending row of each
        (stream, order) that is due and not held. Now held until `until`, durably, before this returns.

        For a stream in `probes`: one head, due or not, the one with the fewest attempts, the oldest among equals.
        For a stream in `reach`: no row of a later rank.
        """

    async def by_jti(self, stream_id: str, jtis: Collection[str]) -> list[Delivery]:
        """The pending rows of this stream that have one of these `jti`."""

    async def has_due(self, reach: Mapping[str, Rank], now: float) -> set[str]:
        """Of these streams those that have a head that is due, not held, and of no later rank than stands with them."""

    async def settle(self, settlements: Sequence[Settlement]) -> None: ...

    async def delivery(self, delivery_id: int) -> Delivery | None: ...

    async def deliveries(
        self,
        *,
        stream_id: str | None = None,
        state: DeliveryState | None = None,
        subject: str | None = None,
        device: tuple[str, str] | None = None,
        jti: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[Delivery]:
        """Newest first, beginning before the id `before`. Those of a dry run only where `state` asks for them."""

    async def revive(self, delivery_id: int, now: float) -> str:
        """A dead row pending again with its attempts forgotten, its ledger row told its status; a pending one due now.

        Returns "" or why not: `delivered`, `superseded`, `not_found`, `overtaken` (the ledger names another row, or
        what this one says is no longer so), `framework` (it is about the stream itself: another one is made instead).
        """

    async def drop(self, delivery_id: int, now: float, why: str) -> str:
        """Give up a pending row that nobody is sending, as if it had died of `why`; `maybe_received` as the row has it,
        or because somebody held it. Returns "" or why not."""

    async def cancel_stream(self, stream_id: str, now: float, why: str, subjects: Collection[str] | None = None) -> int:
        """Supersede the unsent pending rows of a stream that is disabled, all but a stream-updated; their ledger rows
        go back to what was told before (given_up stays as it is). With `subjects`: of these alone. Returns how many.

        A row that the receiver may have (`maybe_received`, or held) stays pending: it goes first when the stream is
        enabled again, the same bytes, for nobody can say what the receiver believes until it has answered. A
        verification says nothing that could be believed, and goes all the same.
        """

    async def expire_framework(self, before: float, now: float) -> int:
        """Supersede what is pending of `Rank.UPDATE` and `Rank.VERIFICATION` and older than `before`. How many went."""

    async def bound_verifications(self, stream_id: str, most: int, now: float) -> int:
        """Supersede the oldest of this stream's pending verifications, so that `most` are left. How many went."""

    async def backlog(self, now: float) -> list[Backlog]:
        """One line per stream that has any pending or dead row."""

    async def release_leases(self) -> int:
        """At the start of the only process on this store: rows and looks held by a process that is gone are free again,
        rows with `maybe_received`. Returns how many."""


class Keys(Protocol):
    async def keys(self) -> list[KeyRow]:
        """All that were ever known, by (created, kid)."""

    async def swap_keys(self, expected: Collection[KeyRow], rows: Collection[KeyRow]) -> bool:
        """Put `rows` in the place of `expected`, unless other rows than those are there by now: then nothing, False."""


class Audit(Protocol):
    """Append-only: nothing changes an entry, and only `Expiry` removes one, by its age."""

    async def record(self, entry: AuditEntry) -> None:
        """Called by `bridge.pipeline.journal` alone, which keeps people's addresses out of it."""

    async def audit(
        self, *, since: float | None = None, who: str = "", what: str = "", target: str = "", limit: int = 100
    ) -> list[AuditEntry]:
        """Newest first. `who` matches whole, `what` whole or as the first words of `what.more`, `target` as a part."""


class Housekeeping(Protocol):
    async def ping(self) -> None:
        """A read and a write that is rolled back; raises StoreProblem or Unavailable."""

    async def counts(self) -> Mapping[str, int]:
        """`devices`, `not_compliant`, `no_owner`, `looks`, `pending`, `dead`, `webhooks`, `quarantined`."""

    async def ledger_of(self, login: str | None, device: tuple[str, str] | None) -> list[LedgerRow]:
        """Ledger rows whose subject is this person or this device (any person's)."""

    async def look(self, connector: str, device_id: str) -> Look | None: ...

    async def close(self) -> None: ...


class Told(Beliefs, Holds, Outbox, Protocol):
    """What the teller and comparisons need: belief, what is held, and what was sent."""


class Store(
    Inbox, Looks, Told, Undelivered, Streams, Keys, Audit, Errands, Notices, Housekeeping, Archive, Expiry, Marks,
    Erasure, Subjects, OAuthClients, Protocol,
):  # fmt: skip
    """The whole; a caller is typed with the part that it needs."""
