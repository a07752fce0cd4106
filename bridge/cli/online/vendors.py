"""Each connector's API: one cheap question with its credentials."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.cli.online.line import Found, Line, dated
from bridge.clock import Clock
from bridge.connector.connector import Connector
from bridge.model import FailureKind

REMEDIES: Mapping[FailureKind, str] = {
    "denied": "are the API credentials right, not expired, and may they read devices, findings and people?",
    "down": "is base_url right, and does a firewall or delivery.proxy let this machine through?",
    "missing": "is base_url right? Something answers there, but not this API",
    "limited": "somebody else uses the same limit up: wait, or lower rate_limit",
    "malformed": "is base_url right? What answers there is not this API",
    "refused": "are the connector's settings right?",
}


async def vendor(name: str, connector: Connector, clock: Clock) -> Found:
    about = f"connector {name}"
    found = await connector.probe()
    if found is None:
        return Found((Line(about, "note", "not asked: it has no API credentials"),))
    dates = dated(about, found.date, clock.now())
    if found.kind is not None:
        return Found((Line(about, "failed", found.words, REMEDIES[found.kind]),), dates)
    if not found.sure:
        words = (
            f"{found.asked} answered {found.status}; the connector declares no list, so the credentials are unproved"
        )
        return Found((Line(about, "note", words, "send a webhook, then see `caep-bridge devices list`"),), dates)
    return Found((Line(about, "ok", f"{found.asked}: answered {found.status}"),), dates)
