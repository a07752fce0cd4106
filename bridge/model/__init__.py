"""The values that travel through the bridge: frozen, plain, shared by every wing.

Times are `float` seconds since 1970-01-01T00:00:00Z unless a name says otherwise.
Nothing here does I/O, reads a clock or makes an id.
"""

from __future__ import annotations

from bridge.model.belief import Basis, Change, Device, Hold, HoldKind, Override
from bridge.model.ledger import DeliveryState, Held, HeldWhy, LedgerRow, Outcome, OutcomeKind, Tail
from bridge.model.subscription import StreamStatus, Subscription, Way
from bridge.model.told import (
    DEVICE_COMPLIANCE_CHANGE,
    Aggregate,
    Event,
    ProfileName,
    Reveals,
    Selects,
    SignedSET,
    Stream,
    SubjectForm,
    WireSubject,
)
from bridge.model.vendor import (
    FailureKind,
    Finding,
    FindingState,
    Judge,
    LookFailed,
    Owner,
    Parsed,
    Snapshot,
    Statement,
    Status,
    Verdict,
    VerifiedWebhook,
    Webhook,
)

__all__ = [
    "DEVICE_COMPLIANCE_CHANGE",
    "Aggregate",
    "Basis",
    "Change",
    "DeliveryState",
    "Device",
    "Event",
    "FailureKind",
    "Finding",
    "FindingState",
    "Held",
    "HeldWhy",
    "Hold",
    "HoldKind",
    "Judge",
    "LedgerRow",
    "LookFailed",
    "Outcome",
    "OutcomeKind",
    "Override",
    "Owner",
    "Parsed",
    "ProfileName",
    "Reveals",
    "Selects",
    "SignedSET",
    "Snapshot",
    "Statement",
    "Status",
    "Stream",
    "StreamStatus",
    "SubjectForm",
    "Subscription",
    "Tail",
    "Verdict",
    "VerifiedWebhook",
    "Way",
    "Webhook",
    "WireSubject",
]
