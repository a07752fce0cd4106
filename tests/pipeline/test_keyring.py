"""The keyring over a store and a folder, by a clock of its own: what each turn does, and what a crash leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bridge.config import Secret
from bridge.errors import ConfigError, Conflict
from bridge.key import KeyRow
from bridge.model import Event, Stream
from bridge.pipeline.journal import Journal
from bridge.pipeline.keys import rotation
from bridge.pipeline.keys.keyring import Keyring
from bridge.pipeline.keys.remint import Remint
from bridge.pipeline.mint import Minter
from bridge.ssf.anew import claims_of
from bridge.ssf.keyfiles import KeyFiles, Source
from bridge.ssf.keys import KeyRing, key_from_pem
from bridge.ssf.ring import Terms, active, known, upcoming
from bridge.store import open_store
from bridge.store.protocol import Store
from bridge.store.records import NewDelivery, Settlement
from tests.histories.ports import Ids
from tests.ssf.given import EVENT, ISSUER, stream
from tests.store.given import FakeClock, mint, minted

TERMS = Terms(publish_for=100.0, keep_retired=240.0)
WHOM = stream(id="s", authorization_header=None)


class Tokens(Ids):
    def token(self) -> str:
        return "0" * 32


@dataclass
class House:
    """One installation; `started` is a process on it."""

    store: Store
    folder: Path
    clock: FakeClock
    terms: Terms = TERMS
    secret: Secret | None = None
    troubles: list[str] = field(default_factory=list)
    streams: dict[str, Stream] = field(default_factory=lambda: {"s": WHOM})

    @property
    def files(self) -> KeyFiles:
        return KeyFiles(self.folder / "keys")

    async def started(self) -> Keyring:
        source = Source(self.files, self.secret)
        journal = Journal(self.store, self.clock, Tokens(), "serve")
        self.keyring = Keyring(self.store, source, self.terms, self.clock, journal, self.troubles.append)
        await self.keyring.open()
        self.minter = Minter(ISSUER, lambda: self.keyring.ring, self.clock, self.ids, None)
        self.remint = Remint(self.store, self.minter, lambda: self.streams, self.clock)
        return self.keyring

    ids: Ids = field(default_factory=Ids)

    async def later(self, seconds: float) -> None:
        self.clock.at += seconds
        await self.keyring.turn(self.remint)

    async def told(self, subject: str = "u") -> int:
        """A SET under the key that signs now, pending."""
        pairs: list[tuple[Event, Stream]] = [(EVENT, WHOM)]
        (signed,) = await self.minter(pairs)
        new = mint(subject, subject, jti=signed.jti)
        whole = NewDelivery(
            new.stream_id, subject, subject, signed.jti, EVENT.txn, signed.kid, signed.text, connector="k",
            device_id="d1", created_at=self.clock.at,
        )  # fmt: skip
        (id_,) = await minted(self.store, whole)
        return id_

    async def rows(self) -> dict[str, KeyRow]:
        return {row.kid: row for row in await self.store.keys()}

    async def kid_of(self, id_: int) -> str:
        row = await self.store.delivery(id_)
        assert row is not None
        return row.kid


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock = FakeClock(1_800_000_000.0)
    yield House(await open_store("memory:", clock, exclusive=True), tmp_path, clock)


async def test_the_first_start_makes_a_key_and_later_ones_find_it(house: House) -> None:
    kid = (await house.started()).ring.active.kid
    row = (await house.rows())[kid]
    assert (row.state, row.published_at, row.activates_at) == ("active", house.clock.at, house.clock.at)
    assert (await house.started()).ring.active.kid == kid
    assert [(entry.what, entry.after) for entry in await house.store.audit()] == [("keys.turn", "active")]


async def test_a_store_that_is_lost_takes_up_the_key_that_lies_there(house: House) -> None:
    kid = house.files.make().kid
    assert (await house.started()).ring.active.kid == kid


async def test_a_rotation_by_the_clock(house: House) -> None:
    first = (await house.started()).ring.active.kid
    second = (await rotation.rotate(house.store, house.files, 100.0)).kid
    assert house.keyring.ring.kids == {first}
    await house.later(0.5)
    assert house.keyring.ring.kids == {first, second} and house.keyring.ring.active.kid == first
    await house.later(99.9)
    assert house.keyring.ring.active.kid == first
    await house.later(0.2)
    assert house.keyring.ring.active.kid == second and house.keyring.ring.kids == {first, second}
    await house.later(239.0)
    assert house.keyring.ring.kids == {first, second}
    await house.later(11.0)
    assert house.keyring.ring.kids == {second} and house.files.kids() == [second]
    told = [(entry.who, entry.after) for entry in reversed(await house.store.audit())]
    assert told == [("serve", word) for word in ("active", "next, published", "retired", "active", "removed")]


async def test_a_retired_key_stays_while_a_set_names_it(house: House) -> None:
    first = (await house.started()).ring.active.kid
    waits, dies = await house.told("a"), await house.told("b")
    await house.store.settle([Settlement(dies, "dead", house.clock.at, "no")])
    await rotation.rotate(house.store, house.files, 0.0)
    await house.later(1.0)
    for _ in range(5):
        await house.later(200.0)
    assert first in house.keyring.ring.kids and await house.kid_of(dies) == first
    await house.store.settle([Settlement(waits, "delivered", house.clock.at, "202")])
    await house.later(300.0)
    assert first in house.keyring.ring.kids
    assert await house.store.revive(dies, house.clock.at) == ""
    await house.store.settle([Settlement(dies, "delivered", house.clock.at, "202")])
    await house.later(200.0)
    assert first in house.keyring.ring.kids
    await house.later(100.0)
    assert first not in house.keyring.ring.kids


async def test_rotation_by_the_calendar(house: House) -> None:
    house.terms = Terms(100.0, 240.0, 1000.0)
    first = (await house.started()).ring.active.kid
    await house.later(899.0)
    assert list(await house.rows()) == [first]
    await house.later(1.0)
    await house.later(0.5)
    second = upcoming(await house.store.keys())
    assert second is not None and second.kid in house.keyring.ring.kids
    await house.later(100.0)
    assert house.keyring.ring.active.kid == second.kid
    entry = next(entry for entry in await house.store.audit() if entry.what == "keys.rotate")
    assert (entry.who, entry.why) == ("serve", "[keys] rotate_every")


# -- what a crash leaves --------------------------------------------------------------------------


async def test_a_file_that_no_row_names_is_the_next_key(house: House) -> None:
    await house.started()
    left = house.files.make().kid
    await house.started()
    assert house.keyring.ring.active.kid != left
    assert (await rotation.rotate(house.store, house.files, 1.0)).kid == left


async def test_a_file_whose_row_says_that_it_went_is_removed_at_the_start(house: House) -> None:
    stolen = (await house.started()).ring.active.kid
    kept = house.files.path(stolen).read_bytes()
    await rotation.withdraw(house.store, house.files, stolen, house.clock.at)
    house.files.path(stolen).write_bytes(kept)
    house.files.path(stolen).chmod(0o600)
    await house.started()
    assert stolen not in house.files.kids() and house.keyring.ring.active.kid != stolen


async def test_who_is_second_is_told_and_leaves_nothing(house: House) -> None:
    await house.started()
    coming = (await rotation.rotate(house.store, house.files, 1.0)).kid
    with pytest.raises(Conflict, match=f"there is a next key already: {coming}"):
        await rotation.rotate(house.store, house.files, 1.0)
    assert len(house.files.kids()) == 2


@pytest.mark.parametrize("published", [True, False])
async def test_the_next_key_signs_when_the_one_that_did_is_lost(house: House, published: bool) -> None:
    lost = (await house.started()).ring.active.kid
    coming = (await rotation.rotate(house.store, house.files, 100.0)).kid
    if published:
        await house.later(1.0)
    id_ = await house.told()
    house.files.remove(lost)
    assert (await house.started()).ring.active.kid == coming
    await house.later(0.5)
    assert await house.kid_of(id_) == coming
    assert (await house.rows())[lost].removed_at == house.clock.at - 0.5


async def test_a_file_that_goes_while_it_runs_is_said_and_the_key_goes_on(house: House) -> None:
    first = (await house.started()).ring.active.kid
    second = await rotation.rotate(house.store, house.files, 0.0)
    house.files.remove(second.kid)
    await house.later(1.0)
    assert house.keyring.ring.active.kid == first
    assert second.kid in house.keyring.problem and "is gone from" in house.keyring.problem


@pytest.mark.parametrize("mode", [0o644, 0o660])
async def test_a_key_that_others_can_read_ends_the_start(house: House, mode: int) -> None:
    kid = (await house.started()).ring.active.kid
    house.files.path(kid).chmod(mode)
    with pytest.raises(ConfigError, match=f"mode {mode:04o}"):
        await house.started()


# -- a key of one's own ---------------------------------------------------------------------------


def _pem(house: House, name: str) -> str:
    files = KeyFiles(house.folder / name)
    return files.path(files.make().kid).read_text()


def _kid(pem: str) -> str:
    return key_from_pem(pem.encode(), created_at=0.0, where="").kid


async def test_another_key_in_the_file_signs_at_once_and_what_waits_is_minted_anew(house: House) -> None:
    one, two = _pem(house, "one"), _pem(house, "two")
    house.secret = Secret(one, "file:set.pem")
    assert (await house.started()).ring.kids == {_kid(one)}
    id_ = await house.told()
    house.secret.renew(two)
    await house.later(0.5)
    assert house.keyring.ring.kids == {_kid(two)} and await house.kid_of(id_) == _kid(two)
    assert not (house.folder / "keys").exists()
    house.secret.renew(one)
    await house.later(0.5)
    assert house.keyring.ring.kids == {_kid(one)} and await house.kid_of(id_) == _kid(one)


async def test_a_compromised_key_is_not_taken_back(house: House) -> None:
    one, two = _pem(house, "one"), _pem(house, "two")
    house.secret = Secret(one, "file:set.pem")
    await house.started()
    house.secret.renew(two)
    await house.later(0.5)
    await rotation.withdraw(house.store, house.files, _kid(one), house.clock.at)
    house.secret.renew(one)
    await house.later(0.5)
    assert house.keyring.ring.kids == {_kid(two)} and "never signs again" in house.keyring.problem
    with pytest.raises(ConfigError, match=r"file:set\.pem: keys\.signing_key: .* never signs again"):
        await house.started()


async def test_from_the_folder_to_a_key_of_ones_own_and_back(house: House) -> None:
    made = (await house.started()).ring.active.kid
    pem = _pem(house, "mine")
    house.secret = Secret(pem, "file:set.pem")
    assert (await house.started()).ring.kids == {_kid(pem), made}  # its file is there, so it stays published
    house.secret = None
    back = (await house.started()).ring
    assert _kid(pem) not in back.kids and active(await house.store.keys()) is not None


# -- minted anew ----------------------------------------------------------------------------------


async def test_a_stolen_key(house: House) -> None:
    stolen = (await house.started()).ring.active.kid
    pending, doubtful, dead, held = [await house.told(name) for name in "abcd"]
    before = {id_: await house.store.delivery(id_) for id_ in (pending, doubtful, dead, held)}
    await house.store.settle([Settlement(dead, "dead", house.clock.at, "no")])
    await house.store.settle([Settlement(doubtful, "pending", house.clock.at, "timeout", maybe_received=True)])
    await house.store.lease_deliveries({"s": 9}, house.clock.at, house.clock.at + 60)
    await house.store.settle([Settlement(id_, "pending", house.clock.at, "x") for id_ in (pending, doubtful)])
    await rotation.withdraw(house.store, house.files, stolen, house.clock.at)
    await house.later(2.0)
    fresh = house.keyring.ring.active.kid
    assert house.keyring.ring.kids == {fresh} and not house.keyring.publishes(stolen)
    assert [await house.kid_of(id_) for id_ in (pending, doubtful, dead, held)] == [fresh, fresh, fresh, stolen]
    after = await house.store.delivery(doubtful)
    was = before[doubtful]
    assert after is not None and was is not None and after.maybe_received
    old, new = claims_of(was.text), claims_of(after.text)
    assert {key: new[key] for key in new if old[key] != new[key]}.keys() == {"jti", "iat"} and new["jti"] == after.jti
    await house.store.settle([Settlement(held, "pending", house.clock.at, "503")])
    await house.later(0.5)
    assert await house.kid_of(held) == fresh
    row = known(await house.store.keys(), stolen)
    assert row is not None and row.compromised


async def test_what_cannot_be_read_and_what_belongs_to_no_stream(house: House) -> None:
    await house.started()
    (garbage,) = await minted(house.store, mint("x", "x"))
    orphan = await house.told("o")
    house.streams = {}
    outcomes = await house.remint.stranded([])
    assert dict(outcomes) == {"unreadable": 1, "": 1}
    assert await house.kid_of(garbage) == "kid" and await house.kid_of(orphan) == house.keyring.ring.active.kid


async def test_when_a_retry_is_minted_anew(house: House) -> None:
    ring = (await house.started()).ring
    id_ = await house.told()
    row = await house.store.delivery(id_)
    assert row is not None and not house.remint.is_due(row, ring)
    other = KeyFiles(house.folder / "other").make()
    assert house.remint.is_due(row, KeyRing(other, (ring.active,)))
    await house.store.settle([Settlement(id_, "pending", 1.0, "timeout", maybe_received=True)])
    row = await house.store.delivery(id_)
    assert row is not None and not house.remint.is_due(row, KeyRing(other, (ring.active,)))
    assert house.remint.is_due(row, KeyRing(other))
    house.streams = {"s": stream(id="s", profile="sse")}
    assert house.remint.is_due(row, ring)


@pytest.mark.parametrize("fault", ["readable by others", "another key", "gone"])
async def test_a_next_key_that_cannot_be_read_is_no_way_to_keep_a_stolen_one(house: House, fault: str) -> None:
    """It is said, it neither is published nor signs, and the one that signs can still be withdrawn."""
    keyring = await house.started()
    stolen = keyring.ring.active.kid
    coming = (await rotation.rotate(house.store, house.files, 100.0)).kid
    file, before = house.files.path(coming), house.files.path(coming).read_bytes()
    if fault == "readable by others":
        file.chmod(0o644)
    elif fault == "another key":
        file.write_bytes(house.files.path(stolen).read_bytes())
    else:
        file.unlink()
    await house.later(1)
    await house.later(101)
    assert keyring.ring.kids == {stolen} and coming in keyring.problem
    assert (await house.rows())[coming].published_at is None
    told = await house.told()
    rows = await rotation.withdraw(house.store, house.files, stolen, house.clock.at)
    await house.later(1)
    signs = active(rows)
    assert signs is not None and signs.kid not in (stolen, coming)
    assert keyring.ring.active.kid == signs.kid and stolen not in keyring.ring.kids
    assert await house.kid_of(told) == signs.kid
    file.write_bytes(before)
    file.chmod(0o600)
    await house.later(1)
    assert keyring.ring.kids == {signs.kid, coming} and keyring.problem == ""
    await house.later(101)
    assert keyring.ring.active.kid == coming
