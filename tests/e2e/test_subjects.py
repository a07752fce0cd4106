"""What a receiver said about subjects holds in a real serve: over a restart, and beside commands."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from bridge.model import Subscription
from bridge.ssf.identifier import canonical
from bridge.store import open_store
from bridge.store.protocol import Store
from bridge.store.records import StreamRow
from bridge.store.subjects import Choice
from tests.e2e.rig import Rig, audience, email
from tests.e2e.times import wait_until
from tests.e2e.webhooks import opened
from tests.store.given import FakeClock

BAD: Final = "not-compliant"
PUSH: Final = "urn:ietf:rfc:8935"


async def says(store: Store, kind: Literal["added", "removed"], person: int, seq: int) -> None:
    subject = canonical({"format": "email", "email": email(person)})
    assert await store.put_choice(Choice("st_1", subject, kind, seq, 1.0, due=kind == "added"), 100) == ""


async def test_words_about_people_outlive_the_process_and_go_with_the_person(tmp_path: Path) -> None:
    async with Rig(tmp_path, {"rp": {"profile": "ssf"}}) as rig:
        endpoint = rig.service.tables.pop("receivers.rp")["endpoint_url"]
        rig.service.tables["oauth.clients.rp"] = {"secret": "a-secret-of-some-length", "audience": audience("rp")}
        store = await open_store(rig.service.database, FakeClock(), exclusive=False, create=True)
        made = Subscription(PUSH, endpoint_url=endpoint)
        row = StreamRow("st_1", "rp-1", audience("rp"), 1.0, client="rp", subscription=made)
        assert await store.make_stream(row, 1)
        await says(store, "removed", 1, 1)
        await says(store, "removed", 3, 2)
        await rig.start()
        for person in (1, 2, 3):
            rig.api.add(person, owner=person).issues = {person: False}
        await rig.ring(opened(1), opened(2))
        await rig.hears("rp", BAD, device=2)
        await rig.quiet(devices=[1, 2])
        assert rig.statuses("rp", device=1) == []

        await rig.service.stop()
        await says(store, "added", 1, 3)
        await rig.start()
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
