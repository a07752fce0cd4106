"""A person taken out of memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bridge.store.erasure import Erase, Erased, Hindrance, Pair, is_anothers
from bridge.store.memory.expiry import Expiry
from bridge.store.records import Delivery
from bridge.store.subjects import CHOICES_ERASED


class Erasure(Expiry):
    async def subjects(self, *, after: Pair | None = None, limit: int = 20_000) -> list[Pair]:
        known = {*self._ledger, *((row.stream_id, row.subject) for row in self._deliveries.values())}
        return sorted(pair for pair in known if after is None or pair > after)[:limit]

    async def erase(self, what: Erase, now: float) -> Erased:
        sets = [row for row in self._deliveries.values() if (row.stream_id, row.subject) in what.subjects]
        hindrances = tuple(self._hindrances(what, sets, now))
        if hindrances:
            return Erased(hindrances)
        devices = sum(self._devices.pop(key, None) is not None for key in what.devices)
        looks = sum(self._looks.pop(key, None) is not None for key in what.devices)
        ledger = sum(self._ledger.pop(key, None) is not None for key in what.subjects)
        choices = sum(self._choices.pop(key, None) is not None for key in what.choices)
        if choices:
            self._marks[CHOICES_ERASED] = str(int(self._marks.get(CHOICES_ERASED, "0")) + 1)
        self._remove_deliveries(row.id for row in sets)
        for row in sets:
            if self._heads.get((row.stream_id, row.order)) == row.id:
                del self._heads[row.stream_id, row.order]
        for row in sets:
            if (row.stream_id, row.order) not in self._heads:
                self._promote((row.stream_id, row.order))
        return Erased((), devices, looks, ledger, len(sets), choices)

    def _hindrances(self, what: Erase, sets: Sequence[Delivery], now: float) -> Iterator[Hindrance]:
        for key in sorted(what.devices):
            look = self._looks.get(key)
            if look is not None and look.leased_until is not None and look.leased_until > now:
                yield Hindrance("looking", device=key)
            device = self._devices.get(key)
            if device is not None and is_anothers(device, what):
                yield Hindrance("another", device=key)
        for row in sets:
            if row.state == "pending" and row.leased_until is not None:
                yield Hindrance("sending", row.stream_id, row.id)
            elif row.state == "pending" and not what.abandon:
                yield Hindrance("pending", row.stream_id, row.id)
        for stream_id, subject in sorted(what.subjects):
            held = self._ledger.get((stream_id, subject))
            told = held is not None and held.told == "not-compliant"
            if told and not what.abandon and stream_id not in what.undone:
                yield Hindrance("told", stream_id)

    async def empty(self, webhook_ids: Sequence[str]) -> int:
        wanted = set(webhook_ids)
        payloads = {one for one in wanted if one in self._webhooks and one not in self._emptied}
        left = [one for one in self._quarantine if one.id not in wanted]
        misfits = len(self._quarantine) - len(left)
        self._emptied |= payloads
        self._quarantine = left
        return len(payloads) + misfits
