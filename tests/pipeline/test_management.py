"""Receivers make, read, change and delete their own streams, and nobody else's (SSF 1.0 §8.1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bridge.config import Client
from bridge.errors import Conflict, Forbidden, NotFound
from bridge.model import DEVICE_COMPLIANCE_CHANGE, Stream
from bridge.pipeline.api.management import Management
from bridge.pipeline.api.ownership import Ownership
from bridge.pipeline.api.standing import Standing
from bridge.pipeline.journal import Journal
from bridge.pipeline.streams.keeper import Changed, Keeper
from bridge.pipeline.streams.subscribed import Subscribed
from bridge.ssf.configuration import OLD_PUSH, POLL, PUSH, Unacceptable
from bridge.store import open_store
from bridge.store.protocol import Store
from bridge.store.records import NewDelivery, Rank, StreamRow, Unit
from bridge.vault import Vault
from tests.histories.ports import START, Clock, Ids

HOOK = "https://hooks.example/ssf"
CLIENTS = {
    "alpha": Client.model_validate({"secret": "a", "audience": "https://shared.example", "max_streams": 3}),
    "beta": Client.model_validate(
        {"secret": "b", "audience": "https://shared.example", "max_streams": 1, "verify": False}
    ),
    "deaf": Client.model_validate({"secret": "c", "audience": "x", "events": ["session-revoked"]}),
}
CONFIGURED = Stream("s-conf", "pollme", "https://shared.example", "ssf", "", way="poll", client="alpha")


class House:
    """The streams that run, over a store that outlives `start`."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder = store, folder
        self.clock, self.ids = Clock(), Ids()
        self.resumed: list[str] = []
        self.used: list[str] = []
        self.refused: dict[str, str] = {}

    async def start(self) -> list[Stream]:
        vault = Vault(self.folder / "vault.key")
        self.vault = vault
        self.carried: dict[str, Rank] = {}
        self.keeper = Keeper(
            self.store, self.clock, self._carry, self._resume, lambda what: None, Subscribed(CLIENTS, vault)
        )
        row = StreamRow(CONFIGURED.id, CONFIGURED.name, CONFIGURED.audience, START, client="alpha")
        await self.store.put_stream(row)
        self.keeper.begin([(CONFIGURED, row)], ())
        await self.keeper.begin_made()
        owned = Ownership(self.store, self.keeper, self.used.append)
        self.streams = Management(
            self.store, self.keeper, owned, CLIENTS, issuer="https://signals.example", vault=vault,
            refusal=self._refusal, clock=self.clock, ids=self.ids, journal=self._journal,
        )  # fmt: skip
        self.standing = Standing(self.keeper, owned, self.clock, self._journal)
        return await self.keeper.due()

    def _journal(self, client: str) -> Journal:
        return Journal(self.store, self.clock, self.ids, f"client {client}")

    async def _refusal(self, url: str) -> str | None:
        return self.refused.get(url)

    def _carry(self, changed: Changed) -> None:
        for stream_id, one in changed.items():
            self.carried.pop(stream_id, None)
            if one is not None and one.stream.way == "push":
                self.carried[stream_id] = one.reach

    async def _resume(self, streams: Sequence[Stream]) -> None:
        self.resumed += [stream.id for stream in streams]
        await self.keeper.compared(streams)

    async def made(self, client: str = "alpha", **body: Any) -> str:
        found: str = (await self.streams.create(client, body))["stream_id"]
        return found

    async def waiting(self, stream_id: str, rank: Rank = Rank.EVENT) -> None:
        one = NewDelivery(stream_id, f"u{rank}", f"o{rank}", self.ids.jti(), "t", "kid", "text", rank=rank)
        await self.store.commit([Unit(sets=(one,))])

    async def states(self, stream_id: str) -> list[str]:
        return [row.state for row in await self.store.deliveries(stream_id=stream_id)]


@pytest.fixture(params=["memory", "sqlite"])
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path / 'bridge.db'}"
    store = await open_store(url, Clock(), exclusive=False, create=True)
    house = House(store, tmp_path)
    await house.start()
    yield house
    await store.close()


