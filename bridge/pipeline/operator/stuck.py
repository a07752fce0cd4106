"""stuck: which devices stay as they are until somebody does something, and why. Pure but for the paging."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import Final

from bridge.model import Device, HoldKind, Status
from bridge.notify.words import span
from bridge.pipeline.fleet.heldback import pages
from bridge.pipeline.operator.wording import Said, decision, telling
from bridge.posture import reasons
from bridge.ssf.ledger import HELD_BY_GUARD
from bridge.store.protocol import Told

PAGE: Final = 500
_HELD: Final[tuple[HoldKind, ...]] = ("baseline", "released", "discarded")


def why_stuck(device: Device, kept_back: Collection[str], now: float, long: float) -> Said | None:
    """The first thing to see to; None: nothing. `kept_back` are the logins that the guard keeps back; a device may fail
    for `long` seconds."""
    failing = device.status == "not-compliant"
    if device.retired:
        return None
    if device.override is not None:
        until = f"{device.override.who} said {device.override.status}: {device.override.why}"
        return Said(reasons.OVERRIDDEN, until, "the end of the override, or `caep-bridge devices override ID --clear`")
    if device.gone:
        return Said(
            reasons.GONE, decision(reasons.GONE).words, "its return, or `caep-bridge devices retire ID --reason …`"
        )
    if device.login is None:
        return decision(device.login_reason)
    if device.hold is not None and device.hold.kind in _HELD:
        return decision(reasons.HELD[device.hold.kind])
    if failing and device.login in kept_back:
        return telling(HELD_BY_GUARD)
    if device.basis == "provisional":
        return decision(reasons.PROVISIONAL)
    if failing and device.since is not None and now - device.since > long:
        return Said(
            "failing", f"it has failed for {span(now - device.since)}: {device.why}", "its repair, or an exemption"
        )
    return None


async def stuck(
    store: Told, connector: str | None, status: Status | None, search: str, now: float, long: float
) -> AsyncIterator[tuple[Device, Said]]:
    """All of them, one page of the fleet in memory at a time, and the logins that the guard keeps back."""
    kept_back = {row.login async for page in pages(store, None, "guard") for row in page}
    after: tuple[str, str] | None = None
    while page := await store.devices(connector=connector, status=status, search=search, after=after, limit=PAGE):
        after = page[-1].key
        for device in page:
            said = why_stuck(device, kept_back, now, long)
            if said is not None:
                yield device, said
