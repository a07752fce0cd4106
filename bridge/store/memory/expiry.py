"""Old rows removed from memory, in the same steps as from a database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bridge.store.expiry import MOST_BYTES, NAMED, Kind, Sizes, Step, TableSize
from bridge.store.memory.archive import Archive
from bridge.store.records import Delivery

Row = tuple[Any, float, bool, int]
"""Its key, its time, whether it may go, and its bytes."""


class Expiry(Archive):
    async def expire(self, kind: Kind, before: float, *, after: str = "", limit: int = 200) -> Step:
        start: Any = after if kind in NAMED else int(after or 0)
        rows = sorted(row for row in self._rows(kind, before) if row[0] > start)[:limit]
        keys: list[Any] = []
        size, last = 0, after
        for key, at, may_go, length in rows:
            if at >= before:
                return Step(self._remove(kind, keys, before), last, True)
            if may_go:
                size += length
                if keys and size > MOST_BYTES:
                    return Step(self._remove(kind, keys, before), last, False)
                keys.append(key)
            last = str(key)
        return Step(self._remove(kind, keys, before), last, len(rows) < limit)

    async def thin(self, keep: int, before: float, *, after: str = "", limit: int = 200) -> Step:
        tails = self._tails()
        subjects = sorted({(one.stream_id, one.subject) for one in self._deliveries.values()})
        start = tuple(json.loads(after)) if after else ("", "")
        looked = [one for one in subjects if one > start][:limit]
        keys: list[int] = []
        last = after
        for subject in looked:
            theirs = sorted(one.id for one in self._deliveries.values() if (one.stream_id, one.subject) == subject)
            beyond = [self._deliveries[id_] for id_ in theirs[: max(0, len(theirs) - keep)]]
            keys += [one.id for one in beyond if _ended(one, before) and one.id not in tails][: limit - len(keys)]
            if len(keys) >= limit:
                return Step(self._remove("deliveries", keys, before), last, False)
            last = json.dumps(subject)
        return Step(self._remove("deliveries", keys, before), last, len(looked) < limit)

    def _tails(self) -> set[int]:
        """The SETs that are the last word about their subject."""
        return {row.tail.id for row in self._ledger.values() if row.tail is not None}

    def _rows(self, kind: Kind, before: float) -> Iterator[Row]:
        if kind == "deliveries":
            tails = self._tails()
            for one in self._deliveries.values():
                yield one.id, one.created_at, _ended(one, before) and one.id not in tails, len(one.text)
        elif kind == "quarantine":
            for misfit in self._quarantine:
                yield self._misfit_numbers[misfit.id], misfit.received_at, True, len(misfit.body)
        elif kind == "audit":
            for number, entry in self._audit:
                yield number, entry.at, True, len(entry.after)
        elif kind == "errands":
            for errand in self._errands.values():
                yield errand.id, errand.asked_at, errand.ended_at is not None and errand.ended_at < before, 0
        else:
            for webhook in self._webhooks.values():
                length = 0 if webhook.id in self._emptied else len(webhook.body)
                yield webhook.id, webhook.received_at, kind == "webhooks" or webhook.id not in self._emptied, length

    def _remove(self, kind: Kind, keys: list[Any], before: float) -> int:
        removers: dict[Kind, Callable[[Any], object]] = {
            "payloads": self._emptied.add, "webhooks": self._drop_line, "errands": self._errands.pop,
        }  # fmt: skip
        if kind == "quarantine":
            self._quarantine = [one for one in self._quarantine if self._misfit_numbers[one.id] not in keys]
        elif kind == "deliveries":
            self._remove_deliveries(keys)
        elif kind == "audit":
            keys = [number for number, entry in self._audit if number in keys and entry.at < int(before)]
            self._audit = [(number, entry) for number, entry in self._audit if number not in keys]
        else:
            for key in keys:
                removers[kind](key)
        return len(keys)

    def _drop_line(self, webhook_id: str) -> None:
        del self._webhooks[webhook_id]
        self._emptied.discard(webhook_id)
        hash_ = self._hashes.pop(webhook_id, None)
        if hash_ is not None:
            self._webhook_ids.pop(hash_, None)

    async def sizes(self, *, thorough: bool = False) -> Sizes:
        received = [one.received_at for one in self._webhooks.values()]
        kept = [one.received_at for one in self._webhooks.values() if one.id not in self._emptied]
        seen = [self._webhooks[one].received_at for one in self._webhook_ids.values() if one in self._webhooks]
        ordered = {
            "webhooks": received,
            "quarantine": [one.received_at for one in self._quarantine],
            "deliveries": [one.created_at for one in self._deliveries.values()],
            "audit": [entry.at for _, entry in self._audit],
            "errands": [one.asked_at for one in self._errands.values()],
        }
        others = {
            "webhook_ids": seen,
            "looks": [one.due_at for one in self._looks.values()],
            "devices": [one.updated_at for one in self._devices.values()],
            "ledger": [one.compared_at for one in self._ledger.values()],
        }
        found = [_size(name, times) for name, times in ordered.items()]
        found += [_size(name, times, thorough) for name, times in others.items()]
        if thorough:
            found.append(_size("payloads", kept))
        return Sizes(tuple(found), 0, 0)


def _ended(one: Delivery, before: float) -> bool:
    return one.state != "pending" and (one.settled_at or one.created_at) < before


def _size(name: str, times: Iterable[float], dated: bool = True) -> TableSize:
    known = list(times)
    return TableSize(name, len(known), min(known, default=None) if dated else None)
