"""roster: the configured receivers beside the streams that the store knows, orphaned ones too. Pure, writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bridge.config import Receiver
from bridge.model import Stream
from bridge.pipeline.streams import stream_of
from bridge.store.records import StreamRow
from bridge.value import replace

Standing = Literal["", "disabled", "dry_run", "orphaned", "not_started"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One receiver: as configured, as the store knows it, or both.

    `standing` is "" for a stream that runs, else why it tells nobody anything.
    """

    name: str
    standing: Standing
    receiver: Receiver | None
    row: StreamRow | None
    stream: Stream | None
    """As it runs; None for an orphaned one, of which the store keeps only its identity and health."""


def roster(receivers: Mapping[str, Receiver], rows: Sequence[StreamRow]) -> list[Entry]:
    """First the configured ones in their order, then what is left in the store."""
    entries: list[Entry] = []
    taken: set[str] = set()
    for name, receiver in receivers.items():
        row = next((one for one in rows if (one.name, one.audience) == (name, receiver.audience)), None)
        if row is not None:
            taken.add(row.id)
        entries.append(_configured(name, receiver, row))
    left = (row for row in rows if row.id not in taken)
    return [*entries, *(Entry(row.name, "orphaned", None, row, None) for row in left)]


def _configured(name: str, receiver: Receiver, row: StreamRow | None) -> Entry:
    known = replace(row or StreamRow("", name, receiver.audience, 0.0), enabled=receiver.enabled, orphaned=False)
    return Entry(name, _standing(receiver, row), receiver, row, stream_of(receiver, known))


def _standing(receiver: Receiver, row: StreamRow | None) -> Standing:
    if row is None:
        return "not_started"
    return "disabled" if not receiver.enabled else "dry_run" if receiver.dry_run else ""
