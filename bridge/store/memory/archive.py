"""Webhooks, misfits, the audit log and the marks in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bridge.store.archive import ACCEPTED, MISFIT, Kept, Wanted
from bridge.store.memory.outbox import Outbox
from bridge.store.records import Accepted, Arrival, AuditEntry, Delivery, Quarantined


def _folded(text: str) -> str:
    """ASCII letters small, as SQL's LIKE has it."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


class Archive(Outbox):
    def _webhook(self, one: Arrival) -> Kept:
        gone = one.id in self._emptied
        txn, devices = self._rung[one.id]
        return Kept(
            one.id, one.connector, one.received_at, one.type, one.ignored or ACCEPTED, txn, devices, "",
            None if gone else len(one.body), {} if gone else one.headers, None if gone else one.body,
        )  # fmt: skip

    def _misfit(self, one: Quarantined) -> Kept:
        txn, devices = self._rung[one.id]
        return Kept(
            one.id, one.connector, one.received_at, "", MISFIT, txn, devices, one.problem,
            len(one.body), one.headers, one.body,
        )  # fmt: skip

    def _all_kept(self) -> list[Kept]:
        return [*map(self._webhook, self._webhooks.values()), *map(self._misfit, self._quarantine)]

    async def webhooks(self, want: Wanted) -> list[Kept]:
        found = [one for one in self._all_kept() if _matches(one, want)]
        found.sort(key=lambda one: one.id, reverse=not want.oldest_first)
        return [one if want.bodies else replace(one, body=None) for one in found[: want.limit]]

    async def webhook(self, webhook_id: str) -> Kept | None:
        return next((one for one in self._all_kept() if one.id == webhook_id), None)

    async def caused(self, txn: str, limit: int = 100) -> list[Delivery]:
        found = [row for _, row in sorted(self._deliveries.items()) if txn and row.txn == txn]
        return found[:limit]

    async def readmit(self, misfit_id: str, arrival: Arrival) -> Accepted | None:
        left = [one for one in self._quarantine if one.id != misfit_id]
        if len(left) == len(self._quarantine):
            return None
        self._quarantine = left
        return await self.accept(arrival)

    async def record(self, entry: AuditEntry) -> None:
        self._record([entry])

    async def audit(
        self, *, since: float | None = None, who: str = "", what: str = "", target: str = "", limit: int = 100
    ) -> list[AuditEntry]:
        found = [
            entry
            for _, entry in reversed(self._audit)
            if (since is None or entry.at >= since)
            and who in ("", entry.who)
            and (not what or entry.what == what or _folded(entry.what).startswith(_folded(what) + "."))
            and _folded(target) in _folded(entry.target)
        ]
        return found[:limit]

    async def mark(self, name: str) -> str | None:
        return self._marks.get(name)

    async def put_mark(self, name: str, value: str, *, was: str | None, entries: Sequence[AuditEntry] = ()) -> bool:
        if self._marks.get(name) != was:
            return False
        self._marks[name] = value
        self._record(entries)
        return True


def _matches(one: Kept, want: Wanted) -> bool:
    places = (one.id, one.type, one.txn, one.problem, *one.devices)
    return (
        want.connector in (None, one.connector)
        and (want.since is None or one.received_at >= want.since)
        and want.outcome in (None, one.outcome)
        and (not want.search or any(_folded(want.search) in _folded(place) for place in places))
        and (want.before is None or one.id < want.before)
        and (want.after is None or one.id > want.after)
    )
