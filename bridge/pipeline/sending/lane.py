"""lane: one stream on its way to its receiver: what is under way, and how well the receiver is."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.delivery.retry import WAIT_MOST, Health
from bridge.model import Stream
from bridge.store.records import Rank, StreamRow
from bridge.value import replace

AT_ONCE = 64
"""Pushes under way to one receiver, at most."""
LEASE = 60.0
"""Seconds that a delivery is held; longer than a push may take."""


@dataclass(slots=True)
class Lane:
    stream: Stream
    row: StreamRow
    health: Health
    reach: Rank = Rank.EVENT
    under_way: int = 0
    successes: int = 0
    failed_at: dict[int, int] = field(default_factory=dict)
    """delivery id → how many successes the lane had counted when it last failed."""

    def goes_on(self, stream: Stream, reach: Rank) -> None:
        """As it is from now on. Where it goes on, or goes elsewhere, what failed before tells nothing."""
        elsewhere = (stream.endpoint_url, stream.authorization_header) != (
            self.stream.endpoint_url, self.stream.authorization_header,
        )  # fmt: skip
        if reach > self.reach or elsewhere:
            self.health = Health()
        self.stream, self.reach = stream, reach

    def room(self, now: float) -> int:
        if self.unwell:
            # A probe further away than any receiver may ask for: the clock was set back.
            wait = 0.0 if self.health.retry_at is None else self.health.retry_at - now
            return 1 if self.under_way == 0 and not 0 < wait <= WAIT_MOST else 0
        return AT_ONCE - self.under_way

    @property
    def unwell(self) -> bool:
        return self.health.failures > 0 or self.health.retry_at is not None

    def delivered_since(self, fault: float | None, now: float) -> bool:
        """Whether a push that began after this fault was delivered. Not each one is noted (`NOTED`), and one that ended
        soon after may have begun before: when in doubt it is False, and who asks tries on."""
        last = self.row.last_delivered_at
        return fault is not None and last is not None and fault + LEASE < last <= now


def with_health(row: StreamRow, health: Health) -> StreamRow:
    """As the store is to know it."""
    return replace(
        row, failures=health.failures, retry_at=health.retry_at, unwell_since=health.unwell_since,
        last_code=health.last_code, last_words=health.last_words,
    )  # fmt: skip


def health_of(row: StreamRow) -> Health:
    """As the store knows it."""
    return Health(row.failures, row.retry_at, row.unwell_since, row.last_code, row.last_words)
