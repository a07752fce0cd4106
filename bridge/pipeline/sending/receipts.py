"""receipts: a SET was taken or refused by its receiver, by push or poll: counted, and written to the log."""

from __future__ import annotations

import structlog

from bridge.model import Outcome, Stream
from bridge.pipeline.ports import Meter
from bridge.pipeline.sending.undone import Undone
from bridge.store.records import Delivery, Rank, Settlement

_log = structlog.get_logger("bridge.outbox")


class Receipts:
    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._undone = Undone()

    def note(self, stream: Stream, delivery: Delivery, outcome: Outcome, settlement: Settlement) -> None:
        """Once for each try that ended, after the store has it."""
        now = settlement.at
        word = outcome.code if settlement.state == "pending" else settlement.state
        self._meter.delivery(stream.name, word)
        if settlement.state == "delivered":
            self._taken(stream, delivery, now)
        _log.info(
            "set.delivered" if settlement.state == "delivered" else "set.refused",
            stream=stream.name,
            jti=delivery.jti,
            txn=delivery.txn,
            status=delivery.status if delivery.rank == Rank.EVENT else None,
            kind=None if delivery.rank == Rank.EVENT else Rank(delivery.rank).name.lower(),
            outcome=word,
            code=outcome.code,
            words=outcome.words or None,
            attempt=delivery.attempts + 1,
            took_ms=round(outcome.took * 1000, 1) if outcome.took else None,
            age_s=round(now - delivery.rung_at, 3) if delivery.rung_at is not None else None,
            next_in=round(settlement.next_at - now, 1) if settlement.state == "pending" else None,
        )

    def _taken(self, stream: Stream, delivery: Delivery, now: float) -> None:
        if delivery.rung_at is not None:
            self._meter.acknowledged(stream.name, now - delivery.rung_at)
        if self._undone.delivered(delivery.stream_id, delivery.subject, delivery.status, now):
            self._meter.block_undone(delivery.connector)
