"""What the bridge asks of a store: seven narrow protocols, each call one atomic step.

Every writing call is durable when it returns (the database has synced), or raises `Unavailable` / `StoreProblem`
and has changed nothing. Concurrent calls share commits. A unit that finds something else than it expected
comes back alone as a `Clash`; its neighbours in the same commit are not touched.
The memory store and the SQL store pass one conformance suite (`tests/conformance/test_store.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, Protocol

from bridge.model import DeliveryState as DeliveryState
from bridge.model import Device, Statement, Status
from bridge.model import LedgerRow as LedgerRow
from bridge.model import Tail as Tail

# -- inbox and looks ----------------------------------------------------------------------------


class Urgency(IntEnum):
    """Which due looks go first."""

    PROVISIONAL = 0
    DOORBELL = 1
    REPEAT = 2
    """Repeats, deadlines, grace ends."""
    RECONCILE = 3


@dataclass(frozen=True, slots=True)
class Stated:
    """A statement kept with its look. `generation` is the ring that brought it."""

    statement: Statement
    received_at: float
    generation: int


@dataclass(frozen=True, slots=True)
class Ring:
    """Somebody rings for a device: look at it at `due_at`, because of `txn`."""

    connector: str
    device_id: str
    txn: str
    due_at: float
    received_at: float
    statements: tuple[Statement, ...] = ()
    urgency: Urgency = Urgency.DOORBELL


@dataclass(frozen=True, slots=True)
class Look:
    """A device that is due to be looked at. A hundred rings for one device are one look.

    `generation` grows with each ring; a look finished at an older generation stays due.
    `rung_at` is the receipt of the oldest ring that no good look has answered yet (None: nobody rang).
    """

    connector: str
    device_id: str
    due_at: float
    urgency: Urgency
    txn: str
    generation: int
    attempts: int = 0
    contradictions: int = 0
    rung_at: float | None = None
    stated: tuple[Stated, ...] = ()
    last_error: str = ""
    leased_until: float | None = None


@dataclass(frozen=True, slots=True)
class LeasedLook:
    look: Look
    device: Device | None
    """Belief as it stood in the same read."""


@dataclass(frozen=True, slots=True)
class LookDone:
    """How a look ended. `again_at` None: nothing more is due unless somebody rang meanwhile.

    If `generation` is no longer the row's, the row stays due at once, keeps only what was stated later,
    its `rung_at` becomes the receipt of the oldest of those, and attempts and contradictions start anew.
    Otherwise with `again_at` the row stays, with the values given here (`stated` and `rung_at` kept as they
    are if `keep_stated`, else emptied), and without it the row goes.
    """

    connector: str
    device_id: str
    generation: int
    again_at: float | None = None
    urgency: Urgency = Urgency.REPEAT
    attempts: int = 0
    contradictions: int = 0
    keep_stated: bool = False
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A verified webhook to be made durable with the looks that it rings for."""

    id: str
    connector: str
    received_at: float
    type: str
    delivery_hash: str | None
    """SHA-256 of connector and delivery id, hex; None: the vendor sends no id, so no deduplication."""
    body: bytes
    headers: Mapping[str, str]
    ignored: str = ""
    rings: tuple[Ring, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    id: str
    """Of the first arrival, if this one is a repeat."""
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A signed misfit, kept for an operator. The oldest go when there are more than the bound."""

    id: str
    connector: str
    received_at: float
    body: bytes
    problem: str


class Inbox(Protocol):
    async def accept(self, arrival: Arrival) -> Accepted:
        """Commit the webhook and its rings, or find the first with the same `delivery_hash` (then it writes nothing)."""

    async def quarantine(self, misfit: Quarantined, rings: Sequence[Ring], keep: int = 1000) -> None: ...


class Looks(Protocol):
    async def ring(self, rings: Sequence[Ring]) -> None:
        """New looks, or existing ones made due at the earlier of both times; the more urgent urgency wins.

        Statements are added; of two about one finding key the later by `finding.at` stays, failing on equal times;
        statements without a finding are kept once. At most 200 a look, the oldest dropped.
        A look that is leased keeps its lease; it takes the new `txn` and the row's generation grows.
        A look that is not leased keeps its first `txn`.
        """

    async def lease_looks(self, connector: str, limit: int, now: float, until: float) -> list[LeasedLook]:
        """The most urgent due looks that nobody holds, oldest first, now held until `until`."""

    async def next_look_at(self, connector: str) -> float | None:
        """When the next unheld look of the connector falls due."""


# -- belief, ledger, deliveries -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A SET to be sent. The ledger row (stream_id, subject) is written in the same unit and comes to name it."""

    stream_id: str
    subject: str
    order: str
    jti: str
    txn: str
    kid: str
    text: str = field(repr=False)
    status: Status = "compliant"
    previous: Status = "compliant"
    connector: str = ""
    device_id: str = ""
    created_at: float = 0.0
    rung_at: float | None = None
    """Receipt of the webhook that began it, for the webhook-to-acknowledged histogram."""


@dataclass(frozen=True, slots=True)
class LedgerWrite:
    """`row.version` is the version that was read (0: there was no row); the store writes it plus one.

    `row.tail` is ignored: the row names `mint` if given, else what it named before.
    `supersede` is a delivery that must still be pending and unsent; its row becomes superseded with `superseded_why`.
    """

    row: LedgerRow
    mint: NewDelivery | None = None
    supersede: int | None = None
    superseded_why: str = ""


@dataclass(frozen=True, slots=True)
class LedgerMove:
    """A rename: the row of `old` (at `old_version`) goes; a LedgerWrite of the new name stands in the same unit."""

    stream_id: str
    old: str
    old_version: int


@dataclass(frozen=True, slots=True)
class Unit:
    """What one decision yields, committed whole or not at all.

    `devices` carry in `version` the version that was read (0: unknown until now); the store writes it plus one.
    """

    devices: tuple[Device, ...] = ()
    ledger: tuple[LedgerWrite, ...] = ()
    moves: tuple[LedgerMove, ...] = ()
    look: LookDone | None = None
    rings: tuple[Ring, ...] = ()


@dataclass(frozen=True, slots=True)
class Clash:
    """The unit at `index` found something else than it expected; nothing of it was written."""

    index: int
    what: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What a comparison needs to see, read at one moment."""

    people: Mapping[str, tuple[Device, ...]]
    """login → all devices of that person, of every connector."""
    ledger: Mapping[tuple[str, str], LedgerRow]
    """(stream id, subject key) → row; absent when that stream was never told of it."""


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
        after: tuple[str, str] | None = None,
        limit: int = 100,
    ) -> list[Device]:
        """Ordered by (connector, device id), beginning after `after`. `search` matches id, name or login as a part."""

    async def told(self, stream_id: str, status: Status, *, after: str = "", limit: int = 100) -> list[LedgerRow]:
        """The ledger rows of a stream that was told this status, by subject, beginning after the subject `after`."""

    async def devices_of_person(self, connector: str, owner_id: str) -> list[Device]: ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """One SET on its way to one stream."""

    id: int
    stream_id: str
    subject: str
    order: str
    jti: str
    txn: str
    kid: str
    text: str = field(repr=False)
    status: Status
    previous: Status
    connector: str
    device_id: str
    state: DeliveryState
    created_at: float
    rung_at: float | None = None
    attempts: int = 0
    faults: int = 0
    """Failures that are this row's own and not its stream's."""
    faulted_at: float | None = None
    """First fault of its own: 72 hours later it dies."""
    next_at: float = 0.0
    leased_until: float | None = None
    maybe_received: bool = False
    settled_at: float | None = None
    last_code: str = ""
    last_words: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """How one try ended. `pending` gives the row back for `next_at`.

    `dead`: later pending rows of the same (stream, subject) are superseded with it, and the ledger row goes
    back to `told = previous`, `given_up = status`, naming the dead row (its version grows). But with `maybe_received`
    nobody can say that the receiver does not believe it: it counts as told, and what follows it stays pending.
    `delivered`: the ledger row is not touched. A row that is no longer pending is left alone.
    """

    id: int
    state: Literal["pending", "delivered", "dead"]
    at: float
    code: str
    words: str = ""
    next_at: float = 0.0
    attempts: int = 0
    faults: int = 0
    faulted_at: float | None = None
    maybe_received: bool = False


class Outbox(Protocol):
    async def lease_deliveries(
        self, streams: Mapping[str, int], now: float, until: float, probes: Collection[str] = ()
    ) -> list[Delivery]:
        """For each stream id up to that many heads, oldest first: the oldest pending row of each (stream, order) that
        is due and not held. Now held until `until`, durably, before this returns.

        For a stream in `probes`: one head, due or not, the one with the fewest attempts, the oldest among equals.
        """

    async def settle(self, settlements: Sequence[Settlement]) -> None: ...

    async def next_delivery_at(self, streams: Collection[str]) -> float | None:
        """The earliest `next_at` among unheld heads of these streams."""

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
        """Newest first, beginning before the id `before`."""

    async def revive(self, delivery_id: int, now: float) -> str:
        """A dead row pending again with its attempts forgotten, its ledger row told its status; a pending one due now.

        Returns "" or why not: `delivered`, `superseded`, `not_found`, `overtaken` (the ledger names another row).
        """

    async def drop(self, delivery_id: int, now: float, why: str) -> str:
        """Give up a pending row that nobody is sending, as if it had died of `why`; `maybe_received` as the row has it,
        or because somebody held it. Returns "" or why not."""

    async def cancel_stream(self, stream_id: str, now: float, why: str) -> int:
        """Supersede the unsent pending rows of a stream that is disabled; their ledger rows go back to what was told
        before (given_up stays as it is). Returns how many.

        A row that the receiver may have (`maybe_received`, or held) stays pending: it goes first when the stream is
        enabled again, the same bytes, for nobody can say what the receiver believes until it has answered.
        """

    async def backlog(self, now: float) -> list[Backlog]:
        """One line per stream that has any pending or dead row."""

    async def release_leases(self) -> int:
        """At the start of the only process on this store: rows and looks held by a process that is gone are free again,
        rows with `maybe_received`. Returns how many."""


@dataclass(frozen=True, slots=True)
class Backlog:
    stream_id: str
    pending: int
    dead: int
    oldest_at: float | None
    """`created_at` of the oldest pending row."""


# -- streams, keys, the rest --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StreamRow:
    """A stream as the store knows it: its identity and its health. The rest stands in the configuration."""

    id: str
    name: str
    audience: str
    created_at: float
    enabled: bool = True
    orphaned: bool = False
    failures: int = 0
    """Consecutive failures that are the stream's own; 0 is healthy."""
    retry_at: float | None = None
    unwell_since: float | None = None
    last_code: str = ""
    last_words: str = ""
    last_delivered_at: float | None = None


class Streams(Protocol):
    async def streams(self) -> list[StreamRow]: ...

    async def put_stream(self, row: StreamRow) -> None: ...


@dataclass(frozen=True, slots=True)
class KeyRow:
    kid: str
    algorithm: str
    state: Literal["next", "active", "retired"]
    created_at: float


class Keys(Protocol):
    async def keys(self) -> list[KeyRow]: ...

    async def put_key(self, row: KeyRow) -> None: ...


@dataclass(frozen=True, slots=True)
class AuditEntry:
    at: float
    who: str
    what: str
    target: str
    why: str = ""
    before: str = ""
    after: str = ""


class Audit(Protocol):
    async def record(self, entry: AuditEntry) -> None: ...

    async def audit(self, *, limit: int = 100) -> list[AuditEntry]:
        """Newest first."""


class Housekeeping(Protocol):
    async def ping(self) -> None:
        """A read and a write that is rolled back; raises StoreProblem or Unavailable."""

    async def counts(self) -> Mapping[str, int]:
        """`devices`, `not_compliant`, `no_owner`, `looks`, `pending`, `dead`, `webhooks`, `quarantined`."""

    async def ledger_of(self, login: str | None, device: tuple[str, str] | None) -> list[LedgerRow]:
        """Ledger rows whose subject is this person or this device (any person's)."""

    async def look(self, connector: str, device_id: str) -> Look | None: ...

    async def close(self) -> None: ...


class Store(Inbox, Looks, Beliefs, Outbox, Streams, Keys, Audit, Housekeeping, Protocol):
    """The whole; a caller is typed with the part that it needs."""
