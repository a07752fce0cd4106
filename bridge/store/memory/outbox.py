"""Deliveries in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bridge.model import DeliveryState, LedgerRow, Status
from bridge.store.ledger_rules import (
    WHY_NOT,
    cancelled,
    died,
    dropped,
    held,
    is_due,
    is_overtaken,
    overruled,
    revived,
    unsent,
)
from bridge.store.memory.base import Pair
from bridge.store.memory.beliefs import Beliefs
from bridge.store.memory.inbox import free
from bridge.store.records import Backlog, Delivery, Rank, Settlement
from bridge.value import replace


class Outbox(Beliefs):
    def _unheld_heads(self, stream_id: str, now: float, reach: Rank = Rank.EVENT) -> list[Delivery]:
        heads = [self._deliveries[id_] for (stream, _), id_ in self._heads.items() if stream == stream_id]
        found = (head for head in heads if free(head.leased_until, now) and head.rank <= reach)
        return sorted(found, key=lambda head: (head.rank, head.id))

    async def lease_deliveries(
        self, streams: Mapping[str, int], now: float, until: float, probes: Collection[str] = (),
        reach: Mapping[str, Rank] = {},
    ) -> list[Delivery]:  # fmt: skip
        picked: list[Delivery] = []
        for stream_id, most in streams.items():
            if stream_id not in probes:
                heads = self._unheld_heads(stream_id, now, reach.get(stream_id, Rank.EVENT))
                picked += [head for head in heads if is_due(head, now)][: max(most, 0)]
        for stream_id in dict.fromkeys(probes):
            heads = self._unheld_heads(stream_id, now, reach.get(stream_id, Rank.EVENT))
            picked += sorted(heads, key=lambda head: (head.attempts, head.id))[:1]
        leased = []
        for row in sorted(picked, key=lambda row: (row.rank, row.id)):
            self._deliveries[row.id] = held(row, until)
            leased.append(self._deliveries[row.id])
        return leased

    async def by_jti(self, stream_id: str, jtis: Collection[str]) -> list[Delivery]:
        wanted = set(jtis)
        rows = (row for row in self._deliveries.values() if row.stream_id == stream_id and row.state == "pending")
        return [row for row in rows if row.jti in wanted]

    async def has_due(self, reach: Mapping[str, Rank], now: float) -> set[str]:
        found = {id_: self._unheld_heads(id_, now, rank) for id_, rank in reach.items()}
        return {id_ for id_, heads in found.items() if any(is_due(head, now) for head in heads)}

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        for settlement in settlements:
            row = self._deliveries.get(settlement.id)
            if row is None or row.state != "pending":
                continue
            tried = replace(
                row, attempts=settlement.attempts, faults=settlement.faults, faulted_at=settlement.faulted_at,
                last_code=settlement.code, last_words=settlement.words, leased_until=None,
            )  # fmt: skip
            if settlement.state == "pending":
                self._give_back(tried, settlement)
                continue
            self._end(row, replace(tried, state=settlement.state, settled_at=settlement.at))
            if settlement.state == "dead" and not settlement.maybe_received and row.rank == Rank.EVENT:
                self._die(row, settlement.at)

    def _give_back(self, row: Delivery, settlement: Settlement) -> None:
        maybe = row.maybe_received or settlement.maybe_received
        self._deliveries[row.id] = replace(row, next_at=settlement.next_at, maybe_received=maybe)
        if self._heads.get((row.stream_id, row.order)) == row.id:
            self._promote((row.stream_id, row.order))

    def _die(self, dead: Delivery, at: float) -> None:
        why = f"delivery {dead.id}, which went before it, is dead"
        for row in list(self._deliveries.values()):
            same = (row.stream_id, row.subject) == (dead.stream_id, dead.subject)
            if same and row.state == "pending" and row.id > dead.id:
                self._end(row, replace(row, state="superseded", settled_at=at, last_code="superseded", last_words=why))
        told = self._ledger_unless_overruled((dead.stream_id, dead.subject), dead.id)
        if told is not None:
            self._ledger[dead.stream_id, dead.subject] = died(told, dead.id, dead.status, dead.previous)

    def _ledger_unless_overruled(self, key: Pair, delivery_id: int) -> LedgerRow | None:
        row = self._ledger.get(key)
        tail = self._seen(row).tail if row is not None else None
        return None if tail is not None and overruled(tail.id, tail.state, delivery_id) else row

    async def delivery(self, delivery_id: int) -> Delivery | None:
        return self._deliveries.get(delivery_id)

    async def deliveries(
        self, *, stream_id: str | None = None, state: DeliveryState | None = None, subject: str | None = None,
        device: tuple[str, str] | None = None, jti: str | None = None, before: int | None = None, limit: int = 100,
    ) -> list[Delivery]:  # fmt: skip
        found = [
            row
            for _, row in sorted(self._deliveries.items(), reverse=True)
            if stream_id in (None, row.stream_id)
            and (row.state != "dry_run" if state is None else row.state == state)
            and subject in (None, row.subject)
            and device in (None, (row.connector, row.device_id))
            and jti in (None, row.jti)
            and (before is None or row.id < before)
        ]
        return found[:limit]

    async def revive(self, delivery_id: int, now: float) -> str:
        row = self._deliveries.get(delivery_id)
        if row is None:
            return "not_found"
        if row.state == "pending":
            self._deliveries[row.id] = replace(row, next_at=now)
            return ""
        if row.state != "dead":
            return WHY_NOT[row.state]
        if row.rank != Rank.EVENT:
            return "framework"
        told = self._ledger.get((row.stream_id, row.subject))
        if told is None or is_overtaken(told, row):
            return "overtaken"
        self._deliveries[row.id] = replace(
            row, state="pending", attempts=0, faults=0, faulted_at=None, settled_at=None, leased_until=None, next_at=now
        )
        key = (row.stream_id, row.order)
        head = self._heads.get(key)
        if head is None or free(self._deliveries[head].leased_until, now):
            self._promote(key)
        self._ledger[row.stream_id, row.subject] = revived(told, row.status)
        return ""

    async def drop(self, delivery_id: int, now: float, why: str) -> str:
        row = self._deliveries.get(delivery_id)
        if row is None:
            return "not_found"
        if row.state != "pending":
            return WHY_NOT[row.state]
        if not free(row.leased_until, now):
            return "held"
        await self.settle([dropped(row, now, why)])
        return ""

    async def cancel_stream(self, stream_id: str, now: float, why: str, subjects: Collection[str] | None = None) -> int:
        cancel = [
            row
            for row in self._deliveries.values()
            if row.stream_id == stream_id
            and (subjects is None or row.subject in subjects)
            and row.rank != Rank.UPDATE
            and row.state == "pending"
            and (row.rank == Rank.VERIFICATION or unsent(row.state, row.leased_until, row.maybe_received))
        ]
        oldest: dict[str, tuple[int, Status]] = {}
        for row in sorted(cancel, key=lambda row: row.id):
            oldest.setdefault(row.subject, (row.id, row.previous))
        for row in cancel:
            self._end(row, replace(row, state="superseded", settled_at=now, last_code="superseded", last_words=why))
        for subject, (delivery_id, previous) in oldest.items():
            told = self._ledger_unless_overruled((stream_id, subject), delivery_id)
            if told is not None:
                self._ledger[stream_id, subject] = cancelled(told, previous)
        return len(cancel)

    async def backlog(self, now: float) -> list[Backlog]:
        lines = []
        for stream_id in sorted({row.stream_id for row in self._deliveries.values()}):
            rows = [row for row in self._deliveries.values() if row.stream_id == stream_id]
            pending = [row.created_at for row in rows if row.state == "pending"]
            dead = sum(row.state == "dead" for row in rows)
            if pending or dead:
                lines.append(Backlog(stream_id, len(pending), dead, min(pending, default=None)))
        return lines

    async def release_leases(self) -> int:
        rows = [row for row in self._deliveries.values() if row.leased_until is not None]
        for row in rows:
            self._deliveries[row.id] = replace(row, leased_until=None, maybe_received=True)
        looks = [(key, look) for key, look in self._looks.items() if look.leased_until is not None]
        for key, look in looks:
            self._looks[key] = replace(look, leased_until=None)
        return len(rows) + len(looks)
