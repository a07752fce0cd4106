"""tally: what one errand came to, counted: what it found, what was told of it, what is held."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.clock import Clock
from bridge.store.protocol import Told
from bridge.store.records import Delivery

PAGE = 500
NOTED = 100
"""Devices that a report names, at most."""


class Counts:
    """Whole numbers by name; `last` is the name that was added last."""

    def __init__(self, counts: Mapping[str, int] | None = None) -> None:
        self._counts: dict[str, int] = dict(counts or {})
        self._noted: list[dict[str, str]] = []
        self.last = ""

    def __getitem__(self, name: str) -> int:
        return self._counts.get(name, 0)

    def add(self, name: str, n: int = 1) -> None:
        self._counts[name] = self[name] + n
        self.last = name

    def set(self, name: str, n: int) -> None:
        self._counts[name] = n

    def note(self, what: str, connector: str, device_id: str) -> None:
        if len(self._noted) < NOTED:
            self._noted.append({"what": what, "connector": connector, "device": device_id})

    def all(self) -> dict[str, int]:
        return dict(self._counts)

    def noted(self) -> list[dict[str, str]]:
        return list(self._noted)

    def report(self) -> dict[str, int]:
        """In the words of a report: `looked_at` are those that a list showed well, or as somebody else's; of those that
        failed before `recovered` have, and `still_true` have not. In a dry run nobody is asked: the list is taken at
        its word."""
        return {
            "listed": self["listed"],
            "first_seen": self["first"],
            "unchanged": self["same"] + self["detail"],
            "drifted": self["drifted"],
            "failed": self["failed"],
            "looked_at": self["doubtful"],
            "recovered": self["recovered"],
            "still_true": self["still_true"],
            "baseline": self["baseline"],
            "pending": self["pending"],
            "missing": self["missing"],
            "faults": self["faults"],
            "unanswered": self["unanswered"],
        }


async def told_by(
    store: Told, txn: str, connector: str | None, since: float, within: float, clock: Clock
) -> dict[str, int]:
    """How many SETs the cause `txn` led to, how many of them receivers took within so many seconds, and how many people
    the guard has kept back since."""
    until = clock.monotonic() + within
    while True:
        sets = await _sets(store, txn, since)
        if not any(one.state == "pending" for one in sets) or clock.monotonic() >= until:
            break
        await clock.sleep(0.2)
    return {
        "told": len(sets),
        "delivered": sum(one.state == "delivered" for one in sets),
        "held_by_guard": await _held(store, connector, since),
    }


async def _sets(store: Told, txn: str, since: float) -> list[Delivery]:
    found: list[Delivery] = []
    before: int | None = None
    while rows := await store.deliveries(before=before, limit=PAGE):
        found += [row for row in rows if row.txn == txn and row.state != "superseded"]
        before = rows[-1].id
        if rows[-1].created_at < since:
            break
    return found


async def _held(store: Told, connector: str | None, since: float) -> int:
    people: set[str] = set()
    after: tuple[str, str] | None = None
    while rows := await store.held(connector, why="guard", after=after, limit=PAGE):
        people |= {row.login for row in rows if row.held is not None and row.held.at >= since}
        after = (rows[-1].stream_id, rows[-1].subject)
    return len(people)
