"""Streams over restarts: kept by name, new with another audience, orphaned, disabled and enabled again."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any, Final

import pytest

from bridge.receiver.book import Scripted
from tests.e2e.rig import Rig, email
from tests.e2e.times import wait_until
from tests.e2e.webhooks import opened, resolved

BAD: Final = "not-compliant"
GOOD: Final = "compliant"
PAIR = {"okta": {"profile": "okta"}, "ssf": {"profile": "ssf"}}


async def _streams(rig: Rig) -> dict[str, Any]:
    return {one["stream_id"]: one for one in await rig.service.shown("streams", "list")}


async def test_over_restarts(tmp_path: Path) -> None:
    async with Rig(tmp_path, PAIR) as rig:
        await rig.start()
        rig.api.add(1, owner=1).issues = {1: False}
        await rig.ring(opened(1))
        await rig.hears("ssf", BAD, device=1)
        await rig.settled()
        store = await rig.store()
        first, keys = {row.id for row in await store.streams()}, await store.keys()
        assert len(first) == 2 and len(keys) == 1

        await rig.service.restart()
        assert {row.id for row in await store.streams()} == first
        assert await store.keys() == keys
        rig.api.laptops[1].issues.clear()
        await rig.ring(resolved(1))
        await rig.hears("okta", BAD, GOOD, login=email(1))
        await rig.settled()

        table = rig.service.tables["receivers.ssf"]
        del rig.service.tables["receivers.okta"]
        table["audience"] = "https://another.example"
        await rig.service.restart()
        second = await _streams(rig)
        assert first < second.keys() and len(second) == 3
        assert {second[one]["state"] for one in first} == {"orphaned"}
        code, out, err = await rig.service.command("check")
        assert code == 0 and "orphaned" in out + err and "okta" in out + err

        rig.api.laptops[1].issues = {2: False}
        await rig.ring(opened(1, 2))
        await rig.quiet_looks()
        heard = rig.receivers["ssf"].book
        await heard.wait_for(lambda book: book.receipts[-1].claims.get("aud") == "https://another.example")
        assert rig.statuses("okta", login=email(1)) == [BAD, GOOD]


def _enable(rig: Rig, enabled: bool) -> None:
    rig.service.tables["receivers.okta"]["enabled"] = enabled


async def test_disabled_then_enabled_is_told_what_differs(tmp_path: Path) -> None:
    """1 recovers, 2 fails, 3 fails and recovers, 4 goes on failing, while nobody tells okta."""
    async with Rig(tmp_path, PAIR) as rig:
        await rig.start()
        for device in (1, 2, 3, 4):
            rig.api.add(device, owner=device)
        await _turn(rig, 1, 4)
        await rig.settled()
        _enable(rig, False)
        await rig.service.restart()
        await _turn(rig, 1, 2, 3)
        await rig.quiet()
        await _turn(rig, 3)
        await rig.quiet()
        told = len(rig.heard("okta"))
        _enable(rig, True)
        await rig.service.restart()
        await rig.hears("okta", BAD, GOOD, login=email(1))
        await rig.hears("okta", BAD, login=email(2))
        await rig.settled()
        assert len(rig.heard("okta")) == told + 2
        assert rig.statuses("okta", login=email(4)) == [BAD]


async def _turn(rig: Rig, *devices: int) -> None:
    for device in devices:
        issues = rig.api.laptops[device].issues
        if issues:
            issues.clear()
        else:
            issues[1] = False
        await rig.ring(opened(device) if issues else resolved(device))


@pytest.mark.parametrize(
    ("disabling", "enabling"),
    [("put_stream.after 1", "update_stream.after 1"), ("cancel_stream.after 1", "devices.before 1")],
)
async def test_killed_while_it_is_disabled_or_enabled(tmp_path: Path, disabling: str, enabling: str) -> None:
    """What waited when it was disabled is taken back, what differs when it is enabled is told; if starts die too."""
    async with Rig(tmp_path, PAIR) as rig:
        await rig.start()
        for device in (1, 2):
            rig.api.add(device, owner=device)
        await _turn(rig, 1)
        await rig.settled()
        rig.receivers["okta"].book.when = lambda claims: Scripted(status=429)
        await _turn(rig, 1, 2)
        await rig.quiet_looks()
        await wait_until(lambda: _refused(rig))
        _enable(rig, False)
        await _dies(rig, disabling)
        await rig.start()
        await _turn(rig, 1)
        await rig.quiet()
        rig.receivers["okta"].book.when = None
        _enable(rig, True)
        await _dies(rig, enabling)
        await rig.start()
        await rig.hears("okta", BAD, login=email(2), seconds=15)
        await rig.settled()
        assert rig.statuses("okta", login=email(1)) == [BAD]


async def _refused(rig: Rig) -> bool:
    """Whether okta's SETs wait, and none is under way: a killed process would leave it in doubt."""
    waiting = await (await rig.store()).deliveries(state="pending")
    return any(one.attempts for one in waiting) and not any(one.leased_until for one in waiting)


async def _dies(rig: Rig, where: str) -> None:
    await rig.service.kill()
    await rig.service.begin(where)
    assert await rig.service.ended() == -signal.SIGKILL, rig.service.tail()
