"""guard: how many people may lose access at once (`[guard]`). Pure over counters.

A vendor's fault, a changed criterion or a stolen secret shows as many people who lose access within minutes. More than
the limits allow are held back until somebody decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["loses", "regains"]
COUNTS_FROM = 20
"""Devices of a fleet from which the percentage counts; below, one person is already too many percent."""


@dataclass(frozen=True, slots=True)
class Limits:
    """More distinct people than `max_users`, or than `max_percent` of the fleet's devices, within `window` seconds."""

    max_users: int = 25
    max_percent: float = 5.0
    window: float = 600.0

    def exceeded(self, people: int, fleet: int) -> bool:
        if people > self.max_users:
            return True
        return self._percentage_counts(fleet) and people * 100 > self.max_percent * fleet

    def allowed(self, fleet: int) -> int:
        """How many people may within one window."""
        share = int(self.max_percent * fleet / 100)
        return min(self.max_users, share) if self._percentage_counts(fleet) else self.max_users

    def _percentage_counts(self, fleet: int) -> bool:
        """All of a fleet is no limit, though somebody may be told of a device that is not counted yet."""
        return fleet >= COUNTS_FROM and self.max_percent < 100


@dataclass(slots=True)
class Tally:
    """Who lost or regained access through each connector lately. `client` is the client of the API whose stream was
    told, "" for the admin's: what one client's streams are told again and again is nobody else's alarm."""

    window: float
    _people: dict[tuple[str, Direction, str], dict[str, float]] = field(default_factory=dict)

    def count(self, connector: str, direction: Direction, now: float, client: str = "") -> int:
        people = self._people.get((connector, direction, client))
        if not people:
            return 0
        self._not_ahead(people, now)
        while people:
            login, at = next(iter(people.items()))
            if now - self.window < at:
                break
            del people[login]
        return len(people)

    def _not_ahead(self, people: dict[str, float], now: float) -> None:
        """The clock was set back: what lies ahead counts as of now, so that a step of the clock lets nobody through,
        and holds nobody for longer than one window. The newest stands last."""
        if next(reversed(people.values())) > now:
            for login, at in people.items():
                people[login] = min(at, now)

    def has(self, connector: str, direction: Direction, logins: Iterable[str], client: str = "") -> bool:
        people = self._people.get((connector, direction, client), {})
        return all(login in people for login in logins)

    def add(self, connector: str, direction: Direction, login: str, at: float, client: str = "") -> None:
        """The newest time counts."""
        people = self._people.setdefault((connector, direction, client), {})
        people.pop(login, None)
        people[login] = at
