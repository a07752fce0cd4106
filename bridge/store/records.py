"""What travels to the store and back: rows, and the units in which they are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import IntEnum
from typing import Literal

from bridge.model import DeliveryState, Device, LedgerRow, Statement, Status
from bridge.value import value

# -- inbox and looks -------------------------------------------------------------------------------


class Urgency(IntEnum):
    """Which due looks go first."""

    PROVISIONAL = 0
    DOORBELL = 1
    REPEAT = 2
    """Repeats, deadlines, grace ends."""
    RECONCILE = 3


@value
class Stated:
    """A statement kept with its look. `generation` is the ring that brought it."""

    statement: Statement
    received_at: float
    generation: int


@value
class Ring:
    """Somebody rings for a device: look at it at `due_at`, because of `txn`."""

    connector: str
    device_id: str
    txn: str
    due_at: float
    received_at: float | None
    """None: no webhook, but a deadline, a list or an operator."""
    statements: tuple[Statement, ...] = ()
    urgency: Urgency = Urgency.DOORBELL


@value
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


@value
class LeasedLook:
    look: Look
    device: Device | None
    """Belief as it stood in the same read."""


@value
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


@value
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


@value
class Accepted:
    id: str
    """Of the first arrival, if this one is a repeat."""
    duplicate: bool


@value
class Quarantined:
    """A signed misfit, kept for an operator. The oldest go when there are more than the bound."""

    id: str
    connector: str
    received_at: float
    body: bytes
    problem: str
    headers: Mapping[str, str] = field(default_factory=dict)


# -- belief, ledger, deliveries --------------------------------------------------------------------


@value
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
    state: Literal["pending", "dry_run"] = "pending"


@value
class LedgerWrite:
    """`row.version` is the version that was read (0: there was no row); the store writes it plus one.

    `row.tail` is ignored: the row names `mint` if given, else what it named before.
    `supersede` is a delivery that must still be pending and unsent; its row becomes superseded with `superseded_why`.
    """

    row: LedgerRow
    mint: NewDelivery | None = None
    supersede: int | None = None
    superseded_why: str = ""


@value
class LedgerMove:
    """A rename: the row of `old` (at `old_version`) goes; a LedgerWrite of the new name stands in the same unit."""

    stream_id: str
    old: str
    old_version: int


@value
class Unit:
    """What one decision yields, committed whole or not at all.

    `devices` carry in `version` the version that was read (0: unknown until now); the store writes it plus one.
    """

    devices: tuple[Device, ...] = ()
    ledger: tuple[LedgerWrite, ...] = ()
    moves: tuple[LedgerMove, ...] = ()
    look: LookDone | None = None
    rings: tuple[Ring, ...] = ()
    sets: tuple[NewDelivery, ...] = ()
    """SETs that no ledger row tells of: verification, and an operator's test."""


@value
class Clash:
    """The unit at `index` found something else than it expected; nothing of it was written."""

    index: int
    what: str


@value
class Scene:
    """What a comparison needs to see, read at one moment."""

    people: Mapping[str, tuple[Device, ...]]
    """login → all devices of that person, of every connector."""
    ledger: Mapping[tuple[str, str], LedgerRow]
    """(stream id, subject key) → row; absent when that stream was never told of it."""


@value
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
    """First fault of its own: it dies 72 hours later at the earliest."""
    next_at: float = 0.0
    leased_until: float | None = None
    maybe_received: bool = False
    settled_at: float | None = None
    last_code: str = ""
    last_words: str = ""


@value
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


@value
class Known:
    """A device as it stands, with the look that is due for it."""

    device: Device | None
    look: Look | None


@value
class HoldCount:
    """How much is held. `kind`: the kind of a device's hold, `override`, `retired`; or `guard`, `guard_released`,
    `guard_discarded` of a ledger's rows, where people are counted."""

    connector: str
    kind: str
    count: int


@value
class Backlog:
    stream_id: str
    pending: int
    dead: int
    oldest_at: float | None
    """`created_at` of the oldest pending row."""


# -- streams, audit -------------------------------------------------------------------------------


@value
class StreamRow:
    """A stream as the store knows it: its identity and its health. The rest stands in the configuration."""

    id: str
    name: str
    audience: str
    created_at: float
    enabled: bool = True
    orphaned: bool = False
    paused: str = ""
    """Why an operator paused it; "" if nobody did. Only `pause` of the store writes it."""
    failures: int = 0
    """Consecutive failures that are the stream's own; 0 is healthy."""
    retry_at: float | None = None
    unwell_since: float | None = None
    last_code: str = ""
    last_words: str = ""
    last_delivered_at: float | None = None


@value
class AuditEntry:
    at: float
    who: str
    what: str
    target: str
    why: str = ""
    before: str = ""
    after: str = ""
