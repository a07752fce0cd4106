"""The tables of the memory store."""

from __future__ import annotations

from dataclasses import replace

from bridge.clock import Clock
from bridge.key import KeyRow
from bridge.model import Device, LedgerRow
from bridge.store.errands import ConnectorRow, Errand
from bridge.store.ledger_rules import tail_of
from bridge.store.notices import Notice
from bridge.store.records import Arrival, AuditEntry, Delivery, Look, Quarantined, StreamRow

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
        self._last_id = 0
        self._heads: dict[Pair, int] = {}
        self._streams: dict[str, StreamRow] = {}
        self._keys: dict[str, KeyRow] = {}
        self._audit: list[AuditEntry] = []
        self._errands: dict[str, Errand] = {}
        self._connectors: dict[str, ConnectorRow] = {}
        self._notices: dict[Pair, Notice] = {}

    def _seen(self, row: LedgerRow) -> LedgerRow:
        return row if row.tail is None else replace(row, tail=tail_of(self._deliveries[row.tail.id]))
