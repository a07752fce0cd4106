"""undone: which blocks were taken back so soon that they were false alarms, or next to it."""

from __future__ import annotations

from typing import Final

from bridge.model import Status

WITHIN: Final = 600.0
"""Seconds after which a recovery says nothing about the block."""
MOST: Final = 50_000
"""Blocks that are remembered at most; the oldest go first. A mass lock-out is not counted to the last one."""


class Undone:
    """What was delivered lately, in this process: a pair that spans a restart is not seen."""

    def __init__(self, within: float = WITHIN, most: int = MOST) -> None:
        self._within = within
        self._most = most
        self._blocks: dict[tuple[str, str], float] = {}
        """(stream, wire subject) → when it was told to be not compliant; the oldest first."""

    def delivered(self, stream_id: str, subject: str, status: Status, now: float) -> bool:
        """Note a SET that reached its receiver; True if it takes back a block of the last ten minutes."""
        blocked_at = self._blocks.pop((stream_id, subject), None)
        if status == "not-compliant":
            self._blocks[stream_id, subject] = now
            self._forget(now)
        return status == "compliant" and blocked_at is not None and 0 <= now - blocked_at <= self._within

    def _forget(self, now: float) -> None:
        """At most two for each one that is added: the work stays the same however many there are."""
        for _ in range(2):
            key = next(iter(self._blocks))
            if len(self._blocks) <= self._most and now - self._blocks[key] <= self._within:
                return
            del self._blocks[key]
