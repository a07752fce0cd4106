"""What travels to the store and back: rows, and the units in which they are written."""

from __future__ import annotations

from bridge.store.records.belief import (
    Backlog,
    Clash,
    Delivery,
    HoldCount,
    Known,
    LedgerMove,
    LedgerWrite,
    NewDelivery,
    Rank,
    Scene,
    Settlement,
    Unit,
)
from bridge.store.records.inbox import (
    STATED,
    Accepted,
    Arrival,
    LeasedLook,
    Look,
    LookDone,
    Quarantined,
    Ring,
    Stated,
    Urgency,
)
from bridge.store.records.registers import AuditEntry, StreamRow

__all__ = [
    "STATED",
    "Accepted",
    "Arrival",
    "AuditEntry",
    "Backlog",
    "Clash",
    "Delivery",
    "HoldCount",
    "Known",
    "LeasedLook",
    "LedgerMove",
    "LedgerWrite",
    "Look",
    "LookDone",
    "NewDelivery",
    "Quarantined",
    "Rank",
    "Ring",
    "Scene",
    "Settlement",
    "Stated",
    "StreamRow",
    "Unit",
    "Urgency",
]