def push(**more: Any) -> dict[str, Any]:
    return {"method": PUSH, "endpoint_url": HOOK, **more}


# -- made and read ------------------------------------------------------------------------------------


async def test_nothing_asked_for_is_a_poll_of_all_that_can_be_had(house: House) -> None:
    found = await house.streams.create("beta", {})
    stream_id = found["stream_id"]
    assert found == {
        "stream_id": stream_id,
        "iss": "https://signals.example",
        "aud": "https://shared.example",
        "delivery": {"method": POLL, "endpoint_url": f"https://signals.example/ssf/poll/{stream_id}"},
        "events_supported": [DEVICE_COMPLIANCE_CHANGE],
        "events_delivered": [DEVICE_COMPLIANCE_CHANGE],
        "min_verification_interval": 10,
    }
    assert await house.streams.read("beta", stream_id) == found
    assert house.streams.listed("beta") == [found]
    assert stream_id.startswith("st_") and len(stream_id) > 20


async def test_a_push_keeps_its_header_to_itself(house: House) -> None:
    stream_id = await house.made(delivery=push(authorization_header="Bearer not-for-you"))
    shown = await house.streams.read("alpha", stream_id)
    assert shown["delivery"] == {"method": PUSH, "endpoint_url": HOOK}
    row = await house.store.stream(stream_id)
    assert "not-for-you" not in repr(row) and row is not None and row.subscription is not None
    assert "not-for-you" not in row.subscription.sealed_header
    header = house.keeper.running()[stream_id].stream.authorization_header
    assert header is not None and header.reveal() == "Bearer not-for-you"
    assert all("not-for-you" not in repr(entry) for entry in await house.store.audit())


async def test_an_entitlement_bounds_what_is_supported(house: House) -> None:
    found = await house.streams.create("deaf", {"events_requested": [DEVICE_COMPLIANCE_CHANGE]})
    assert (found["events_supported"], found["events_delivered"]) == ([], [])
    assert house.keeper.running()[found["stream_id"]].stream.events == frozenset()


async def test_as_many_as_a_client_may_have(house: House) -> None:
    await house.made("beta")
    with pytest.raises(Conflict, match="there is one stream already"):
        await house.made("beta")
    for _ in range(3):
        await house.made()
    with pytest.raises(Conflict, match="there are 3 streams already"):
        await house.made()
    await house.streams.delete("alpha", house.streams.listed("alpha")[-1]["stream_id"])
    await house.made()


async def test_where_it_may_not_be_pushed(house: House) -> None:
    house.refused[HOOK] = "a loopback address"
    with pytest.raises(Unacceptable, match=r"delivery.endpoint_url: a loopback address"):
        await house.made(delivery=push())
    assert len(house.streams.listed("alpha")) == 1, "the configured one"
    stream_id = await house.made()
    with pytest.raises(Unacceptable):
        await house.streams.change("alpha", {"stream_id": stream_id, "delivery": push()}, whole=False)
    assert (await house.streams.read("alpha", stream_id))["delivery"]["method"] == POLL


async def test_what_is_made_runs_and_outlives_a_restart(house: House) -> None:
    stream_id = await house.made(delivery=push(), description="North")
    assert house.carried == {stream_id: Rank.VERIFICATION}, "no event before it is verified"
    before = await house.streams.read("alpha", stream_id)
    assert await house.start() == [], "a new stream starts empty"
    assert await house.streams.read("alpha", stream_id) == before
    assert house.carried == {stream_id: Rank.VERIFICATION}
    other = await house.made("beta", delivery=push())
    assert house.carried[other] is Rank.EVENT, "its client wants no verification"


# -- whose it is --------------------------------------------------------------------------------------


