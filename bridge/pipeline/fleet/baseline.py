"""baseline: what already failed when a connector first listed its devices, let go or put away by an operator.

What is let go is looked at first; only what is still true is told, through the guard. What is put away is not told
until the device fails anew.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, Literal, Protocol

from bridge.clock import Clock
from bridge.errors import Conflict
from bridge.model import Device, LedgerRow
from bridge.pipeline.errands.awaited import PAGE, Advance, Key, Left, awaited, chunks
from bridge.pipeline.streams.plan import is_shadow
from bridge.posture import reasons
from bridge.store.protocol import Beliefs, Housekeeping, Told
from bridge.store.records import Ring, Unit, Urgency
from bridge.value import replace

Kind = Literal["baseline", "released"]
TRIES: Final = 8
DELIVERED_WITHIN: Final = 10.0
"""Seconds that receivers get to take what was told."""
AT_ONCE: Final = 64


class Reading(Told, Housekeeping, Protocol):
    """What a report reads."""


async def kept(store: Beliefs, connector: str, kind: Kind) -> AsyncIterator[list[Device]]:
    """The connector's devices whose hold is of this kind, page by page; those that an override covers too."""
    for counted in (kind, "override"):
        after: Key | None = None
        while page := await store.devices(connector=connector, hold=counted, after=after, limit=PAGE):
            after = page[-1].key
            found = [one for one in page if one.hold is not None and one.hold.kind == kind]
            if found:
                yield found


async def release(store: Beliefs, connector: str, txn: str, clock: Clock, advance: Advance) -> list[str]:
    """Let all of it go; returns the ids of what is to be looked at, those of an earlier release too. May be repeated:
    what was let go before and is not confirmed yet is rung for again."""

    def let_go(device: Device) -> Unit:
        ring = Ring(connector, device.device_id, txn, clock.now(), None, (), Urgency.PROVISIONAL)
        if device.hold is None or device.hold.kind == "released":
            return Unit(rings=(ring,))
        hold = replace(device.hold, kind="released")
        return Unit(devices=(replace(device, hold=hold, reason=reasons.BASELINE_RELEASED),), rings=(ring,))

    waiting = [one async for page in kept(store, connector, "released") for one in page]
    await _write(store, waiting, "released", let_go)
    ids = [one.device_id for one in waiting]
    async for page in kept(store, connector, "baseline"):
        ids += await _write(store, page, "baseline", let_go)
        advance(len(page))
    return ids


async def discard(store: Beliefs, connector: str, why: str, clock: Clock, advance: Advance) -> int:
    """Put all of it away, also what was let go and is not confirmed yet. How many devices."""

    def put_away(device: Device) -> Unit:
        assert device.hold is not None
        hold = replace(device.hold, kind="discarded", at=clock.now(), keys=device.failing, why=why)
        return Unit(devices=(replace(device, hold=hold, reason=reasons.BASELINE_DISCARDED),))

    count = 0
    kinds: tuple[Kind, ...] = ("baseline", "released")
    for kind in kinds:
        async for page in kept(store, connector, kind):
            count += len(await _write(store, page, kind, put_away))
            advance(len(page))
    return count


async def _write(store: Beliefs, page: Sequence[Device], kind: Kind, unit: Callable[[Device], Unit]) -> list[str]:
    """The ids of those that were still held so; what changed meanwhile is read again. Raises Conflict."""
    done: list[str] = []
    for _ in range(TRIES):
        clashed = {clash.index for clash in await store.commit([unit(one) for one in page])} if page else set()
        done += [one.device_id for index, one in enumerate(page) if index not in clashed]
        fresh = [await store.device(*page[index].key) for index in sorted(clashed)]
        page = [one for one in fresh if one is not None and one.hold is not None and one.hold.kind == kind]
        if not page:
            return done
    raise Conflict(f"{len(page)} devices changed each time that they were written; try again")


# -- what it came to ------------------------------------------------------------------------------


async def outcome(
    store: Reading, connector: str, ids: Sequence[str], since: float, clock: Clock, advance: Advance
) -> tuple[Counter[str], Left]:
    """Wait for the looks at what was released, at `since` or later, and count what they came to: `released` =
    `still_true` + `recovered` + `waiting` + `unanswered`, and `still_true` = `told` + `held` + `not_told`."""

    remaining: Sequence[str] = ids

    async def left() -> list[Key]:
        nonlocal remaining
        standing = []
        for some in chunks(remaining, PAGE):
            known = await store.known(connector, some)
            standing += [one for one in some if one in known and _is_released(known[one].device)]
        remaining = standing
        return [(connector, one) for one in standing]

    rest = await awaited(store, clock, left, since, advance)
    until = clock.monotonic() + DELIVERED_WITHIN
    while True:
        counts, pending = await _counted(store, connector, ids)
        if not pending or clock.monotonic() >= until:
            break
        await clock.sleep(0.3)
    counts["released"] = len(ids)
    counts["unanswered"] = len(rest.unanswered) + len(rest.under_way)
    counts["waiting"] = len(rest.waiting)
    return counts, rest


def _is_released(device: Device | None) -> bool:
    return device is not None and device.hold is not None and device.hold.kind == "released"


async def _counted(store: Reading, connector: str, ids: Sequence[str]) -> tuple[Counter[str], bool]:
    """The counts, and whether a receiver has still to take what was told."""
    counts: Counter[str] = Counter()
    pending = False
    for some in chunks(ids, AT_ONCE):
        known = await store.known(connector, some)
        devices = [known[one].device if one in known else None for one in some]
        rows = await asyncio.gather(*(_told(store, one) for one in devices))
        for device, told in zip(devices, rows, strict=True):
            name = _came_to(device, told)
            counts.update([name] if name in ("", "recovered") else ["still_true", name])
            pending = pending or any(row.tail is not None and row.tail.state == "pending" for row in told)
    del counts[""]
    return counts, pending


async def _told(store: Housekeeping, device: Device | None) -> list[LedgerRow]:
    if device is None or device.login is None:
        return []
    rows = await store.ledger_of(device.login, device.key)
    return [row for row in rows if row.login == device.login and not is_shadow(row.stream_id)]


def _came_to(device: Device | None, rows: Sequence[LedgerRow]) -> str:
    """`recovered`, `held`, `told`, `not_told`; "" while it is not confirmed."""
    if device is None or device.status != "not-compliant":
        return "recovered"
    if _is_released(device):
        return ""
    mine = [row for row in rows if not row.device_id or (row.connector, row.device_id) == device.key]
    if any(row.held is not None and row.held.why == "guard" for row in mine):
        return "held"
    return "told" if any(row.told == "not-compliant" for row in mine) else "not_told"
