"""The first day: what fails already is held, and an operator lets it go or puts it away."""

from __future__ import annotations

from pathlib import Path

from bridge.model import Device, Finding, Hold, Owner
from bridge.store.records import Unit
from tests.e2e.flip import OKTA, known
from tests.e2e.kolide import Trouble
from tests.e2e.rig import Rig, email
from tests.e2e.webhooks import opened

SIZE = 12
SINCE = 1_700_000_000.0


async def first_day(rig: Rig, failing: range) -> None:
    for device in range(1, SIZE + 1):
        rig.api.add(device, owner=device)
    for device in failing:
        rig.api.laptops[device].issues = {1: False}
    await rig.start()
    await known(rig, SIZE)


async def test_what_failed_already_is_told_once_it_is_released_and_still_so(tmp_path: Path) -> None:
    """Held and shown; two are mended meanwhile, one is gone at the vendor; released twice."""
    async with Rig(tmp_path, OKTA) as rig:
        await first_day(rig, range(1, 7))
        shown = await rig.service.shown("connectors", "baseline", "kolide")
        assert (shown["held"], len(shown["devices"])) == (6, 6) and shown["baseline_at"]
        assert shown["devices"][0]["login"] == email(1) and shown["devices"][0]["held_since"]
        assert not rig.heard("okta")
        code, out, _ = await rig.service.command("check")
        assert code == 0 and "devices of kolide (6) are held as its baseline" in out
        device = await rig.service.shown("devices", "show", "1")
        assert (device["status"], device["counts_as"], device["hold"]["kind"]) == (
            "not-compliant", "compliant", "baseline",
        )  # fmt: skip
        stuck = await rig.service.shown("devices", "list", "--stuck")
        assert {one["stuck"]["reason"] for one in stuck} == {"baseline"} and len(stuck) == 6

        rig.api.laptops[1].issues.clear()
        rig.api.laptops[2].issues.clear()
        rig.api.laptops[3].exists = False
        report = await rig.service.shown("connectors", "baseline", "kolide", "--release")
        assert report == {
            "released": 6, "still_true": 3, "told": 3, "held": 0, "not_told": 0, "recovered": 2, "waiting": 1,
            "unanswered": 0, "problem": None,
        }  # fmt: skip
        assert {one.login for one in rig.heard("okta")} == {email(4), email(5), email(6)}
        again = await rig.service.shown("connectors", "baseline", "kolide", "--release")
        assert (again["released"], again["waiting"]) == (1, 1), "only the one that nobody could confirm"
        code, _, err = await rig.service.command("connectors", "baseline", "kolid")
        assert code == 1 and "did you mean kolide?" in err


async def test_released_while_the_vendor_is_down(tmp_path: Path) -> None:
    """Its answer and exit code 1, nothing is told, nothing is lost: it goes out after the next good look."""
    async with Rig(tmp_path, OKTA) as rig:
        await first_day(rig, range(1, 4))
        rig.api.trouble = Trouble(status=503)
        code, out, err = await rig.service.command("connectors", "baseline", "kolide", "--release", "--json")
        assert code == 1 and '"unanswered": 3' in out, (out, err)
        assert "could not be reached" in err and "503" in err
        assert not rig.heard("okta")
        rig.api.trouble = None
        await rig.settled(90)
        assert len(rig.heard("okta")) == 3


async def test_discarded_until_it_fails_anew(tmp_path: Path) -> None:
    async with Rig(tmp_path, OKTA) as rig:
        await first_day(rig, range(1, 4))
        code, _, err = await rig.service.command("connectors", "baseline", "kolide", "--discard")
        assert code == 2 and "--yes" in err
        code, _, err = await rig.service.command("connectors", "baseline", "kolide", "--discard", "--release")
        assert code == 2
        words = ("connectors", "baseline", "kolide", "--discard", "--yes", "--reason", "old news")
        assert (await rig.service.shown(*words))["discarded"] == 3
        assert (await rig.service.shown(*words))["discarded"] == 0
        assert (await rig.service.shown("connectors", "baseline", "kolide"))["discarded"] == 3
        await rig.service.shown("devices", "recheck", "1")
        assert not rig.heard("okta")
        rig.api.laptops[2].issues[2] = False
        await rig.ring(opened(2, issue=2))
        await rig.hears("okta", "not-compliant", login=email(2))
        audit = [(one.what, one.why) for one in await (await rig.store()).audit()]
        assert ("baseline.discard", "old news") in audit


async def test_without_an_api_what_is_released_is_compared_at_once(tmp_path: Path) -> None:
    """Nobody can be asked: what the webhooks stated is all there is."""
    async with Rig(tmp_path, OKTA) as rig:
        del rig.service.tables["connectors.kolide"]["api_key"]
        await rig.start()
        hold = Hold("baseline", "compliant", SINCE, keys=("1",))
        finding = Finding("1", "failing", SINCE, "1", "Issue 1")
        device = Device(
            "kolide", "1", "lap-1", Owner("1", email(1)), email(1), "", "not-compliant", SINCE, "folded", (finding,),
            ("1",), why="Issue 1", reason="baseline", first_seen=SINCE, updated_at=SINCE, hold=hold,
        )  # fmt: skip
        store = await rig.store()
        assert await store.commit([Unit(devices=(device,))]) == []
        report = await rig.service.shown("connectors", "baseline", "kolide", "--release")
        assert (report["released"], report["still_true"], report["told"]) == (1, 1, 1)
        await rig.hears("okta", "not-compliant", login=email(1))
        code, _, err = await rig.service.command("reconcile")
        assert code == 1 and "no list of devices, or no API credentials" in err
