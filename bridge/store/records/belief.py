"""Belief, ledger and deliveries, and the units in which they are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import IntEnum
from typing import Literal

from bridge.model import DeliveryState, Device, LedgerRow, Status
from bridge.store.errands import Errand
from bridge.store.records.inbox import Look, LookDone, Ring
from bridge.value import value


class Rank(IntEnum):
    """Which SETs of a stream go first, and which go at all while it is held up."""

    UPDATE = 0
    """stream-updated (SSF 1.0 §8.1.5)."""
    VERIFICATION = 1
    EVENT = 2


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
    rank: Rank = Rank.EVENT


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
    seen: tuple[Device, ...] = ()
    """Devices that it goes by and does not write: each must still be at the version that was read."""
    errands: tuple[Errand, ...] = ()
    """Comparisons that are to follow, whoever dies now: asked for in the same commit (`Errands.ask`)."""


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
    """First fault of its own: the SET dies 72 hours later (`[delivery] give_up_after`) at the earliest."""
    next_at: float = 0.0
    leased_until: float | None = None
    maybe_received: bool = False
    settled_at: float | None = None
    last_code: str = ""
    last_words: str = ""
    rank: Rank = Rank.EVENT


@value
class Settlement:
    """How one try ended. `pending` gives the row back for `next_at`.

    `dead`: later pending rows of the same (stream, subject) are superseded with it, and the ledger row goes back to
    `told = previous`, naming the dead row (its version grows), and `given_up = status` unless the last of the later
    ones had taken that back. But with `maybe_received`
    nobody can say that the receiver does not believe it: it counts as told, and what follows it stays pending.
    Of a SET about the stream itself (no `Rank.EVENT`) no ledger tells, and nothing follows it.
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
