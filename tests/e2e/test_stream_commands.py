"""What an operator does to a running stream: pause, enable, resync, verify, test, prune; and what a dry run keeps."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from bridge.model import Status
from bridge.ssf.decoded import decoded
from tests.e2e.rig import Rig, email
from tests.e2e.webhooks import opened, resolved

BAD: Status = "not-compliant"
GOOD: Status = "compliant"
BOTH = {"okta": {"profile": "okta"}, "siem": {"profile": "ssf"}}


async def fails(rig: Rig, *devices: int) -> None:
    for device in devices:
        if device not in rig.api.laptops:
            rig.api.add(device, owner=device)
        rig.api.laptops[device].issues[1] = False
        await rig.ring(opened(device))


async def recovers(rig: Rig, *devices: int) -> None:
    for device in devices:
        rig.api.laptops[device].issues.clear()
        await rig.ring(resolved(device))


async def test_paused_holds_and_enabled_tells_the_newest(tmp_path: Path) -> None:
    async with Rig(tmp_path, BOTH) as rig:
        await rig.start()
        await fails(rig, 1)
        await rig.settled()
        code, out, err = await rig.service.command("streams", "pause", "okta", "--reason", "change freeze")
        assert (code, err) == (0, "") and "change freeze" in out
        await asyncio.sleep(1.2)  # noticed within a second
        await recovers(rig, 1)
        await fails(rig, 2, 3)
        await recovers(rig, 3)
        await rig.hears("siem", BAD, login=email(2))
        await rig.quiet()
        assert [one.login for one in rig.heard("okta")] == [email(1)]
        listed = {one["name"]: one["state"] for one in await rig.service.shown("streams", "list")}
        assert listed == {"okta": "paused", "siem": "enabled"}
        shown = await rig.service.shown("devices", "show", "2")
        assert "paused" in json.dumps(shown)
        await rig.service.restart()
        assert [one.login for one in rig.heard("okta")] == [email(1)], "a restart does not end it"
        assert (await rig.service.command("streams", "enable", "okta"))[0] == 0
        await rig.hears("okta", BAD, GOOD, login=email(1))
        await rig.hears("okta", BAD, login=email(2))
        await rig.settled()
        assert not rig.heard("okta", login=email(3)), "what cancelled out meanwhile is never told"
        code, out, _ = await rig.service.command("streams", "enable", "okta")
        assert code == 0 and "was not paused" in out


async def test_resync_says_what_differs_before_it_tells(tmp_path: Path) -> None:
    """A ledger that fell behind: as after a restore of a backup from before."""
    async with Rig(tmp_path, BOTH) as rig:
        await rig.start()
        await fails(rig, 1, 2)
        await rig.settled()
        assert await rig.service.shown("streams", "resync", "okta", "--dry-run") == []
        await rig.service.stop()
        store = await rig.store()
        stream = next(row for row in await store.streams() if row.name == "okta")
        await store.prune_stream(stream.id)
        await store.put_stream(stream)
        await rig.service.start()
        found = await rig.service.shown("streams", "resync", "okta", "--dry-run")
        assert [(one["login"], one["told"], one["so"], one["because"]) for one in found] == [
            (email(1), GOOD, BAD, ["kolide/1"]),
            (email(2), GOOD, BAD, ["kolide/2"]),
        ]
        before = len(rig.receivers["okta"].book.receipts)
        code, out, err = await rig.service.command("streams", "resync", "okta", "--json")
        assert code == 0 and "2 would be told not compliant" in err, err
        report = json.loads(out)
        assert (report["differed"], report["told"], report["delivered"], report["held"]) == (2, 2, 2, 0)
        assert len(rig.receivers["okta"].book.receipts) == before + 2
        assert await rig.service.shown("streams", "resync", "okta", "--dry-run") == []


async def test_verify_and_test(tmp_path: Path) -> None:
    async with Rig(tmp_path, BOTH) as rig:
        await rig.start()
        report = await rig.service.shown("streams", "verify", "siem")
        assert (report["told"], report["delivered"], report["state"]) == (1, 1, "done")
        code, _, err = await rig.service.command("streams", "verify", "okta")
        assert code == 2 and "knows no verification event" in err
        report = await rig.service.shown("streams", "test", "okta", "--user", "me@acme.example")
        assert (report["told"], report["delivered"]) == (2, 2)
        assert rig.statuses("okta", login="me@acme.example") == [BAD, GOOD]
        code, _, err = await rig.service.command("people", "forget", "me@acme.example", "--yes")
        assert code == 0, err
        store = await rig.store()
        left = [decoded(one.text) for one in await store.deliveries()]
        assert left and "me@acme.example" not in f"{left} {await store.errands()}"
        await fails(rig, 1)
        await rig.hears("okta", BAD, login=email(1))
        code, _, err = await rig.service.command("streams", "test", "okta", "--user", email(1))
        assert code == 1 and "would let them in" in err
        assert rig.statuses("okta", login=email(1)) == [BAD]
        code, _, err = await rig.service.command("streams", "test", "okta", "--user", "nobody")
        assert code == 2


async def test_without_a_serve_and_with_unknown_names(tmp_path: Path) -> None:
    async with Rig(tmp_path, BOTH) as rig:
        await rig.start()
        for command in ("pause", "enable", "verify", "resync", "prune"):
            code, _, err = await rig.service.command("streams", command, "otka")
            assert code == 1 and "did you mean okta" in err, (command, err)
        await rig.service.stop()
        code, _, err = await rig.service.command("streams", "verify", "siem")
        assert code == 1 and "no `serve` runs" in err
        assert (await rig.service.command("streams", "pause", "okta"))[0] == 0, "it waits for the next start"
        await rig.service.start()
        await fails(rig, 1)
        await rig.hears("siem", BAD, login=email(1))
        assert rig.heard("okta") == []


async def test_only_an_orphaned_stream_is_pruned(tmp_path: Path) -> None:
    async with Rig(tmp_path, BOTH) as rig:
        await rig.start()
        await fails(rig, 1)
        await rig.settled()
        code, _, err = await rig.service.command("streams", "prune", "okta", "--yes")
        assert code == 1 and "stands in the configuration" in err
        del rig.service.tables["receivers.okta"]
        rig.service.configure()
        code, _, err = await rig.service.command("streams", "prune", "okta", "--yes")
        assert code == 1 and "the `serve` that runs still carries okta" in err
        await rig.service.restart()
        code, _, err = await rig.service.command("streams", "prune", "okta")
        assert code == 2 and "--yes" in err
        report = await rig.service.shown("streams", "prune", "okta", "--yes")
        assert report["rows"] == 2
        assert [one["name"] for one in await rig.service.shown("streams", "list")] == ["siem"]


async def test_a_dry_run_keeps_what_would_have_gone(tmp_path: Path) -> None:
    async with Rig(tmp_path, {"okta": {"profile": "okta", "dry_run": True}, "siem": {"profile": "ssf"}}) as rig:
        await rig.start()
        await fails(rig, 1, 2)
        await rig.quiet()
        await recovers(rig, 2)
        await rig.hears("siem", BAD, login=email(1))
        await rig.quiet()
        assert rig.heard("okta") == []
        kept = await rig.service.shown("deliveries", "list", "--dry-run")
        by_person = [(one["subject"], one["status"]) for one in reversed(kept)]
        assert by_person == [
            (f"user={email(1)}", BAD), (f"user={email(2)}", BAD), (f"user={email(2)}", GOOD),
        ]  # fmt: skip
        assert {one["stream"] for one in kept} == {"okta"}
        shown = await rig.service.shown("deliveries", "show", str(kept[-1]["id"]))
        assert shown["header"] is None and shown["claims"]["aud"] == "https://okta.example"
        assert all(one["stream"] != "okta" for one in await rig.service.shown("deliveries", "list"))
        rig.service.tables["receivers.okta"]["dry_run"] = False
        await rig.service.restart()
        await rig.hears("okta", BAD, login=email(1))
        await rig.settled()
        assert not rig.heard("okta", login=email(2))
        assert await rig.service.shown("deliveries", "list", "--dry-run") == [], "a dry run that is over is forgotten"


async def test_a_connector_in_dry_run_tells_nobody(tmp_path: Path) -> None:
    async with Rig(tmp_path, BOTH, {"dry_run": True}) as rig:
        await rig.start()
        await fails(rig, 1)
        await rig.quiet()
        kept = await rig.service.shown("deliveries", "list", "--dry-run")
        assert sorted(one["stream"] for one in kept) == ["okta", "siem"]
        assert not rig.heard("okta") and not rig.heard("siem")
        rig.service.tables["connectors.kolide"]["dry_run"] = False
        await rig.service.restart()
        for receiver in BOTH:
            await rig.hears(receiver, BAD, login=email(1))
        await rig.settled()
