"""What a receiver says about subjects at the door of a real serve holds: over a restart, and beside commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from bridge.model import Subscription
from bridge.store import open_store
from bridge.store.records import StreamRow
from tests.e2e.rig import Rig, audience, email
from tests.e2e.times import wait_until
from tests.e2e.webhooks import opened
from tests.store.given import FakeClock

BAD: Final = "not-compliant"
PUSH: Final = "urn:ietf:rfc:8935"
TOKEN: Final = "a-static-token-of-some-length"


async def says(rig: Rig, verb: str, person: int) -> int:
    body: dict[str, Any] = {"stream_id": "st_1", "subject": {"format": "email", "email": email(person)}}
    url, headers = f"{rig.service.url}/ssf/subjects/{verb}", {"authorization": f"Bearer {TOKEN}"}
    async with rig.session.post(url, json=body, headers=headers) as answer:
        assert await answer.read() == b""
        return answer.status


async def test_words_about_people_outlive_the_process_and_go_with_the_person(tmp_path: Path) -> None:
    async with Rig(tmp_path, {"rp": {"profile": "ssf"}}) as rig:
        endpoint = rig.service.tables.pop("receivers.rp")["endpoint_url"]
        rig.service.tables["policy"] = {"baseline": "announce"}
        rig.service.tables["oauth.clients.rp"] = {"token": TOKEN, "audience": audience("rp")}
        store = await open_store(rig.service.database, FakeClock(), exclusive=False, create=True)
        made = Subscription(PUSH, endpoint_url=endpoint)
        row = StreamRow("st_1", "rp-1", audience("rp"), 1.0, client="rp", subscription=made)
        assert await store.make_stream(row, 1)
        await rig.start()
        assert [await says(rig, "remove", person) for person in (1, 3)] == [204, 204]
        for person in (1, 2, 3):
            rig.api.add(person, owner=person).issues = {person: False}
        await rig.ring(opened(1), opened(2))
        await rig.hears("rp", BAD, device=2)
        await rig.service.restart()
        await rig.quiet(devices=[1, 2])
        assert rig.statuses("rp", device=1) == []

        assert await says(rig, "add", 1) == 200
        await rig.hears("rp", BAD, device=1)

        async def settled() -> bool:
            return [one.kind for one in await store.choices("st_1")] == ["removed"]

        await wait_until(settled, 5.0, rig.service.tail)
        code, out, err = await rig.service.command("people", "forget", email(3), "--yes")
        assert code == 0, out + err
        assert await store.choices("st_1") == []
        await wait_until(lambda: rig.service.logged("selections.reloaded"), 5.0, rig.service.tail)
        await rig.ring(opened(3))
        await rig.hears("rp", BAD, device=3)
        await store.close()
