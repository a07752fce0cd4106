"""The counters, gauges and histograms at /metrics, each in one registry of its own.

No label holds a subject, a device or an id, and none holds a name that the configuration does not know:
the number of time series is bounded by the configuration.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from bridge.model import FailureKind

UNKNOWN: Final = "-"
"""The label of every connector or stream that is not configured."""

HELD_WHYS: Final = ("guard", "baseline")
"""Why a change can be held back; each has its series from the start."""

_WEBHOOKS = ("accepted", "unauthenticated", "unavailable")
_LOOKS = ("good", "gone", *get_args(FailureKind))
_DELIVERIES = ("delivered", "dead")
_NOTICES = ("sent", "failed", "given_up", "gone")
_TOKEN_REQUESTS = ("issued", "invalid_client", "limited", "unavailable")
"""What alarms are made on."""

_LATENCY = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_NAMESPACE: Final = "caep_bridge"


@dataclass(frozen=True, slots=True)
class StreamLoad:
    """What waits for one stream. `oldest_age` is in seconds, 0 if nothing waits."""

    pending: int = 0
    dead: int = 0
    oldest_age: float = 0.0


class Metrics:
    """All that is counted. `connectors`, `streams`, `targets` (of notices) and `clients` are the configured names."""

    def __init__(
        self,
        version: str,
        connectors: Collection[str],
        streams: Collection[str],
        targets: Collection[str] = (),
        clients: Collection[str] = (),
    ) -> None:
        self.registry = CollectorRegistry()
        self._connectors = frozenset(connectors)
        self._streams = frozenset(streams)
        self._targets = frozenset(targets)
        self._clients = frozenset(clients)
        self._series: dict[tuple[Counter, tuple[str, ...]], Counter] = {}
        """Each series by its labels, for to look one up in its counter takes longer than to count."""
        self._webhooks = self._counter("webhooks", "Webhooks by what became of them.", "connector", "outcome")
        self._looks = self._counter("looks", "Looks at devices by how they ended.", "connector", "outcome")
        self._decisions = self._counter("decisions", "Decisions by their reason.", "connector", "reason")
        self._deliveries = self._counter("deliveries", "Tries to deliver a SET by outcome.", "stream", "outcome")
        self._oldest = self._gauge("oldest_pending_delivery_age_seconds", "Age of the oldest SET that waits.", "stream")
        self._pending = self._gauge("pending_deliveries", "SETs that wait.", "stream")
        self._dead = self._gauge("dead_deliveries", "SETs given up and not retried.", "stream")
        self._undone = self._counter(
            "blocks_undone", "Not-compliant SETs that a compliant one followed within 10 minutes.", "connector"
        )
        self._held = self._gauge("held_changes", "Changes held back until an operator decides.", "connector", "why")
        self._drift = self._counter(
            "drift", "Devices that a reconciliation found changed without a webhook.", "connector"
        )
        self._reconciliations = self._counter(
            "reconciliations", "Reconciliations by how they ended.", "connector", "outcome"
        )
        self._reconciled = self._gauge(
            "reconciled_devices", "Devices seen by the last good reconciliation.", "connector"
        )
        self._took = self._gauge("reconciliation_seconds", "How long the last reconciliation took.", "connector")
        self._notices = self._counter("notices", "Tries to send a notice by outcome.", "target", "outcome")
        self._waiting = self._gauge("pending_notices", "Notices that wait.", "target")
        self._token_requests = self._counter(
            "oauth_token_requests", "Requests for access tokens by what became of them.", "client", "outcome"
        )
        self._calls_refused = self._counter(
            "api_calls_refused", "Calls of the stream API without a token that is good for them.", "error"
        )
        self._key_age = Gauge(
            "signing_key_age_seconds", "Age of the key that signs.", namespace=_NAMESPACE, registry=self.registry
        )
        self._rows = Gauge(
            "stored_rows", "Rows in the store, by table, at the last housekeeping.",
            ["table"], namespace=_NAMESPACE, registry=self.registry,
        )  # fmt: skip
        self._file = Gauge(
            "store_bytes", "Bytes of the database, at the last housekeeping.",
            ["part"], namespace=_NAMESPACE, registry=self.registry,
        )  # fmt: skip
        self._expired = self._counter("expired_rows", "Rows whose time was up, by what they were.", "kind")
        self._latency = Histogram(
            "webhook_to_acknowledged_seconds",
            "From a webhook's receipt to the receiver's acknowledgement of the SET that it caused.",
            ["stream"],
            namespace=_NAMESPACE,
            registry=self.registry,
            buckets=_LATENCY,
        )
        self._latencies: dict[str, Histogram] = {}
        """Each of its series by the stream."""
        info = Gauge("build_info", "Always 1.", ["version"], namespace=_NAMESPACE, registry=self.registry)
        info.labels(version).set(1)
        self._start()

    def webhook(self, connector: str, outcome: str) -> None:
        self._count(self._webhooks, self._connector(connector), outcome)

    def look(self, connector: str, outcome: str) -> None:
        self._count(self._looks, self._connector(connector), outcome)

    def decision(self, connector: str, reason: str) -> None:
        self._count(self._decisions, self._connector(connector), reason)

    def delivery(self, stream: str, outcome: str) -> None:
        """`stream` is the receiver's name in the configuration."""
        self._count(self._deliveries, self._stream(stream), outcome)

    def acknowledged(self, stream: str, seconds: float) -> None:
        """A SET reached its receiver `seconds` after the webhook that caused it was received."""
        name = self._stream(stream)
        series = self._latencies.get(name)
        if series is None:
            series = self._latencies[name] = self._latency.labels(name)
        series.observe(max(0.0, seconds))

    def backlog(self, loads: Iterable[tuple[str, StreamLoad]]) -> None:
        """What waits now, by stream; a stream that is not named has nothing."""
        now = dict.fromkeys(self._streams, StreamLoad()) | {self._stream(name): load for name, load in loads}
        for name, load in now.items():
            self._oldest.labels(name).set(max(0.0, load.oldest_age))
            self._pending.labels(name).set(load.pending)
            self._dead.labels(name).set(load.dead)

    def stored(self, rows: Mapping[str, int], used: int, free: int) -> None:
        """Rows by table, and bytes of the database in use and free for rows to come."""
        for table, count in rows.items():
            self._rows.labels(table).set(count)
        self._file.labels("used").set(used)
        self._file.labels("free").set(free)

    def expired(self, kind: str, count: int) -> None:
        self._expired.labels(kind).inc(count)

    def block_undone(self, connector: str) -> None:
        """Somebody was told off and on again within 10 minutes: a false alarm, or a very quick repair."""
        self._count(self._undone, self._connector(connector))

    def held(self, connector: str, why: str, n: int) -> None:
        """So many changes are held back now, by `why` (one of `HELD_WHYS`)."""
        self._held.labels(self._connector(connector), why).set(n)

    def drift(self, connector: str, n: int) -> None:
        """A reconciliation found `n` more devices that had changed without a webhook."""
        self._drift.labels(self._connector(connector)).inc(n)

    def reconciled(self, connector: str, devices: int, seconds: float, ok: bool) -> None:
        """A reconciliation ended after `seconds`; `ok`: the whole list was read, and it had so many `devices`."""
        name = self._connector(connector)
        self._count(self._reconciliations, name, "done" if ok else "failed")
        self._took.labels(name).set(max(0.0, seconds))
        if ok:
            self._reconciled.labels(name).set(devices)

    def notice(self, target: str, outcome: str) -> None:
        """A try to send a notice ended: `sent`, `failed` (it is tried again), `given_up` or `gone`."""
        self._count(self._notices, self._target(target), outcome)

    def notices_waiting(self, waiting: Mapping[str, int]) -> None:
        """How many notices wait now, by target; a target that is not named has none."""
        now = dict.fromkeys(self._targets, 0) | {self._target(name): count for name, count in waiting.items()}
        for name, count in now.items():
            self._waiting.labels(name).set(count)

    def token_request(self, client: str, outcome: str) -> None:
        """A client asked for an access token: `issued`, `limited`, `unavailable`, or the error code of RFC
        6749 §5.2."""
        self._count(self._token_requests, client if client in self._clients else UNKNOWN, outcome)

    def call_refused(self, error: str) -> None:
        """The error code of RFC 6750 §3.1, `none` where no credentials came, or `limited`."""
        self._count(self._calls_refused, error)

    def signing_key_age(self, seconds: float) -> None:
        self._key_age.set(max(0.0, seconds))

    def render(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)

    def _count(self, counter: Counter, *labels: str) -> None:
        series = self._series.get((counter, labels))
        if series is None:
            series = self._series[counter, labels] = counter.labels(*labels)
        series.inc()

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, namespace=_NAMESPACE, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, namespace=_NAMESPACE, registry=self.registry)

    def _start(self) -> None:
        """A series that is missing cannot be told from one that is zero, and what was counted first is no increase."""
        self.backlog(())
        self.notices_waiting({})
        for name in self._streams:
            self._latency.labels(name)
        for series in (self._undone, self._drift, self._reconciled, self._took):
            for name in self._connectors:
                series.labels(name)
        for outcomes, names, words in (
            (self._webhooks, self._connectors, _WEBHOOKS),
            (self._looks, self._connectors, _LOOKS),
            (self._reconciliations, self._connectors, ("done", "failed")),
            (self._held, self._connectors, HELD_WHYS),
            (self._deliveries, self._streams, _DELIVERIES),
            (self._notices, self._targets, _NOTICES),
            (self._token_requests, [*self._clients, UNKNOWN] if self._clients else (), _TOKEN_REQUESTS),
        ):
            for name, word in product(names, words):
                outcomes.labels(name, word)

    def _connector(self, name: str) -> str:
        return name if name in self._connectors else UNKNOWN

    def _stream(self, name: str) -> str:
        return name if name in self._streams else UNKNOWN

    def _target(self, name: str) -> str:
        return name if name in self._targets else UNKNOWN
