"""The counters, gauges and histograms at /metrics, each in one registry of its own.

No label holds a subject, a device or an id, and none holds a name that the configuration does not know:
the number of time series is bounded by the configuration.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

UNKNOWN: Final = "-"
"""The label of every connector or stream that is not configured."""

_LATENCY = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_NAMESPACE: Final = "caep_bridge"


@dataclass(frozen=True, slots=True)
class StreamLoad:
    """What waits for one stream. `oldest_age` is in seconds, 0 if nothing waits."""

    pending: int = 0
    dead: int = 0
    oldest_age: float = 0.0


class Metrics:
    """All that is counted. `connectors` and `streams` are the configured names."""

    def __init__(self, version: str, connectors: Collection[str], streams: Collection[str]) -> None:
        self.registry = CollectorRegistry()
        self._connectors = frozenset(connectors)
        self._streams = frozenset(streams)
        self._series: dict[tuple[Counter, tuple[str, ...]], Counter] = {}
        """Each series by its labels, for to look one up in its counter takes longer than to count."""
        self._webhooks = self._counter("webhooks", "Webhooks by what became of them.", "connector", "outcome")
        self._looks = self._counter("looks", "Looks at devices by how they ended.", "connector", "outcome")
        self._decisions = self._counter("decisions", "Decisions by their reason.", "connector", "reason")
        self._deliveries = self._counter("deliveries", "Tries to deliver a SET by outcome.", "stream", "outcome")
        self._oldest = self._gauge("oldest_pending_delivery_age_seconds", "Age of the oldest SET that waits.")
        self._pending = self._gauge("pending_deliveries", "SETs that wait.")
        self._dead = self._gauge("dead_deliveries", "SETs given up, until an operator retries or drops them.")
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
        info = Gauge("build_info", "Always 1.", ["version"], namespace=_NAMESPACE, registry=self.registry)
        info.labels(version).set(1)
        self._start(streams)

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
        self._latency.labels(self._stream(stream)).observe(max(0.0, seconds))

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

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, ["stream"], namespace=_NAMESPACE, registry=self.registry)

    def _start(self, streams: Collection[str]) -> None:
        """A series that is missing cannot be told from one that is zero."""
        self.backlog(())
        for name in streams:
            self._latency.labels(name)

    def _connector(self, name: str) -> str:
        return name if name in self._connectors else UNKNOWN

    def _stream(self, name: str) -> str:
        return name if name in self._streams else UNKNOWN
