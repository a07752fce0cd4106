"""The scenario of the guard over real processes: a vendor flips a third of the fleet, and what becomes of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.rig import Rig, email
from tests.e2e.times import wait_until
from tests.e2e.webhooks import opened

OKTA = {"okta": {"profile": "okta"}}
AT_ONCE = 32


@dataclass(frozen=True)
class Flip:
    """What the report says, and what was seen of it."""

    told_before: int
    held: int
    report: dict[str, Any]
    fixed: frozenset[int]


def fleet(rig: Rig, size: int) -> None:
    """So many laptops, each of its own person, all of them well; the vendor lists them."""
    for device in range(1, size + 1):
        rig.api.add(device, owner=device)


async def known(rig: Rig, size: int, seconds: float = 120.0) -> None:
    """Until the first list has been taken."""

    async def whole() -> bool:
        return (await (await rig.store()).counts())["devices"] == size

    await wait_until(whole, seconds, rig.service.tail)
    await asyncio.sleep(1.0)  # as long as the guard remembers the size of a fleet that grew meanwhile


async def fails(rig: Rig, devices: list[int]) -> None:
    """All at once, each with its webhook."""
    for device in devices:
        rig.api.laptops[device].issues = {1: False}
    for start in range(0, len(devices), AT_ONCE):
        await asyncio.gather(*(rig.ring(opened(device)) for device in devices[start : start + AT_ONCE]))


async def flip(folder: Path, size: int) -> Flip:
    """`size` devices, of which 30 % fail within a minute: as many people are told as the guard allows, and no more. Of
    the rest half are mended before the release, without a webhook; only the still-true go out."""
    allowed = allowed_of(size)
    flipped = list(range(1, size * 3 // 10 + 1))
    async with Rig(folder, OKTA) as rig:
        del rig.service.tables["guard"]  # the defaults
        fleet(rig, size)
        await rig.start()
        await known(rig, size)
        await fails(rig, flipped)
        await rig.quiet(300, flipped)
        told = {one.login for one in rig.heard("okta")}
        assert len(told) == allowed, (len(told), rig.service.tail())
        status = await rig.service.shown("guard", "status")
        (line,) = status["connectors"]
        assert (line["held"], line["lost"], line["allowed_now"]) == (len(flipped) - allowed, allowed, 0)
        await _is_loud(rig, line["held"])
        held = [device for device in flipped if email(device) not in told]
        fixed = held[::2]
        for device in fixed:
            rig.api.laptops[device].issues.clear()
        report = await rig.service.shown("guard", "release", "--reason", "the vendor says that it is real")
        await rig.settled(60)
        out = {one.login for one in rig.heard("okta")} - told
        assert out == {email(device) for device in held if device not in fixed}
        again = await rig.service.shown("guard", "release")
        assert again["released"] == 0, (report, again)
        return Flip(len(told), len(held), report, frozenset(fixed))


def allowed_of(size: int) -> int:
    """By the defaults: 25 people, or 5 % of 20 devices or more."""
    return 25 if size < 20 else min(25, size * 5 // 100)


def check(done: Flip, size: int) -> None:
    """The report adds up, and says what was seen."""
    report = done.report
    assert done.told_before == allowed_of(size)
    assert report["released"] == done.held == size * 3 // 10 - done.told_before, report
    assert report["recovered"] == len(done.fixed), report
    assert report["still_true"] == report["told"] == done.held - len(done.fixed), report
    assert (report["held"], report["waiting"], report["unanswered"], report["problem"]) == (0, 0, 0, None), report


async def _is_loud(rig: Rig, held: int) -> None:
    """Log, metric, readiness (which stays 200), `check`, and the audit log."""
    assert rig.service.logged("guard.exceeded"), rig.service.tail()
    assert await rig.metric("caep_bridge_held_changes", connector="kolide", why="guard") == held
    await wait_until(lambda: _ready_and_says(rig, f"the guard holds {held} people of kolide"), 5)
    code, out, _ = await rig.service.command("check")
    assert code == 1 and "`caep-bridge guard status --connector kolide`" in out
    audit = await (await rig.store()).audit()
    assert any((one.who, one.what, one.target) == ("serve", "guard.hold", "connector kolide") for one in audit)


async def _ready_and_says(rig: Rig, words: str) -> bool:
    async with rig.session.get(f"{rig.service.admin}/readyz") as ready:
        checks = {one["name"]: one for one in (await ready.json())["checks"]}
        assert ready.status == 200
        return bool(checks["held"]["detail"] == words)
