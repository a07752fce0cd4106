"""Inbox and looks in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.errors import StoreProblem
from bridge.store.look_rules import finished, rung
from bridge.store.memory.base import Tables
from bridge.store.records import Accepted, Arrival, LeasedLook, Look, LookDone, Quarantined, Ring
from bridge.value import replace


def free(leased_until: float | None, now: float) -> bool:
    return leased_until is None or leased_until <= now


class Inbox(Tables):
    async def accept(self, arrival: Arrival) -> Accepted:
        first = self._webhook_ids.get(arrival.delivery_hash) if arrival.delivery_hash is not None else None
        if first is not None:
            return Accepted(first, duplicate=True)
        if arrival.id in self._webhooks:
            raise StoreProblem("the store has a webhook of this id")
        self._webhooks[arrival.id] = arrival
        self._note_rung(arrival.id, arrival.rings)
        if arrival.delivery_hash is not None:
            self._webhook_ids[arrival.delivery_hash] = arrival.id
            self._hashes[arrival.id] = arrival.delivery_hash
        self._ring(arrival.rings)
        return Accepted(arrival.id, duplicate=False)

    async def quarantine(self, misfit: Quarantined, rings: Sequence[Ring], keep: int = 1000) -> None:
        if any(misfit.id == kept.id for kept in self._quarantine):
            raise StoreProblem("the store has a misfit of this id")
        self._quarantine.append(misfit)
        self._misfit_numbers[misfit.id] = next(self._sequence)
        self._note_rung(misfit.id, rings)
        del self._quarantine[: max(0, len(self._quarantine) - keep)]
        self._ring(rings)

    async def ring(self, rings: Sequence[Ring]) -> None:
        self._ring(rings)

    def _ring(self, rings: Sequence[Ring]) -> None:
        for ring in rings:
            key = (ring.connector, ring.device_id)
            self._looks[key] = rung(self._looks.get(key), ring)

    def _finish(self, done: LookDone) -> None:
        key = (done.connector, done.device_id)
        look = self._looks.pop(key, None)
        after = finished(look, done) if look is not None else None
        if after is not None:
            self._looks[key] = after

    async def lease_looks(self, connector: str, limit: int, now: float, until: float) -> list[LeasedLook]:
        due = [
            look
            for look in self._looks.values()
            if look.connector == connector and look.due_at <= now and free(look.leased_until, now)
        ]
        due.sort(key=lambda look: (look.urgency, look.due_at, look.device_id))
        leased = []
        for look in due[: max(limit, 0)]:
            key = (look.connector, look.device_id)
            self._looks[key] = replace(look, leased_until=until)
            leased.append(LeasedLook(self._looks[key], self._devices.get(key)))
        return leased

    async def due_looks(self, connector: str, now: float) -> Mapping[str, int]:
        return {
            look.device_id: look.generation
            for look in self._looks.values()
            if look.connector == connector and look.due_at <= now and free(look.leased_until, now)
        }

    async def looks_by(self, txn: str, now: float) -> list[Look]:
        found = (look for _, look in sorted(self._looks.items()) if look.txn == txn)
        return [look for look in found if look.due_at <= now or look.last_error.startswith("look_")]

    async def next_look_at(self, connector: str) -> float | None:
        now = self._clock.now()
        unheld = (k for k in self._looks.values() if k.connector == connector and free(k.leased_until, now))
        return min((look.due_at for look in unheld), default=None)

    async def look(self, connector: str, device_id: str) -> Look | None:
        return self._looks.get((connector, device_id))
