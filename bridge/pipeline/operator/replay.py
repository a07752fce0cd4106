"""replay: a stored webhook is read again by its connector as it is configured now, and rings again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from bridge.clock import Clock
from bridge.errors import Misfit
from bridge.model import Parsed, VerifiedWebhook, Webhook
from bridge.pipeline.intake import arrival_of
from bridge.pipeline.ports import Source
from bridge.store.archive import MISFIT, Archive, Kept
from bridge.store.protocol import Looks
from bridge.store.records import STATED, Arrival

Outcome = Literal["rung", "ignored", "no_payload", "no_connector", "misfit", "duplicate", "not_found"]
"""rung: it rang for its devices · ignored: it is understood, and there is nothing to do · no_payload: retention deleted
it · no_connector: its connector is not configured any more · misfit: it still does not fit · duplicate: the vendor sent
it again meanwhile, and that one was taken · not_found: it is gone."""


@dataclass(frozen=True, slots=True)
class Replayed:
    id: str
    outcome: Outcome
    detail: str = ""
    """Why it is ignored, or what does not fit."""
    devices: tuple[str, ...] = ()


class Ringing(Archive, Looks, Protocol):
    """What a replay reads and rings at."""


async def replay(
    store: Ringing, sources: Mapping[str, Source], kept: Kept, clock: Clock, statements: int = STATED
) -> Replayed:
    """Not verified again: only what was verified is ever kept, and a signature that ages would not hold.

    A misfit that is understood now leaves the quarantine. What it states has the time that it stated, or that of its
    receipt; the looks that it rings for are due now, so that the vendor is asked how the device is, not how it was.
    """
    source = sources.get(kept.connector)
    if source is None:
        return Replayed(kept.id, "no_connector")
    if kept.body is None:
        return Replayed(kept.id, "no_payload")
    webhook = VerifiedWebhook(Webhook(kept.connector, "POST", kept.headers, kept.body, kept.received_at))
    try:
        parsed = source.parse(webhook)
    except Misfit as misfit:
        return Replayed(kept.id, "misfit", str(misfit))
    arrival = arrival_of(kept.id, webhook, parsed, kept.headers, statements)
    return await _taken(store, kept, _due(arrival, clock.now()), parsed)


async def _taken(store: Ringing, kept: Kept, arrival: Arrival, parsed: Parsed) -> Replayed:
    if kept.outcome == MISFIT:
        accepted = await store.readmit(kept.id, arrival)
        if accepted is None or accepted.duplicate:
            return Replayed(kept.id, "duplicate" if accepted else "not_found")
    else:
        await store.ring(arrival.rings)
    if parsed.ignored:
        return Replayed(kept.id, "ignored", parsed.ignored)
    return Replayed(kept.id, "rung", devices=tuple(ring.device_id for ring in arrival.rings))


def _due(arrival: Arrival, now: float) -> Arrival:
    """Patience with a vendor's API counts from now; what was stated keeps its own time."""
    return replace(arrival, rings=tuple(replace(ring, due_at=now, received_at=now) for ring in arrival.rings))
