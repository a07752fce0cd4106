"""What a stream was told before, and what came of a try to deliver."""

from __future__ import annotations

from typing import Literal

from bridge.model.vendor import Status
from bridge.value import value

DeliveryState = Literal["pending", "delivered", "dead", "superseded", "dry_run"]
"""dry_run: what would have been sent; `text` are its claims, unsigned. It is never sent."""


@value
class Tail:
    """The newest delivery that its ledger row names.

    `unsent` is true while the receiver certainly has not got it and nobody is sending it: it may be superseded.
    """

    id: int
    state: DeliveryState
    status: Status
    previous: Status
    unsent: bool


HeldWhy = Literal["guard", "released", "discarded"]


@value
class Held:
    """A difference that is not told: `status` is so, and `connector`'s guard kept it back at `at`.

    released: an operator let it go, and a good look must confirm it · discarded: not told until the device changes.
    """

    status: Status
    why: HeldWhy
    connector: str
    at: float


@value
class LedgerRow:
    """What one stream was last told about one wire subject.

    `told` is the status of the newest SET that was neither superseded nor died; None: it was told nothing yet.
    `event_at` is the greatest `event_timestamp` (integer seconds) it was told. `given_up` is a status whose
    SET died or was dropped: it is not minted again until the status changes or an operator asks.
    """

    stream_id: str
    subject: str
    login: str = ""
    connector: str = ""
    device_id: str = ""
    """The parts of the subject; connector and device id are "" where the subject is the person alone."""
    told: Status | None = None
    event_at: int = 0
    given_up: Status | None = None
    tail: Tail | None = None
    reason: str = ""
    """Why nothing followed the last comparison, or "told"."""
    compared_at: float = 0.0
    version: int = 0
    held: Held | None = None
    named: str = ""
    """`connector/device id` of the device that the last SET named, whoever's it is now; a rename takes it along."""

    @property
    def named_device(self) -> tuple[str, str]:
        connector, _, device_id = self.named.partition("/")
        return connector, device_id


OutcomeKind = Literal["delivered", "stream", "row"]
"""stream: the receiver as a whole is unwell or refuses us · row: it refuses this one SET."""


@value
class Outcome:
    """What one push came to. `words` are the receiver's own, cut to 500 characters.

    `received` is False only when the receiver certainly did not take the SET (no connection, or an HTTP refusal).
    `retry_after` is in seconds from now.
    """

    kind: OutcomeKind
    code: str
    """`202`, `409`, `timeout`, `tls`, `dns`, `connect`, `reset`, `503`, `invalid_request` …"""
    words: str = ""
    retry_after: float | None = None
    received: bool = False
    took: float = 0.0
