"""Housekeeping: small steps, a share of the writer's time, and nothing lost by an end in the middle."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.config import Retention as Section
from bridge.errors import Unavailable
from bridge.pipeline.retention import ANEW, PAUSE, STEP, Retention
from bridge.store import open_store
from bridge.store.archive import Wanted
from bridge.store.errands import Errand
from bridge.store.expiry import Kind, Step
from bridge.store.protocol import Store
from bridge.store.records import AuditEntry, Quarantined, Settlement
from bridge.store.sql.engine import sqlite_engine
from tests.store.given import FakeClock, arrival, mint, minted, ring, states, url

DAY = 86_400.0
NOW = 1_000 * DAY


class Counted:
    def __init__(self) -> None:
        self.rows: Mapping[str, int] = {}
        self.gone: dict[str, int] = {}

    def stored(self, rows: Mapping[str, int], used: int, free: int) -> None:
        self.rows = rows

    def expired(self, kind: str, count: int) -> None:
        self.gone[kind] = self.gone.get(kind, 0) + count


class Slept(FakeClock):
    """Remembers what was slept, without letting time pass."""

    def __init__(self) -> None:
        super().__init__(NOW)
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def clock() -> Slept:
    return Slept()


def house(store: Store, clock: Slept, meter: Counted | None = None) -> Retention:
    return Retention(store, Section(), clock, meter or Counted(), lambda what: None)


async def old_webhooks(store: Store, count: int, age: float) -> None:
    for number in range(count):
        new = replace(arrival(f"w{number:05}", f"h{number}", ring(f"d{number}")), received_at=NOW - age)
        await store.accept(new)


async def opened(tmp_path: Path, clock: Slept) -> Store:
    return await open_store(url(tmp_path), clock, exclusive=False, create=True)


async def test_each_kind_goes_at_its_own_age(tmp_path: Path, clock: Slept) -> None:
    store = await opened(tmp_path, clock)
    for number, age in enumerate((91 * DAY, 4 * DAY, 2 * DAY)):
        await store.accept(replace(arrival(f"w{number}", f"h{number}"), received_at=NOW - age))
    for number, age in enumerate((31 * DAY, 29 * DAY)):
        await store.quarantine(Quarantined(f"q{number}", "k", NOW - age, b"x", "body"), [])
    for age in (401 * DAY, 399 * DAY):
        await store.record(AuditEntry(NOW - age, "root", "drop", "x"))
    for number, age in enumerate((31 * DAY, 29 * DAY)):
        asked = await store.ask(Errand(f"e{number}", "reconcile", "kolide", NOW - age, "timetable"))
        await store.end_errand(asked.id, "done", {}, NOW - age)
    ids = await minted(store, mint(), mint(), mint())
    for number, age in zip(ids, (8 * DAY, 6 * DAY, 0), strict=True):
        await store.settle([Settlement(number, "delivered", NOW - age, "202")])
    meter = Counted()
    removed = await house(store, clock, meter).round()
    assert removed == {
        "payloads": 2, "webhooks": 1, "quarantine": 1, "deliveries": 1, "audit": 1, "errands": 1, "surplus": 0,
    }  # fmt: skip
    assert meter.gone == removed
    assert (meter.rows["webhooks"], meter.rows["deliveries"], meter.rows["audit"]) == (2, 2, 1)
    assert sum((await house(store, clock).round()).values()) == 0
    await store.close()


async def test_no_subject_keeps_more_sets_than_are_configured(tmp_path: Path, clock: Slept) -> None:
    """However young they are, but for those of the last hour."""
    store = await opened(tmp_path, clock)
    ids = await minted(store, *(mint() for _ in range(8)))
    await store.settle([Settlement(one, "delivered", NOW - 2 * 3600, "202") for one in ids[:5]])
    await store.settle([Settlement(one, "delivered", NOW - 60, "202") for one in ids[5:]])
    meter = Counted()
    keeper = Retention(store, Section(per_subject=2), clock, meter, lambda what: None)
    assert (await keeper.round())["surplus"] == 5 == meter.gone["surplus"]
    assert sorted(await states(store)) == ids[5:], "the guard still counts what was told within the hour"
    clock.at += 3600
    assert (await keeper.round())["surplus"] == 1
    assert sorted(await states(store)) == ids[6:]
    await store.close()


async def test_steps_are_bounded_and_others_get_their_turn(tmp_path: Path, clock: Slept) -> None:
    store = await opened(tmp_path, clock)
    await old_webhooks(store, 2 * STEP + 1, 4 * DAY)
    asked: list[tuple[Kind, int, int]] = []
    expire = store.expire

    async def watched(kind: Kind, before: float, *, after: str = "", limit: int = 200) -> Step:
        step = await expire(kind, before, after=after, limit=limit)
        asked.append((kind, limit, step.removed))
        clock.at += 0.5 if len(asked) == 1 else 1.0  # a slow disk
        return step

    store.expire = watched
    assert (await house(store, clock).round())["payloads"] == 2 * STEP + 1
    assert [removed for kind, _, removed in asked if kind == "payloads"] == [STEP, STEP, 1]
    assert {limit for _, limit, _ in asked} == {STEP}
    assert clock.slept[:2] == [4.5, 5.0], "nine times as long as a step took, five seconds at most"
    assert PAUSE < 4.5
    await store.close()


async def test_an_end_in_the_middle_loses_nothing_and_the_next_start_goes_on(tmp_path: Path, clock: Slept) -> None:
    store = await opened(tmp_path, clock)
    await old_webhooks(store, 2 * STEP, 100 * DAY)
    steps = 0
    expire = store.expire

    async def broken(kind: Kind, before: float, *, after: str = "", limit: int = 200) -> Step:
        nonlocal steps
        steps += 1
        if steps == 4:
            raise Unavailable("the store is closed")
        return await expire(kind, before, after=after, limit=limit)

    store.expire = broken
    with pytest.raises(Unavailable):
        await house(store, clock).round()
    assert len(await store.webhooks(Wanted(limit=1000))) in (STEP, 2 * STEP)
    await store.close()
    store = await opened(tmp_path, clock)
    await house(store, clock).round()
    assert await store.webhooks(Wanted()) == []
    # Their hashes went with them: what comes now is new, not a repeat.
    assert not (await store.accept(arrival("new", "h0"))).duplicate
    await store.close()


async def test_what_was_kept_goes_once_something_newer_was_told(tmp_path: Path, clock: Slept) -> None:
    store = await opened(tmp_path, clock)
    (first,) = await minted(store, mint())
    await store.settle([Settlement(first, "delivered", NOW - 8 * DAY, "202")])
    keeper = house(store, clock)
    assert (await keeper.round())["deliveries"] == 0
    (second,) = await minted(store, mint(status="compliant", previous="not-compliant"))
    for _ in range(ANEW - 1):
        assert (await keeper.round())["deliveries"] == 0
    assert (await keeper.round())["deliveries"] == 1
    assert await states(store) == {second: "pending"}
    await store.close()


async def test_trouble_is_said_and_the_next_round_comes(tmp_path: Path) -> None:
    store = await open_store("memory:", FakeClock(), exclusive=True)

    async def busy(*_: object, **__: object) -> Step:
        raise Unavailable("too busy")

    class Twice(FakeClock):
        rounds = 0

        async def sleep(self, seconds: float) -> None:
            self.rounds += 1
            if self.rounds == 2:
                raise KeyboardInterrupt

    troubles: list[str] = []
    store.expire = busy
    with pytest.raises(KeyboardInterrupt):
        await Retention(store, Section(), Twice(), Counted(), troubles.append).run()
    assert troubles == ["retention: Unavailable"] * 2


async def test_the_file_does_not_grow_for_ever(tmp_path: Path, clock: Slept) -> None:
    """The room of what went is used again."""
    store = await opened(tmp_path, clock)
    sizes = []
    for turn in range(4):
        for number in range(300):
            body = bytes([turn]) * 20_000
            new = replace(
                arrival(f"t{turn}-{number:04}", f"h{turn}-{number}"), received_at=clock.at - 91 * DAY, body=body
            )
            await store.accept(new)
        await house(store, clock).round()
        sizes.append((await store.sizes()).bytes)
    assert sizes[3] <= sizes[0] * 1.1, sizes
    await store.close()


async def test_a_step_among_very_many_rows_is_short(tmp_path: Path, clock: Slept) -> None:
    """100,000 old webhooks with payloads: no step may hold the writer for long, wherever it stands."""
    store = await opened(tmp_path, clock)
    engine = sqlite_engine(tmp_path / "bridge.db")
    with engine.begin() as conn:
        conn.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999) "
            "INSERT INTO webhooks SELECT printf('%026d', i), 'k', 1.0, 't', '', '', '[]', printf('h%d', i), '{}', "
            "randomblob(1500) FROM n"
        )
        conn.exec_driver_sql("INSERT INTO webhook_ids SELECT hash, id, 1.0 FROM webhooks")
    engine.dispose()
    for kind, after in (
        ("payloads", ""),
        ("payloads", f"{50_000:026}"),
        ("webhooks", ""),
        ("webhooks", f"{50_000:026}"),
    ):
        begun = time.process_time()
        step = await store.expire(kind, 2.0, after=after, limit=STEP)
        assert (step.removed, step.done) == (STEP, False)
        # some milliseconds; a scan of the table would take hundreds
        assert time.process_time() - begun < 0.2, (kind, after)
    await store.close()


async def test_to_count_very_many_subjects_is_short_in_each_step(tmp_path: Path, clock: Slept) -> None:
    store = await opened(tmp_path, clock)
    engine = sqlite_engine(tmp_path / "bridge.db")
    with engine.begin() as conn:
        conn.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
            "INSERT INTO deliveries (id, stream_id, subject, order_key, jti, txn, kid, text, status, previous, "
            "connector, device_id, state, created_at, settled_at) SELECT i, 's', printf('user=%d', i % 20000), '', "
            "printf('j%d', i), '', '', '', 'compliant', 'compliant', 'k', 'd', 'delivered', 1.0, 1.0 FROM n"
        )
    engine.dispose()
    for after in ("", '["s", "user=5"]'):
        begun = time.process_time()
        step = await store.thin(4, 2.0, after=after, limit=STEP)
        assert (step.removed, step.done) == (STEP, False)
        assert time.process_time() - begun < 0.2, after
    await store.close()
