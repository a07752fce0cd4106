"""A vendor's mass failure is held, an operator lets it go, and only what is still true goes out."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.flip import OKTA, check, fails, fleet, flip, known
from tests.e2e.kolide import Trouble
from tests.e2e.rig import Rig, email


async def test_a_third_of_the_fleet_flips(tmp_path: Path) -> None:
    """`./run chaos --flip 2000` is the same with a larger fleet."""
    check(await flip(tmp_path, 200), 200)


async def test_released_while_the_vendor_is_down_then_discarded(tmp_path: Path) -> None:
    """Nothing goes out, the vendor's answer is on stderr, and what was let go goes out when it answers again. What is
    discarded is not told until the device changes."""
    async with Rig(tmp_path, OKTA) as rig:
        rig.service.tables["guard"] = {"max_users": 1}
        fleet(rig, 5)
        await rig.start()
        await known(rig, 5)
        await fails(rig, [1, 2, 3, 4])
        await rig.quiet()
        told = {one.login for one in rig.heard("okta")}
        assert len(told) == 1
        rig.api.trouble = Trouble(status=401)
        code, out, err = await rig.service.command("guard", "release", "--json")
        assert code == 1 and '"unanswered": 3' in out, (out, err)
        assert "refused our credentials (401 or 403)" in err and "looked at again without you" in err
        assert {one.login for one in rig.heard("okta")} == told
        line = (await rig.service.shown("guard", "status"))["connectors"][0]
        assert (line["held"], line["released"]) == (0, 3)

        code, _, err = await rig.service.command("guard", "discard")
        assert code == 2 and "--yes" in err
        rig.api.trouble = None
        report = await rig.service.shown("guard", "release")
        assert (report["released"], report["told"], report["unanswered"]) == (3, 3, 0)
        await rig.settled()

        rig.api.laptops[5].issues = {1: False}
        code, _, err = await rig.service.command("devices", "recheck", "5")
        assert code == 0, err
        assert (await rig.service.shown("guard", "discard", "--yes"))["discarded"] == 1
        assert (await rig.service.shown("guard", "discard", "--yes"))["discarded"] == 0
        code, _, _ = await rig.service.command("check")
        assert code == 0, "nothing waits for an operator"
        shown = await rig.service.shown("devices", "show", "5")
        (okta,) = shown["receivers"]
        assert okta["why"]["reason"] == "guard_discarded" and okta["held"]["why"] == "discarded"
        assert not rig.heard("okta", login=email(5))
