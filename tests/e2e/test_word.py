"""An operator's word about one device beside a running serve: recheck, override, retire."""

from __future__ import annotations

import time
from pathlib import Path

from tests.e2e.flip import OKTA, known
from tests.e2e.rig import Rig, email
from tests.e2e.times import wait_until
from tests.e2e.webhooks import opened

BAD, GOOD = "not-compliant", "compliant"


async def running(rig: Rig, size: int = 3) -> None:
    for device in range(1, size + 1):
        rig.api.add(device, owner=device)
    await rig.start()
    await known(rig, size)


async def test_an_override_counts_for_its_time_and_then_what_is_so_is_told(tmp_path: Path) -> None:
    async with Rig(tmp_path, OKTA) as rig:
        await running(rig)
        rig.api.laptops[1].issues = {1: False}
        await rig.ring(opened(1))
        await rig.hears("okta", BAD, login=email(1))
        words = ("devices", "override", "1", "--status", GOOD, "--reason", "on the way to the workshop")
        done = await rig.service.shown(*words, "--for", "25s")
        assert (done["counts_as"], done["told"], done["problem"]) == (GOOD, 1, None)
        assert done["override"]["until"] > time.time()
        await rig.hears("okta", BAD, GOOD, login=email(1))
        assert "lets this device count" in str(rig.heard("okta", login=email(1))[-1].receipt.claims)
        (listed,) = [one for one in await rig.service.shown("devices", "list") if one["id"] == "1"]
        assert listed["override"]["why"] == "on the way to the workshop" and listed["status"] == BAD
        (stuck,) = await rig.service.shown("devices", "list", "--stuck")
        assert stuck["stuck"]["reason"] == "overridden"
        _, out, _ = await rig.service.command("devices", "show", "1")
        assert "overridden:" in out and "on the way to the workshop" in out
        await rig.hears("okta", BAD, GOOD, BAD, login=email(1), seconds=40)
        assert (await rig.service.shown("devices", "show", "1"))["override"] is None

        await rig.service.shown(*words, "--for", "8h")
        look = (await rig.service.shown("devices", "show", "1"))["look"]
        assert look["why"]["reason"] == "hold_ends" and look["due_at"] > time.time() + 8 * 3600 - 60
        await rig.hears("okta", BAD, GOOD, BAD, GOOD, login=email(1))
        rig.api.laptops[1].exists = False  # deleted meanwhile: its last status counts again, and that is shown
        cleared = await rig.service.shown("devices", "override", "1", "--clear")
        assert (cleared["gone"], cleared["counts_as"], cleared["override"]) == (True, BAD, None)
        await rig.hears("okta", BAD, GOOD, BAD, GOOD, BAD, login=email(1))
        code, _, err = await rig.service.command("devices", "override", "1", "--clear")
        assert code == 0 and "is not overridden" in err


async def test_a_retired_device_lets_its_person_go_until_it_is_seen_again(tmp_path: Path) -> None:
    """Of a connector that is no longer configured too, and an override has no effect on it."""
    async with Rig(tmp_path, OKTA) as rig:
        await running(rig)
        for device in (1, 2):
            rig.api.laptops[device].issues = {1: False}
            await rig.ring(opened(device))
            await rig.hears("okta", BAD, login=email(device))
        rig.api.laptops[1].exists = False
        await rig.service.shown("devices", "recheck", "1")
        code, _, err = await rig.service.command("devices", "retire", "1", "--reason", "stolen")
        assert code == 2 and "--yes" in err
        done = await rig.service.shown("devices", "retire", "1", "--reason", "stolen", "--yes")
        assert (done["retired"], done["counts_as"], done["told"]) == ("stolen", None, 1)
        await rig.hears("okta", BAD, GOOD, login=email(1))
        code, _, err = await rig.service.command(
            "devices", "override", "1", "--status", BAD, "--for", "8h", "--reason", "x"
        )
        assert code == 1 and "is retired (stolen)" in err
        rig.api.laptops[1].exists = True
        await rig.service.shown("devices", "recheck", "1")
        await rig.hears("okta", BAD, GOOD, BAD, login=email(1))

        rig.service.tables["connectors.other"] = rig.service.tables.pop("connectors.kolide")
        await rig.service.restart()
        code, _, err = await rig.service.command("devices", "recheck", "kolide/2")
        assert code == 1 and "no longer configured" in err
        done = await rig.service.shown("devices", "retire", "kolide/2", "--reason", "no more Kolide", "--yes")
        assert (done["told"], done["problem"]) == (1, None)
        await rig.hears("okta", BAD, GOOD, login=email(2))


async def test_a_recheck_finds_what_no_webhook_said(tmp_path: Path) -> None:
    async with Rig(tmp_path, OKTA) as rig:
        await running(rig)
        rig.api.laptops[1].issues = {1: False}
        found = await rig.service.shown("devices", "recheck", "kolide/1")
        assert (found["status"], found["changed"], found["problem"]) == (BAD, True, None)
        await wait_until(lambda: rig.statuses("okta", login=email(1)) == [BAD])
        code, _, err = await rig.service.command("devices", "recheck", "9")
        assert code == 1 and "no device 9 is known" in err
