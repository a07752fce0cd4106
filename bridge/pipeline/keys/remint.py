"""remint: SETs that cannot go out as they were signed are minted anew (design §2.4).

A SET whose key is published no more can be verified by nobody, so it is never sent; another one says the same in its
place: same `txn`, same event and `event_timestamp`, a new `jti`. So it is also where the receiver may have the SET:
if it took it, it hears the same status twice, which changes nothing there. A SET that a receiver may have and whose key
is still published goes out with the bytes that it had, so that a repeat is known by its `jti`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import structlog

from bridge.clock import Clock
from bridge.model import Stream
from bridge.pipeline.mint import Minter
from bridge.ssf.anew import Unreadable, anew, claims_of, is_stale
from bridge.ssf.keys import KeyRing
from bridge.store.protocol import Outbox
from bridge.store.records import Delivery, Settlement
from bridge.store.undelivered import Renewal, Undelivered

_log = structlog.get_logger("bridge.remint")

BATCH = 128
WITHHELD = 30.0
"""Seconds until a SET under a key that is gone is looked at again, if nobody minted it anew meanwhile."""

Outcomes = Counter[str]
"""How many by what became of them: "" is minted anew; else as `Undelivered.renew` says, or `unreadable`."""


class Kept(Outbox, Undelivered, Protocol):
    """What is read and written here."""


class Remint:
    """`streams` are those known now by their id: of one that is gone a SET keeps its form."""

    def __init__(self, store: Kept, minter: Minter, streams: Callable[[], Mapping[str, Stream]], clock: Clock) -> None:
        self._store = store
        self._minter = minter
        self._streams = streams
        self._clock = clock

    async def stranded(self, kids: Collection[str], tell: Callable[[int], None] = lambda done: None) -> Outcomes:
        """Every undelivered SET that names none of these keys, oldest first; `tell` hears how many were looked at."""
        return await self.some(await self._store.stranded(kids), kids, tell)

    async def some(
        self, ids: Sequence[int], kids: Collection[str], tell: Callable[[int], None] = lambda done: None
    ) -> Outcomes:
        """Those of these deliveries that name none of these keys."""
        outcomes: Outcomes = Counter()
        for start in range(0, len(ids), BATCH):
            batch = ids[start : start + BATCH]
            found = await asyncio.gather(*(self._store.delivery(id_) for id_ in batch))
            outcomes.update(await self.these([row for row in found if row is not None and row.kid not in kids]))
            tell(len(batch))
        return outcomes

    async def these(self, rows: Sequence[Delivery]) -> list[str]:
        """Each of these, whatever key it names."""
        streams = self._streams()
        said = {row.id: _said(row, streams.get(row.stream_id)) for row in rows}
        fit = [row for row in rows if said[row.id] is not None]
        signed = await self._minter.again([one for row in fit if (one := said[row.id]) is not None])
        now = self._clock.now()
        renewals = [Renewal(row.id, row.jti, one, now) for row, one in zip(fit, signed, strict=True)]
        answers = dict(zip((row.id for row in fit), await self._store.renew(renewals), strict=True))
        return [answers.get(row.id, "unreadable") for row in rows]

    def is_due(self, row: Delivery, ring: KeyRing) -> bool:
        """Whether key, issuer, audience, profile or shape have changed since `row` was signed.

        Another key alone does not count for a SET that its receiver may have, while the old one is published: the
        receiver would take a new `jti` for another event.
        """
        stream = self._streams().get(row.stream_id)
        try:
            stale = stream is not None and is_stale(claims_of(row.text), stream, row.txn, issuer=self._minter.issuer)
        except Unreadable:
            return False
        return stale or row.kid not in ring.kids or (row.kid != ring.active.kid and not row.maybe_received)


def _said(row: Delivery, stream: Stream | None) -> tuple[Mapping[str, Any], Stream | None, str] | None:
    try:
        said = claims_of(row.text)
        anew(said, stream, row.txn, issuer="", jti="", iat=0)
    except Unreadable:
        _log.error("set.unreadable", delivery=row.id)
        return None
    return said, stream, row.txn


def withheld(delivery: Delivery, now: float) -> Settlement:
    """Given back as it was, not tried: it waits to be minted anew, and is due at once then."""
    return Settlement(
        id=delivery.id, state="pending", at=now, code="key_withdrawn", next_at=now + WITHHELD,
        attempts=delivery.attempts, faults=delivery.faults, faulted_at=delivery.faulted_at,
        maybe_received=delivery.maybe_received,
    )  # fmt: skip
