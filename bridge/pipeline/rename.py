"""rename: what a stream was told about a person's old login holds for the new one (design §2.2). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bridge.model import Device, LedgerRow, Stream
from bridge.pipeline.draft import Draft, keys_of
from bridge.ssf.subject import wire_subject
from bridge.store.records import LedgerMove, Scene
from bridge.value import replace, value

RENAMED: Final = "renamed"
"""Why an unsent SET under an old login is taken back."""


@value
class Found:
    """What a stream was told about a subject, as the decision finds it."""

    row: LedgerRow
    supersede: int | None = None
    """An unsent SET under a name that is no longer so: it goes with the move."""
    moved: bool = False


def found_rows(
    draft: Draft, scene: Scene, stream: Stream, people: Mapping[str, tuple[Device, ...]]
) -> tuple[dict[str, Found], list[LedgerMove]]:
    """The ledger rows of this stream by subject, a rename's rows moved to the new login where that is free."""
    told = {key: scene.ledger.get((stream.id, key)) for key in keys_of(draft, stream)}
    rows = {key: Found(row) for key, row in told.items() if row is not None}
    moves: list[LedgerMove] = []
    login = draft.device.login
    if login is None:
        return rows, moves
    for former, device in ((former, device) for former in draft.renamed_from for device in draft.earlier):
        old = wire_subject(stream, former, device.connector, device.device_id)
        new = wire_subject(stream, login, device.connector, device.device_id)
        left = old.device_id is None and people[former]
        if old.key not in rows or new.key in rows or left:
            continue
        row = rows.pop(old.key).row
        rows[new.key] = _under(row, new.key, login)
        moves.append(LedgerMove(stream.id, old.key, row.version))
    return rows, moves


def _under(row: LedgerRow, subject: str, login: str) -> Found:
    tail = row.tail
    told, supersede = row.told, None
    if tail is not None and tail.state == "pending" and tail.unsent:
        told, supersede = tail.previous, tail.id
    # What died named the old login, and may have died of it.
    fresh = replace(row, subject=subject, login=login, told=told, given_up=None, tail=None, version=0)
    return Found(fresh, supersede, moved=True)
