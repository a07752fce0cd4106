"""framework: SETs about the stream itself, verification and stream-updated (SSF 1.0 §8.1.4, §8.1.5). Pure."""

from __future__ import annotations

from typing import Final

from bridge.delivery.retry import RowNext
from bridge.model import Outcome, SignedSET
from bridge.store.records import Delivery, NewDelivery, Rank

VERIFICATION: Final = "verification"
"""The subject of its rows; each has an order of its own, for they come in none (§8.1.4.2)."""
UPDATE: Final = "framework-update"
"""Subject and order: of two statuses the later must arrive last."""
LIFE: Final = 24 * 3600.0
"""Seconds that one waits to be fetched or taken."""
WAITING_MOST: Final = 100
"""Verifications of one stream that may wait; of more the oldest go."""


def verification_of(stream_id: str, signed: SignedSET, txn: str, now: float) -> NewDelivery:
    order = f"{VERIFICATION}:{signed.jti}"
    return _of(stream_id, VERIFICATION, order, signed, txn, now, Rank.VERIFICATION)


def update_of(stream_id: str, signed: SignedSET, txn: str, now: float) -> NewDelivery:
    return _of(stream_id, UPDATE, UPDATE, signed, txn, now, Rank.UPDATE)


def _of(stream_id: str, subject: str, order: str, signed: SignedSET, txn: str, now: float, rank: Rank) -> NewDelivery:
    return NewDelivery(
        stream_id, subject, order, signed.jti, txn, signed.kid, signed.text, created_at=now, rank=rank
    )  # fmt: skip


def ended(delivery: Delivery, outcome: Outcome, now: float) -> RowNext | None:
    """What becomes of a SET about the stream after this push, where it ends otherwise than one about a person; else
    None. A stream-updated is tried once. A verification that is refused cannot become right by being sent again."""
    if delivery.rank == Rank.EVENT or outcome.kind == "delivered":
        return None
    if delivery.rank == Rank.VERIFICATION and outcome.kind != "row":
        return None
    own = outcome.kind == "row"
    return RowNext(
        "dead", now, delivery.attempts + 1, delivery.faults + own, delivery.faulted_at, own, outcome.received
    )
