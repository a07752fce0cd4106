"""The operator's own channels, tied to the parts of a running bridge: notices, and the watch that raises them."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography import x509

from bridge.key import KeyRow
from bridge.notify.occasion import SIGNING_KEY, Occasion
from bridge.notify.retry import Sent
from bridge.notify.send import Target, send, targets_of
from bridge.observe.metrics import Metrics
from bridge.parts import Parts, Ports
from bridge.pipeline.looks import Lane
from bridge.pipeline.notices.notices import Notices
from bridge.pipeline.notices.watch import Sights, Watch
from bridge.pipeline.sending.outbox import Outbox
from bridge.posture.guard import Direction
from bridge.ssf.key_warnings import key_warnings
from bridge.store.protocol import Store

TLS_CERTIFICATE = "server.tls_cert_file"


class Channels:
    """`streams` gives stream id → name; `failing` the names of the checks of readiness that do not hold; `keys` the
    signing keys."""

    def __init__(
        self, parts: Parts, store: Store, ports: Ports, meter: Metrics, *,
        outbox: Outbox, lanes: Mapping[str, Lane], streams: Callable[[], Mapping[str, str]],
        failing: Callable[[], Awaitable[Sequence[str]]], keys: Callable[[], Sequence[KeyRow]],
    ) -> None:  # fmt: skip
        self._parts = parts
        self._store = store
        self._clock = ports.clock
        self._keys = keys
        server = parts.config.server
        self._certificate = Certificate(server.tls_cert_file, server.tls_key_file)
        alarms = parts.config.alarms
        self.notices = Notices(
            store, targets_of(parts.config.notify), alarms, self._send,
            bridge=parts.config.transmitter.issuer, clock=ports.clock, ids=ports.ids, dice=ports.dice, meter=meter,
        )  # fmt: skip
        sights = Sights(
            streams=streams,
            unwell=outbox.unwell,
            denied=lambda: {name: lane.denied for name, lane in lanes.items()},
            failing=failing,
            expiring=self._expiring,
        )
        self._watch = Watch(self.notices, store, sights, alarms, ports.clock)

    async def start(self) -> None:
        config = self._parts.config
        rows = await self._store.streams()
        made = {row.name for row in rows if row.subscription is not None and row.subscription.deleted_at is None}
        await self.notices.start({*config.connectors, *config.receivers, *made})

    def work(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        """What must run, by name: nothing where no channel is configured."""
        work = self.notices.work()
        return [*work, ("watch", self._watch.run())] if work else []

    def guard(self, connector: str, direction: Direction, people: int) -> None:
        """A limit of the guard is exceeded. What it holds is seen by the watch; a mass recovery may pass, but not in
        silence."""
        if direction == "regains":
            self.notices.raise_(Occasion("recovery", connector, count=people))

    async def _send(self, target: Target, message_id: str, body: str) -> Sent:
        return await send(self._parts.outbound, target, message_id, body, self._clock)

    def _expiring(self) -> Mapping[str, float]:
        """A signing key that somebody should see to counts as run out."""
        now, end = self._clock.now(), self._certificate.end()
        found = {} if end is None else {TLS_CERTIFICATE: end}
        if any(one.code != "compromised" for one in key_warnings(self._keys(), now)):
            found[SIGNING_KEY] = now
        return found


class Certificate:
    """When the certificate that is shown runs out. The files are read again when they have changed; a certificate that
    came without its key is not shown, and does not count."""

    def __init__(self, file: Path | None, key_file: Path | None) -> None:
        self._file = file
        self._key_file = key_file
        self._read_at = -1, -1
        self._end: float | None = None

    def end(self) -> float | None:
        """None if there is none, or none that could be read: that TLS then fails is said elsewhere."""
        if self._file is None or self._key_file is None:
            return None
        try:
            changed = self._file.stat().st_mtime_ns, self._key_file.stat().st_mtime_ns
            if changed != self._read_at:
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self._file, self._key_file, password="")
                self._end = x509.load_pem_x509_certificate(self._file.read_bytes()).not_valid_after_utc.timestamp()
                self._read_at = changed
        except (OSError, ValueError):
            return self._end
        return self._end
