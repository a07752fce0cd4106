"""What webhooks were lost is found by a list; and no list, however wrong it is, lets anybody back in."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from tests.e2e.flip import OKTA, fleet, known
from tests.e2e.kolide import Flip, Trouble
from tests.e2e.rig import Rig
from tests.e2e.webhooks import opened, resolved

SIZE = 100
TWO = {"okta": {"profile": "okta"}, "ssf": {"profile": "ssf"}}
OPEN_GUARD = {"max_users": 1000, "max_percent": 100}


def only(devices: set[str]) -> Flip:
    """Lists these devices, and no other."""

    def flipped(what: str, cursor: str, answer: dict[str, Any]) -> dict[str, Any]:
        return answer | {"data": [row for row in answer["data"] if what != "devices" or row["id"] in devices]}

    return flipped


async def test_a_fifth_of_the_webhooks_is_lost(tmp_path: Path) -> None:
    """The truth is everywhere after one reconciliation, which says how many webhooks were lost."""
    dice = random.Random(3)
    async with Rig(tmp_path, TWO) as rig:
        rig.service.tables["guard"] = OPEN_GUARD
        fleet(rig, SIZE)
        await rig.start()
        await known(rig, SIZE)
        lost = 0
        for device in range(1, SIZE + 1):
            rig.api.laptops[device].issues = {1: False}
            if dice.random() < 0.2:
                lost += 1
            else:
                await rig.ring(opened(device))
        await rig.quiet(60)
        for device in range(1, SIZE + 1, 2):
            rig.api.laptops[device].issues.clear()
            if dice.random() >= 0.2:
                await rig.ring(resolved(device))
        await rig.quiet(60)
        before = await rig.metric("caep_bridge_drift_total", connector="kolide")
        drifted = await _believed_wrongly(rig)
        assert drifted > 10 and lost > 10
        report = await rig.service.shown("reconcile")
        assert (report["listed"], report["drifted"]) == (SIZE, drifted), report
        assert report["held"] == report["unanswered"] == 0
        await rig.settled(30)
        assert await rig.metric("caep_bridge_drift_total", connector="kolide") == before + drifted
        assert (await rig.service.shown("reconcile", "--connector", "kolide"))["drifted"] == 0


async def _believed_wrongly(rig: Rig) -> int:
    store = await rig.store()
    devices = [await store.device("kolide", str(one)) for one in rig.api.laptops]
    return sum(
        belief is not None and belief.status != rig.api.laptops[int(belief.device_id)].truth for belief in devices
    )


async def test_a_dry_run_says_what_would_change_and_changes_nothing(tmp_path: Path) -> None:
    async with Rig(tmp_path, OKTA) as rig:
        fleet(rig, 6)
        await rig.start()
        await known(rig, 6)
        rig.api.laptops[2].issues = {1: False}
        report = await rig.service.shown("reconcile", "--dry-run")
        assert (report["dry_run"], report["drifted"], report["told"]) == (True, 1, 0)
        assert report["connectors"]["kolide"]["changes"] == [{"what": "failed", "connector": "kolide", "device": "2"}]
        assert not rig.heard("okta")
        assert (await rig.service.shown("devices", "show", "2"))["status"] == "compliant"


async def test_a_short_or_empty_list_lets_nobody_back_in(tmp_path: Path) -> None:
    """Nobody recovers by not being named; that the list is not believed is said, with exit code 1."""
    async with Rig(tmp_path, OKTA) as rig:
        rig.service.tables["guard"] = OPEN_GUARD
        fleet(rig, 8)
        await rig.start()
        await known(rig, 8)
        for device in (1, 8):
            rig.api.laptops[device].issues = {1: False}
            await rig.ring(opened(device))
        await rig.quiet()
        rig.api.flip_list = only(set())
        code, out, err = await rig.service.command("reconcile", "--json")
        assert code == 1 and "not believed to be all of them" in err, (out, err)
        rig.api.flip_list = only({"1", "2", "3", "4"})
        report = await rig.service.shown("reconcile")
        assert (report["missing"], report["recovered"]) == (4, 0)
        await rig.settled()
        assert len(rig.heard("okta")) == 2


async def test_who_cannot_be_listed(tmp_path: Path) -> None:
    """An unknown connector; a vendor that answers nothing good; a store that nobody serves."""
    async with Rig(tmp_path, OKTA) as rig:
        fleet(rig, 3)
        await rig.start()
        await known(rig, 3)
        code, _, err = await rig.service.command("reconcile", "--connector", "kolid")
        assert code == 1 and "did you mean kolide?" in err
        rig.api.trouble = Trouble(status=401)
        code, out, err = await rig.service.command("reconcile")
        assert code == 1 and "401" in err and not out, (out, err)
        rig.api.trouble = None
        await rig.service.stop()
        code, out, err = await rig.service.command("reconcile")
        assert code == 1 and "no `serve` runs on this store" in err and not out
        code, _, err = await rig.service.command("devices", "recheck", "1")
        assert code == 1 and "no `serve` runs on this store" in err
        await rig.start()
        assert (await rig.service.shown("reconcile"))["listed"] == 3, "what was withdrawn is in nobody's way"
