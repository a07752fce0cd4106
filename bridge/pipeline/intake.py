"""intake: verify a webhook, understand it, make it durable. When it returns, the vendor may forget."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import structlog

from bridge.clock import Clock, Ids
from bridge.errors import Misfit, NotFound, Unauthenticated, Unavailable
from bridge.model import Parsed, Statement, VerifiedWebhook, Webhook
from bridge.pipeline.ports import Meter, Source
from bridge.store.protocol import Inbox
from bridge.store.records import Accepted, Arrival, Quarantined, Ring

_log = structlog.get_logger("bridge.intake")

KEPT_HEADERS = ("content-type", "user-agent", "x-request-id")
"""Everything else may hold a secret."""


class Intake:
    """Call it with a connector's name and a webhook. Raises NotFound, Unauthenticated, Misfit or Unavailable."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        store: Inbox,
        clock: Clock,
        ids: Ids,
        meter: Meter,
        rang: Callable[[str], None],
    ) -> None:
        self._sources = sources
        self._store = store
        self._clock = clock
        self._ids = ids
        self._meter = meter
        self._rang = rang

    async def __call__(self, connector: str, webhook: Webhook) -> Accepted:
        source = self._sources.get(connector)
        if source is None:
            raise NotFound("no such connector")
        try:
            verified = source.verify(webhook)
        except Unauthenticated as refusal:
            self._meter.webhook(connector, "unauthenticated")
            _log.warning("webhook.refused", connector=connector, outcome="unauthenticated", code=refusal.code)
            raise
        try:
            parsed = source.parse(verified)
        except Misfit as misfit:
            await self._keep_misfit(verified, misfit)
            raise
        return await self._keep(verified, parsed)

    async def _keep(self, webhook: VerifiedWebhook, parsed: Parsed) -> Accepted:
        arrival = self._arrival(webhook, parsed)
        started = self._clock.monotonic()
        try:
            accepted = await self._store.accept(arrival)
        except Unavailable:
            self._meter.webhook(webhook.connector, "unavailable")
            raise
        outcome = "duplicate" if accepted.duplicate else parsed.ignored or "accepted"
        if arrival.rings and not accepted.duplicate:
            self._rang(webhook.connector)
        self._meter.webhook(webhook.connector, outcome)
        _log.info(
            "webhook.received",
            connector=webhook.connector,
            id=accepted.id,
            type=parsed.type[:80],
            outcome=outcome,
            looks=len(arrival.rings),
            txn=arrival.rings[0].txn if arrival.rings else None,
            commit_ms=round((self._clock.monotonic() - started) * 1000, 1),
        )
        return accepted

    def _arrival(self, webhook: VerifiedWebhook, parsed: Parsed) -> Arrival:
        new_id = self._ids.new()
        cause = digest(webhook.connector, parsed.delivery_id or new_id)
        return Arrival(
            id=new_id,
            connector=webhook.connector,
            received_at=webhook.received_at,
            type=parsed.type[:80],
            delivery_hash=cause if parsed.delivery_id else None,
            body=webhook.body,
            headers={name: webhook.headers[name] for name in KEPT_HEADERS if name in webhook.headers},
            ignored=parsed.ignored,
            rings=_rings(webhook, parsed.statements, cause[:32]),
        )

    async def _keep_misfit(self, webhook: VerifiedWebhook, misfit: Misfit) -> None:
        """A signed misfit is kept for the operator, and rings for the devices that can still be read in it."""
        new_id = self._ids.new()
        statements = tuple(Statement(device_id) for device_id in misfit.device_ids)
        rings = _rings(webhook, statements, digest(webhook.connector, new_id)[:32])
        kept = Quarantined(new_id, webhook.connector, webhook.received_at, webhook.body, str(misfit))
        await self._store.quarantine(kept, rings)
        if rings:
            self._rang(webhook.connector)
        self._meter.webhook(webhook.connector, "misfit")
        _log.warning(
            "webhook.refused",
            connector=webhook.connector,
            id=new_id,
            outcome="misfit",
            path=misfit.path,
            problem=misfit.message,
            looks=len(rings),
        )


def digest(connector: str, delivery_id: str) -> str:
    """SHA-256 over connector and delivery id, hex. Its first 32 characters are the `txn` of what follows."""
    return hashlib.sha256(f"{connector}\0{delivery_id}".encode()).hexdigest()


def _rings(webhook: Webhook, statements: tuple[Statement, ...], txn: str) -> tuple[Ring, ...]:
    devices: dict[str, list[Statement]] = {}
    for statement in statements:
        devices.setdefault(statement.device_id, []).append(statement)
    return tuple(
        Ring(webhook.connector, device_id, txn, webhook.received_at, webhook.received_at, tuple(stated))
        for device_id, stated in devices.items()
    )