async def test_nobody_sees_what_is_somebody_elses(house: House) -> None:
    stream_id = await house.made()
    assert house.streams.listed("beta") == []
    for doing in (
        lambda: house.streams.read("beta", stream_id),
        lambda: house.streams.change("beta", {"stream_id": stream_id, "description": "mine"}, whole=False),
        lambda: house.streams.change("beta", {"stream_id": stream_id}, whole=True),
        lambda: house.streams.delete("beta", stream_id),
        lambda: house.standing.read("beta", stream_id),
        lambda: house.standing.set("beta", {"stream_id": stream_id, "status": "disabled"}),
        lambda: house.streams.read("beta", "st_never"),
    ):
        with pytest.raises(NotFound) as refused:
            await doing()
        assert str(refused.value) == "there is no such stream"
    assert house.used.count(stream_id) == 1, "what others ask is no use of it"
    assert (await house.standing.read("alpha", stream_id))["status"] == "enabled"


async def test_a_configured_stream_is_read_and_not_changed(house: House) -> None:
    assert [one["stream_id"] for one in house.streams.listed("alpha")] == [CONFIGURED.id]
    shown = await house.streams.read("alpha", CONFIGURED.id)
    assert shown["delivery"] == {"method": POLL, "endpoint_url": "https://signals.example/ssf/poll/s-conf"}
    assert await house.standing.read("alpha", CONFIGURED.id) == {"stream_id": CONFIGURED.id, "status": "enabled"}
    for doing in (
        lambda: house.streams.change("alpha", {"stream_id": CONFIGURED.id, "description": "x"}, whole=False),
        lambda: house.streams.change("alpha", {"stream_id": CONFIGURED.id}, whole=True),
        lambda: house.streams.delete("alpha", CONFIGURED.id),
        lambda: house.standing.set("alpha", {"stream_id": CONFIGURED.id, "status": "paused"}),
    ):
        with pytest.raises(Forbidden):
            await doing()


# -- changed ------------------------------------------------------------------------------------------


async def test_an_update_leaves_what_it_does_not_name(house: House) -> None:
    stream_id = await house.made(
        delivery=push(authorization_header="Bearer x"), events_requested=["a"], description="North"
    )
    found = await house.streams.change("alpha", {"stream_id": stream_id, "description": "South"}, whole=False)
    assert (found["description"], found["events_requested"]) == ("South", ["a"])
    assert house.keeper.running()[stream_id].stream.authorization_header is not None
    found = await house.streams.change("alpha", {"stream_id": stream_id, "delivery": push()}, whole=False)
    assert house.keeper.running()[stream_id].stream.authorization_header is None, "delivery is replaced as a whole"
    assert found["events_requested"] == ["a"]


async def test_a_replacement_takes_away_what_it_does_not_name(house: House) -> None:
    stream_id = await house.made(delivery=push(), events_requested=["a"], description="North")
    found = await house.streams.change("alpha", {"stream_id": stream_id}, whole=True)
    assert found["delivery"]["method"] == POLL and "description" not in found and "events_requested" not in found
    assert found["events_delivered"] == [DEVICE_COMPLIANCE_CHANGE]
    assert stream_id not in house.carried, "it is polled from now on"


async def test_the_whole_configuration_may_be_sent_back(house: House) -> None:
    stream_id = await house.made(delivery=push(), events_requested=[DEVICE_COMPLIANCE_CHANGE, "x"])
    found = await house.streams.read("alpha", stream_id)
    assert await house.streams.change("alpha", found, whole=True) == found
    assert await house.streams.change("alpha", found, whole=False) == found
    row = await house.store.stream(stream_id)
    assert row is not None and row.subscription is not None and row.subscription.version == 0, "nothing was changed"


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"aud": "https://other.example"}, "aud"),
        ({"events_delivered": []}, "events_delivered"),
        ({"inactivity_timeout": 5}, "inactivity_timeout"),
        ({"delivery": 5}, "delivery"),
        ({"stream_id": None}, "stream_id"),
        ({"stream_id": 7}, "stream_id"),
    ],
)
async def test_a_change_that_cannot_be(house: House, whole: bool, wrong: dict[str, Any], path: str) -> None:
    stream_id = await house.made(description="North")
    with pytest.raises(Unacceptable) as refused:
        await house.streams.change("alpha", {"stream_id": stream_id, "description": "x", **wrong}, whole=whole)
    assert refused.value.path == path
    assert (await house.streams.read("alpha", stream_id))["description"] == "North", "nothing half done"


