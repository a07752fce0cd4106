"""plan: the configured receivers against the streams that the store knows (design §2.2). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.clock import Ids
from bridge.config import Receiver
from bridge.model import DEVICE_COMPLIANCE_CHANGE, Stream
from bridge.store.records import StreamRow
from bridge.value import replace


@dataclass(frozen=True, slots=True)
class Plan:
    """What a start makes of the configuration.

    `carried` are the streams to run. `put` are the rows to write. `silenced` are streams whose pending SETs are taken
    back, with the reason: all that tell nobody, for the start before this one may have died halfway. `resumed` are
    streams that were disabled and are told now what differs from their ledger; their rows say enabled only after that.
    """

    carried: tuple[tuple[Stream, StreamRow], ...]
    put: tuple[StreamRow, ...]
    silenced: tuple[tuple[str, str], ...]
    resumed: tuple[Stream, ...]
    orphaned: tuple[StreamRow, ...]
    rehearsed: tuple[Stream, ...]
    """Dry runs: each a shadow of a stream, with a ledger of its own."""
    ended: tuple[str, ...]
    """Ids of dry runs that are over: what they kept is forgotten."""


def reconcile(
    receivers: Mapping[str, Receiver],
    rows: Sequence[StreamRow],
    ids: Ids,
    now: float,
    tried: frozenset[str] = frozenset(),
) -> Plan:
    """A stream is kept by name. A changed audience is another stream; one whose receiver is gone is orphaned.

    A receiver in dry run is as good as disabled: nothing is sent and its ledger does not move; its shadow keeps what
    it would have been told. `tried` are the connectors in dry run: what they alone would lead to goes to shadows.
    """
    carried: list[tuple[Stream, StreamRow]] = []
    put: list[StreamRow] = []
    silenced: list[tuple[str, str]] = []
    resumed: list[Stream] = []
    rehearsed: list[Stream] = []
    taken: set[str] = set()
    for name, receiver in receivers.items():
        known = next((row for row in rows if (row.name, row.audience) == (name, receiver.audience)), None)
        sends = receiver.enabled and not receiver.dry_run
        resuming = known is not None and sends and (known.orphaned or not known.enabled)
        row = replace(
            known or StreamRow(ids.token(), name, receiver.audience, now, client=receiver.client or ""),
            enabled=sends and not resuming,
            orphaned=False,
        )
        taken.add(row.id)
        stream = stream_of(receiver, row)
        carried.append((stream, row))
        shadow = _shadow(stream, receiver, tried)
        if shadow is not None:
            rehearsed.append(shadow)
        if row != known:
            put.append(row)
        if known is not None and not sends:
            silenced.append((row.id, "stream_disabled"))
        if resuming:
            resumed.append(stream)
    left = [row for row in rows if row.id not in taken and row.subscription is None]
    for row in left:
        if not row.orphaned:
            put.append(replace(row, orphaned=True, enabled=False))
        silenced.append((row.id, "stream_orphaned"))
    orphaned = tuple(replace(row, orphaned=True, enabled=False) for row in left)
    shadows = {stream.id for stream in rehearsed}
    ended = tuple(id_ for row in rows if (id_ := shadow_id(row.id)) not in shadows)
    return Plan(tuple(carried), tuple(put), tuple(silenced), tuple(resumed), orphaned, tuple(rehearsed), ended)


def shadow_id(stream_id: str) -> str:
    """The id of a stream's dry run."""
    return f"{stream_id}~dry_run"


def is_shadow(stream_id: str) -> bool:
    """Whether it is the id of a dry run."""
    return stream_id.endswith("~dry_run")


def _shadow(stream: Stream, receiver: Receiver, tried: frozenset[str]) -> Stream | None:
    if not receiver.enabled:
        return None
    heard = stream.connectors
    if not receiver.dry_run:
        heard = tried if heard is None else heard & tried
        if not heard:
            return None
    return replace(stream, id=shadow_id(stream.id), enabled=True, paused=False, rehearsal=True, connectors=heard)


def stream_of(receiver: Receiver, row: StreamRow) -> Stream:
    """The stream as it runs: identity from the store, all else from the configuration."""
    return Stream(
        id=row.id,
        name=row.name,
        audience=row.audience,
        profile=receiver.profile,
        endpoint_url=str(receiver.endpoint_url or ""),
        authorization_header=receiver.authorization_header,
        subject=receiver.subject,
        aggregate=receiver.aggregate,
        events=frozenset(receiver.events) if receiver.events is not None else frozenset({DEVICE_COMPLIANCE_CHANGE}),
        connectors=frozenset(receiver.connectors) if receiver.connectors is not None else None,
        domains=frozenset(receiver.domains) if receiver.domains is not None else None,
        enabled=receiver.enabled and not receiver.dry_run,
        orphaned=row.orphaned,
        paused=bool(row.paused),
        send_sub_id=receiver.send_sub_id,
        send_txn=receiver.send_txn,
        shape=receiver.shape,
        way=receiver.delivery,
        client=receiver.client or "",
    )
