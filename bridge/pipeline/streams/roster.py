"""roster: the configured receivers beside the streams that the store knows, made by receivers or orphaned. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bridge.config import Receiver
from bridge.model import Stream
from bridge.pipeline.streams.keeper import Made, nothing
from bridge.pipeline.streams.plan import stream_of
from bridge.store.records import StreamRow
from bridge.value import replace

Standing = Literal["", "disabled", "dry_run", "orphaned", "not_started"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One stream: its receiver as configured, what the store knows, or both. One that a receiver made has no `receiver`
    here; it is orphaned where its client is no longer configured.

    `standing` is "" for a stream that runs, else why it tells nobody anything.
    """

    name: str
    standing: Standing
    receiver: Receiver | None
    row: StreamRow | None
    stream: Stream | None
    """As it runs; None for an orphaned one, of which the store keeps only its identity and health."""

    @property
    def unverified(self) -> bool:
        """Events wait until a verification event is accepted."""
        return self.stream is not None and not self.stream.verified


def roster(receivers: Mapping[str, Receiver], rows: Sequence[StreamRow], made: Made = nothing) -> list[Entry]:
    """First the configured ones in their order, then those that receivers made, the oldest first, then what is left in
    the store. One that its receiver deleted is none any more."""
    entries: list[Entry] = []
    taken: set[str] = set()
    for name, receiver in receivers.items():
        row = next((one for one in rows if (one.name, one.audience) == (name, receiver.audience)), None)
        if row is not None:
            taken.add(row.id)
        entries.append(_configured(name, receiver, row))
    by_api = [_by_api(row, made(row)) for row in rows if row.subscription and row.subscription.deleted_at is None]
    left = (row for row in rows if row.id not in taken and row.subscription is None)
    return [*entries, *by_api, *(Entry(row.name, "orphaned", None, row, None) for row in left)]


def _by_api(row: StreamRow, stream: Stream | None) -> Entry:
    standing: Standing = "orphaned" if stream is None else "" if stream.enabled else "disabled"
    return Entry(row.name, standing, None, row, stream)


def _configured(name: str, receiver: Receiver, row: StreamRow | None) -> Entry:
    known = replace(row or StreamRow("", name, receiver.audience, 0.0), enabled=receiver.enabled, orphaned=False)
    return Entry(name, _standing(receiver, row), receiver, row, stream_of(receiver, known))


def _standing(receiver: Receiver, row: StreamRow | None) -> Standing:
    if row is None:
        return "not_started"
    return "disabled" if not receiver.enabled else "dry_run" if receiver.dry_run else ""
