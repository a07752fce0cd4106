"""Webhooks replayed, people forgotten and old rows deleted beside a running serve."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bridge.clock import SystemClock
from bridge.store import open_store
from bridge.store.archive import Wanted
from bridge.store.records import Arrival
from tests.e2e.conftest import THREE
from tests.e2e.rig import Rig, email
from tests.e2e.times import wait_until
from tests.e2e.webhooks import changed, opened, resolved

BAD: Final = "not-compliant"
GOOD: Final = "compliant"
OKTA = {"okta": THREE["okta"]}
DAY = 86_400.0


async def test_a_replayed_webhook_makes_up_for_one_that_was_lost(tmp_path: Path) -> None:
    async with Rig(tmp_path, OKTA) as rig:
        await rig.start()
        laptop = rig.api.add(1, owner=1)
        await rig.ring(changed(1))
        await rig.quiet()
        laptop.issues[1] = False  # and its webhook never comes
        (first,) = await rig.service.shown("webhooks", "list")
        assert first["outcome"] == "accepted" and first["devices"] == ["1"]
        counts = await rig.service.shown("webhooks", "replay", first["id"])
        assert counts == {"rung": 1}
        await rig.hears("okta", BAD)
        document = await rig.service.shown("webhooks", "show", first["id"])
        assert [one["status"] for one in document["sets"]] == [BAD], "what the replay caused has the webhook's txn"
        assert document["looks"][0]["answered"] and email(1) not in str(document)
        (entry,) = await rig.service.shown("audit", "list", "--what", "webhooks")
        assert entry["target"] == f"webhook {first['id']}"
        laptop.issues.clear()
        assert await rig.service.shown("webhooks", "replay", "--all", "--yes") == {"rung": 1}
        await rig.hears("okta", BAD, GOOD)
        await rig.settled()


async def test_nobody_is_forgotten_while_sets_are_on_their_way(tmp_path: Path) -> None:
    async with Rig(tmp_path, OKTA) as rig:
        await rig.start()
        laptop = rig.api.add(1, owner=1)
        rig.api.add(2, owner=2)
        await rig.ring(changed(2))
        laptop.issues[1] = False
        rig.receivers["okta"].book.down = True
        await rig.ring(opened(1))
        store = await rig.store()
        await wait_until(lambda: _any(store.deliveries()), 10, rig.service.tail)
        code, _, err = await rig.service.command("people", "forget", email(1), "--yes")
        assert code == 1 and "nothing was removed" in err, (code, err)
        rig.receivers["okta"].book.down = False
        await rig.hears("okta", BAD, seconds=60)
        code, _, err = await rig.service.command("people", "forget", email(1), "--yes")
        assert code == 1 and "okta was told not compliant" in err, (code, err)
        laptop.issues.clear()
        await rig.ring(resolved(1))
        await rig.hears("okta", BAD, GOOD)
        await rig.quiet()
        removed = (await rig.service.shown("people", "forget", email(1).upper(), "--yes"))["removed"]
        assert removed == {
            "devices": 1,
            "looks": removed["looks"],
            "told": 1,
            "deliveries": 2,
            "subjects": 0,
            "payloads": 2,
        }
        assert [one.device_id for one in await store.devices()] == ["2"]
        # Their device rings again: it starts afresh, and is told as one that was never seen.
        laptop.issues[1] = False
        await rig.ring(opened(1))
        await rig.hears("okta", BAD, GOOD, BAD)
        laptop.issues.clear()
        await rig.ring(resolved(1))
        await rig.hears("okta", BAD, GOOD, BAD, GOOD)
        await rig.settled()
        assert email(1) not in rig.service.log.read_text()


async def _any(rows: object) -> bool:
    return bool(await rows)  # type: ignore[misc]  # it is awaitable


async def test_kill_in_the_middle_of_a_clean_up(tmp_path: Path) -> None:
    """Each step is whole or was not; the next start goes on, and webhooks are taken meanwhile."""
    async with Rig(tmp_path, OKTA) as rig:
        await _fill(rig, 900)
        await rig.service.begin("expire.after 3")
        assert await rig.service.ended(60) == -9
        store = await rig.store()
        left = await store.webhooks(Wanted(limit=1000))
        emptied = [one for one in left if one.size is None]
        assert len(left) == 900 and len(emptied) == 600
        await rig.start()
        rig.api.add(1, owner=1)
        await rig.ring(changed(1))

        async def gone() -> bool:
            return len(await store.webhooks(Wanted(limit=1000))) == 1

        await wait_until(gone, 90, rig.service.tail)
        assert await rig.metric("caep_bridge_expired_rows_total", kind="webhooks") == 900
        assert await rig.metric("caep_bridge_stored_rows", table="webhook_ids") <= 1
        await rig.settled()
        sizes = {one["name"]: one["rows"] for one in (await rig.service.shown("db", "status"))["tables"]}
        assert sizes["webhooks"] == 1 and sizes["payloads"] == 1


async def _fill(rig: Rig, count: int) -> None:
    """Webhooks of a hundred days ago."""
    at = SystemClock().now() - 100 * DAY
    store = await open_store(rig.service.database, SystemClock(), exclusive=True, create=True)
    for number in range(count):
        new = Arrival(f"01A{number:023}", "kolide", at, "issues.new", f"h{number}", b"x" * 500, {})
        await store.accept(new)
    await store.close()


async def test_a_changed_configuration_is_on_record(tmp_path: Path) -> None:
    async with Rig(tmp_path, OKTA) as rig:
        await rig.start()
        rig.service.tables["retention"] = {"audit": "500d"}
        rig.service.tables["connectors.kolide"]["api_key"] = "another-key-entirely"
        await rig.service.restart()
        found = await rig.service.shown("audit", "list", "--what", "configuration.change")
        assert {one["target"]: (one["before"], one["after"]) for one in found} == {
            "retention.audit": ("34560000", "43200000"),
            "connectors.kolide.api_key": ("set", "changed"),
        }
        for file in tmp_path.glob("bridge.db*[!s]"):
            assert b"another-key-entirely" not in file.read_bytes()


async def test_a_wrong_section_is_refused(tmp_path: Path) -> None:
    """All that can be wrong in it: tests/config/test_load.py."""
    async with Rig(tmp_path, OKTA) as rig:
        rig.service.tables["retention"] = {"delivered": "5m"}
        await rig.service.begin()
        assert await rig.service.ended() == 2
        assert 'retention.delivered: must be at least "1h"' in rig.service.tail()
