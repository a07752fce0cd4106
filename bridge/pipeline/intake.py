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
from bridge.store.records import STATED, Accepted, Arrival, Quarantined, Ring

_log = structlog.get_logger("bridge.intake")

KEPT_HEADERS = frozenset({"content-type", "user-agent", "x-request-id"})
"""And those that the connector reads. Everything else may hold a secret."""


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
        *,
        quarantine: int = 1000,
        statements: int = STATED,
    ) -> None:
        self._sources = sources
        self._store = store
        self._clock = clock
        self._ids = ids
        self._meter = meter
        self._rang = rang
        self._quarantine = quarantine
        """Misfits that are kept, at most."""
        self._statements = statements
        """Statements that are kept for a device, at most."""

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
        headers = kept_headers(self._sources[webhook.connector], webhook)
        arrival = arrival_of(self._ids.new(), webhook, parsed, headers, self._statements)
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

    async def _keep_misfit(self, webhook: VerifiedWebhook, misfit: Misfit) -> None:
        """A signed misfit is kept for the operator, and rings for the devices that can still be read in it."""
        new_id = self._ids.new()
        statements = tuple(Statement(device_id) for device_id in misfit.device_ids)
        rings = rings_of(webhook, statements, digest(webhook.connector, new_id)[:32], self._statements)
        headers = kept_headers(self._sources[webhook.connector], webhook)
        kept = Quarantined(new_id, webhook.connector, webhook.received_at, webhook.body, str(misfit), headers)
        await self._store.quarantine(kept, rings, self._quarantine)
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


def kept_headers(source: Source, webhook: Webhook) -> dict[str, str]:
    return {
        name: webhook.headers[name]
        for name in sorted(KEPT_HEADERS | set(source.reads_headers))
        if name in webhook.headers
    }


def arrival_of(
    webhook_id: str, webhook: Webhook, parsed: Parsed, headers: Mapping[str, str], keep: int = STATED
) -> Arrival:
    cause = digest(webhook.connector, parsed.delivery_id or webhook_id)
    return Arrival(
        id=webhook_id,
        connector=webhook.connector,
        received_at=webhook.received_at,
        type=parsed.type[:80],
        delivery_hash=cause if parsed.delivery_id else None,
        body=webhook.body,
        headers=headers,
        ignored=parsed.ignored,
        rings=rings_of(webhook, parsed.statements, cause[:32], keep),
    )


def rings_of(webhook: Webhook, statements: tuple[Statement, ...], txn: str, keep: int) -> tuple[Ring, ...]:
    devices: dict[str, list[Statement]] = {}
    for statement in statements:
        devices.setdefault(statement.device_id, []).append(statement)
    return tuple(
        Ring(webhook.connector, device_id, txn, webhook.received_at, webhook.received_at, tuple(stated), keep=keep)
        for device_id, stated in devices.items()
    )
