"""The tables of the memory store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count

from bridge.clock import Clock
from bridge.key import KeyRow
from bridge.model import Device, LedgerRow
from bridge.store.errands import ConnectorRow, Errand
from bridge.store.ledger_rules import tail_of
from bridge.store.notices import Notice
from bridge.store.oauth import OAuthClient
from bridge.store.records import Arrival, AuditEntry, Delivery, Look, Quarantined, Ring, StreamRow
from bridge.store.subjects import Choice
from bridge.value import replace

Pair = tuple[str, str]


class Tables:
    """Dicts of frozen values. No method of the store awaits between its first read and its last write."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._webhooks: dict[str, Arrival] = {}
        self._webhook_ids: dict[str, str] = {}
        self._quarantine: list[Quarantined] = []
        self._looks: dict[Pair, Look] = {}
        self._devices: dict[Pair, Device] = {}
        self._ledger: dict[Pair, LedgerRow] = {}
        """Their `tail` is only a name here; `_seen` fills in how the delivery stands."""
        self._deliveries: dict[int, Delivery] = {}
        self._heads: dict[Pair, int] = {}
        self._streams: dict[str, StreamRow] = {}
        self._keys: dict[str, KeyRow] = {}
        self._audit: list[tuple[int, AuditEntry]] = []
        self._marks: dict[str, str] = {}
        self._rung: dict[str, tuple[str, tuple[str, ...]]] = {}
        """webhook or misfit id → the cause, and the devices that it rang for."""
        self._emptied: set[str] = set()
        """Webhooks whose payload is deleted."""
        self._hashes: dict[str, str] = {}
        """webhook id → the hash of its delivery id."""
        self._last_id = 0
        """The greatest id of a delivery that was removed."""
        self._sequence = count(1)
        """Of audit entries and misfits."""
        self._misfit_numbers: dict[str, int] = {}
        self._errands: dict[str, Errand] = {}
        self._connectors: dict[str, ConnectorRow] = {}
        self._notices: dict[Pair, Notice] = {}
        self._oauth_clients: dict[str, OAuthClient] = {}
        self._assertions: dict[Pair, float] = {}
        """(client, jti) → when it may be forgotten."""
        self._choices: dict[Pair, Choice] = {}

    def _record(self, entries: Iterable[AuditEntry]) -> None:
        self._audit.extend((next(self._sequence), entry) for entry in entries)

    def _note_rung(self, webhook_id: str, rings: Sequence[Ring]) -> None:
        self._rung[webhook_id] = (rings[0].txn if rings else "", tuple(ring.device_id for ring in rings))

    def _remove_deliveries(self, ids: Iterable[int]) -> None:
        self._last_id = max(self._last_id, *self._deliveries) if self._deliveries else self._last_id
        for id_ in ids:
            del self._deliveries[id_]

    def _choices_of(self, stream_id: str) -> list[Choice]:
        return [choice for (of_stream, _), choice in self._choices.items() if of_stream == stream_id]

    def _seen(self, row: LedgerRow) -> LedgerRow:
        return row if row.tail is None else replace(row, tail=tail_of(self._deliveries[row.tail.id]))