async def test_what_is_delivered_is_compared_with_what_was_before(house: House) -> None:
    """SSF 1.0 §8.1.1.3: events_delivered must be that of before the update."""
    stream_id = await house.made(events_requested=[])
    body = {"stream_id": stream_id, "events_requested": [DEVICE_COMPLIANCE_CHANGE]}
    with pytest.raises(Unacceptable):
        await house.streams.change("alpha", {**body, "events_delivered": [DEVICE_COMPLIANCE_CHANGE]}, whole=False)
    found = await house.streams.change("alpha", {**body, "events_delivered": []}, whole=False)
    assert found["events_delivered"] == [DEVICE_COMPLIANCE_CHANGE]


async def test_what_is_wanted_anew_is_compared(house: House) -> None:
    stream_id = await house.made("beta", delivery=push(), events_requested=[])
    await house.streams.change("beta", {"stream_id": stream_id, "description": "no more than before"}, whole=False)
    await house.keeper.turn()
    assert house.resumed == []
    body = {"stream_id": stream_id, "events_requested": [DEVICE_COMPLIANCE_CHANGE]}
    await house.streams.change("beta", body, whole=False)
    assert house.carried[stream_id] is Rank.VERIFICATION, "no event before it is compared"
    assert [stream.id for stream in await house.start()] == [stream_id], "whatever dies"
    await house._resume([house.keeper.running()[stream_id].stream])
    assert house.carried[stream_id] is Rank.EVENT
    assert await house.start() == []


async def test_another_place_is_verified_anew(house: House) -> None:
    stream_id = await house.made(delivery=push())
    row = await house.store.stream(stream_id)
    assert row is not None and row.subscription is not None and not row.subscription.verified
    for delivery, verified in ((push(), False), ({"method": POLL}, True), ({**push(), "method": OLD_PUSH}, False)):
        await house.streams.change("alpha", {"stream_id": stream_id, "delivery": delivery}, whole=False)
        assert house.keeper.running()[stream_id].stream.verified is verified, delivery


async def test_two_changes_at_once_both_hold(house: House) -> None:
    stream_id = await house.made()
    both = [{"stream_id": stream_id, "description": "both"}, {"stream_id": stream_id, "events_requested": ["x"]}]
    await asyncio.gather(*(house.streams.change("alpha", body, whole=False) for body in both))
    found = await house.streams.read("alpha", stream_id)
    assert (found["description"], found["events_requested"]) == ("both", ["x"])


# -- deleted ------------------------------------------------------------------------------------------


async def test_nothing_is_sent_once_it_is_deleted(house: House) -> None:
    stream_id = await house.made(delivery=push())
    await house.waiting(stream_id)
    await house.streams.delete("alpha", stream_id)
    assert stream_id not in house.carried and stream_id not in house.keeper.running()
    with pytest.raises(NotFound):
        await house.streams.read("alpha", stream_id)
    with pytest.raises(NotFound):
        await house.streams.delete("alpha", stream_id)
    await house.start()
    assert stream_id not in house.keeper.running()
    while await house.store.clear_stream(stream_id, START, 1):
        pass
    assert await house.states(stream_id) == ["superseded"] and await house.store.stream(stream_id) is None


# -- status -------------------------------------------------------------------------------------------


async def test_paused_holds_and_goes_on_when_it_was_compared(house: House) -> None:
    stream_id = await house.made("beta", delivery=push())
    await house.waiting(stream_id)
    told = await house.standing.set("beta", {"stream_id": stream_id, "status": "paused", "reason": "maintenance"})
    assert told == {"stream_id": stream_id, "status": "paused", "reason": "maintenance"}
    assert house.carried[stream_id] is Rank.UPDATE and await house.states(stream_id) == ["pending"]
    assert await house.standing.set("beta", {"stream_id": stream_id, "status": "enabled"}) == {
        "stream_id": stream_id, "status": "enabled",
    }  # fmt: skip
    assert house.carried[stream_id] is Rank.VERIFICATION
    await house.keeper.turn()
    assert house.resumed == [stream_id] and house.carried[stream_id] is Rank.EVENT
    row = await house.store.stream(stream_id)
    assert row is not None and row.announced == "enabled", "who changed it knows"


