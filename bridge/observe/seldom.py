"""seldom: what anybody may cause as often as they like is written to the log once a minute, with how often it was."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from bridge.clock import Clock

EVERY: Final = 60.0
"""Seconds between two lines about the same."""
MOST: Final = 1000


class Seldom:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: dict[Hashable, tuple[float, int]] = {}

    def __call__(self, what: Hashable) -> int:
        """How often it was so since it was last said, this time included; 0: it is not to be said now."""
        now = self._clock.monotonic()
        at, count = self._said.get(what, (float("-inf"), 0))
        if now - at < EVERY:
            self._said[what] = at, count + 1
            return 0
        if len(self._said) >= MOST:
            self._said.clear()
        self._said[what] = now, 0
        return count + 1
