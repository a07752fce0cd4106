"""Webhooks and looks as the store keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import IntEnum
from typing import Final

from bridge.model import Device, Statement
from bridge.value import value

STATED: Final = 200
"""Statements that are kept with a look at most, unless a ring says otherwise."""


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
    keep: int = STATED
    """Statements kept with the look, at most, once these are added: the newest."""


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