async def test_disabled_drops(house: House) -> None:
    stream_id = await house.made("beta", delivery=push())
    for rank in Rank:
        await house.waiting(stream_id, rank)
    await house.standing.set("beta", {"stream_id": stream_id, "status": "disabled"})
    assert sorted(await house.states(stream_id)) == ["pending", "superseded", "superseded"], (
        "all but the stream-updated"
    )
    await house.start()
    await house.standing.set("beta", {"stream_id": stream_id, "status": "enabled"})
    await house.keeper.turn()
    assert house.resumed == [stream_id]


@pytest.mark.parametrize("status", ["paused", "disabled"])
async def test_a_restart_while_it_is_held_up_owes_a_comparison(house: House, status: str) -> None:
    stream_id = await house.made("beta")
    await house.standing.set("beta", {"stream_id": stream_id, "status": status})
    assert await house.start() == []
    await house.standing.set("beta", {"stream_id": stream_id, "status": "enabled"})
    assert [stream.id for stream in await house.start()] == [stream_id]


async def test_an_operators_pause_stands_against_the_receivers_word(house: House) -> None:
    stream_id = await house.made()
    await house.store.pause(stream_id, "flood")
    await house.keeper.turn()
    assert await house.standing.read("alpha", stream_id) == {
        "stream_id": stream_id, "status": "paused", "reason": "paused by the transmitter's operator: flood",
    }  # fmt: skip
    with pytest.raises(Forbidden, match="flood"):
        await house.standing.set("alpha", {"stream_id": stream_id, "status": "enabled"})
    await house.standing.set("alpha", {"stream_id": stream_id, "status": "disabled"})
    await house.store.pause(stream_id, "")
    await house.keeper.turn()
    assert (await house.standing.read("alpha", stream_id))["status"] == "disabled"


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"status": "on"}, "status"),
        ({"status": None}, "status"),
        ({"status": ["paused"]}, "status"),
        ({"stream_id": 5}, "stream_id"),
        ({"reason": {"en": "x"}}, "reason"),
    ],
)
async def test_a_status_that_cannot_be(house: House, wrong: dict[str, Any], path: str) -> None:
    stream_id = await house.made()
    with pytest.raises(Unacceptable) as refused:
        await house.standing.set("alpha", {"stream_id": stream_id, "status": "paused", **wrong})
    assert refused.value.path == path
    assert (await house.standing.read("alpha", stream_id))["status"] == "enabled"


async def test_every_change_is_in_the_audit_log_in_the_clients_name(house: House) -> None:
    stream_id = await house.made()
    await house.streams.change("alpha", {"stream_id": stream_id, "delivery": push()}, whole=False)
    await house.streams.change("alpha", {"stream_id": stream_id}, whole=True)
    await house.standing.set("alpha", {"stream_id": stream_id, "status": "paused", "reason": "why"})
    await house.streams.delete("alpha", stream_id)
    entries = list(reversed(await house.store.audit(who="client alpha")))
    assert [entry.what for entry in entries] == [
        "streams.create", "streams.update", "streams.replace", "streams.pause", "streams.delete",
    ]  # fmt: skip
    assert {entry.target for entry in entries} == {stream_id} and entries[3].why == "why"


async def test_the_audit_log_says_what_a_description_became_and_no_address(house: House) -> None:
    stream_id = await house.made()
    words = {"stream_id": stream_id, "description": "South,\n of ann@acme.example " + "x" * 200}
    await house.streams.change("alpha", words, whole=False)
    (entry,) = await house.store.audit(what="streams.update")
    assert entry.before in entry.after and "; South, of person:" in entry.after
    assert "ann@" not in entry.after and len(entry.after) < len(entry.before) + 120
