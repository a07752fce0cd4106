"""guesses: how often a wrong secret or static token may be tried, so that nobody finds one by trying.

Counted by whose it should be and by where it comes from: whoever guesses locks out themselves, and a right secret from
elsewhere is taken as ever. What comes from nobody knows where (`bridge.web.source`) is not limited.
"""

from __future__ import annotations

import hashlib
import math
from typing import Final

from bridge.clock import Clock
from bridge.errors import TooMany

MOST: Final = 10
"""Wrong ones at once."""
EVERY: Final = 30.0
"""Seconds until one more may be tried."""
KEPT: Final = 10_000
"""Pairs of client and source that are remembered; of more the one that was wrong longest ago is forgotten."""
STATIC: Final = ""
"""Stands for the client of a static token, which names none."""
GUESSABLE: Final = 32
"""Characters of a static token below which it might be found by trying (RFC 6749 §10.10)."""

Key = tuple[str, str]


class Guesses:
    """In memory; a restart forgets what was tried. Clients that do not exist are counted in the same way and apart:
    no answer tells that, and they displace nobody."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[Key, tuple[float, float]] = {}
        """How many wrong ones count, and when that was so; the last one was wrong last."""
        self._unknown: dict[Key, tuple[float, float]] = {}

    def check(self, client: str, source: str, *, known: bool = True) -> None:
        """Before anything is compared. Raises TooMany."""
        if not source:
            return
        used = self._used(self._table(known).get(_key(client, source)))
        if used > MOST - 1:
            wait = math.ceil((used - (MOST - 1)) * EVERY)
            raise TooMany("too many wrong secrets or tokens came from this address; try again later", wait)

    def wrong(self, client: str, source: str, *, known: bool = True) -> bool:
        """One more. Whether it is the one with which the limit is reached."""
        if not source:
            return False
        table, key = self._table(known), _key(client, source)
        used = self._used(table.pop(key, None)) + 1
        if len(table) >= KEPT:
            del table[next(iter(table))]
        table[key] = used, self._clock.monotonic()
        return used > MOST - 1

    def _table(self, known: bool) -> dict[Key, tuple[float, float]]:
        return self._known if known else self._unknown

    def _used(self, counted: tuple[float, float] | None) -> float:
        if counted is None:
            return 0.0
        used, at = counted
        return max(0.0, used - (self._clock.monotonic() - at) / EVERY)


def _key(client: str, source: str) -> Key:
    """Short, whatever somebody calls themselves."""
    return hashlib.sha256(client.encode("utf-8", "surrogatepass")).hexdigest()[:32], source
