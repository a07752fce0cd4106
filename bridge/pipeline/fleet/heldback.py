"""heldback: what the guard keeps back, let go or put away by an operator.

What is let go is looked at first: only what is still so goes out, and it counts. What is put away is not told until the
device changes. Counted are people: a person who is kept back at three receivers is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from bridge.clock import Clock
from bridge.errors import Conflict
from bridge.model import Device, HeldWhy, LedgerRow, Status
from bridge.pipeline.errands.awaited import PAGE, Advance, Key, Left, awaited, chunks
from bridge.ssf.ledger import HELD
from bridge.store.protocol import Told
from bridge.store.records import LedgerWrite, Ring, Unit, Urgency
from bridge.value import replace

TRIES: Final = 8
DELIVERED_WITHIN: Final = 10.0
"""Seconds that receivers get to take what was told."""
Subject = tuple[str, str]
"""(stream id, wire subject): the name of a ledger row."""


@dataclass(slots=True)
class Person:
    """Somebody who was let go: in which rows, with which status, and the devices that are looked at for it."""

    status: Status
    rows: set[Subject] = field(default_factory=set)
    devices: set[Key] = field(default_factory=set)
    alone: set[Subject] = field(default_factory=set)
    """Of `rows`, recoveries with no device behind them any more: no look can confirm them, a comparison tells them."""


People = dict[str, Person]


async def pages(store: Told, connector: str | None, why: HeldWhy) -> AsyncIterator[list[LedgerRow]]:
    after: Subject | None = None
    while page := await store.held(connector, why=why, after=after, limit=PAGE):
        yield page
        after = (page[-1].stream_id, page[-1].subject)


async def release(store: Told, connector: str | None, txn: str, clock: Clock, advance: Advance) -> People:
    """Let all of it go. May be repeated: what was let go before and is not confirmed yet is rung for again."""
    people: People = {}
    async for page in pages(store, connector, "released"):
        behind = await _behind(store, page)
        await store.commit([Unit(rings=_rings(behind[name_of(row)], txn, clock)) for row in page])
        _gather(people, page, behind)
    async for page in pages(store, connector, "guard"):
        _gather(people, *await _let_go(store, page, txn, clock))
        advance(len(page))
    return people


async def _let_go(
    store: Told, page: Sequence[LedgerRow], txn: str, clock: Clock
) -> tuple[list[LedgerRow], dict[Subject, list[Device]]]:
    """The rows that were let go, with the devices behind each. Nothing is behind a row whose person has no such device
    any more: a failure is no longer so and is simply not held, a recovery waits for a comparison of its stream."""
    done: list[LedgerRow] = []
    all_behind: dict[Subject, list[Device]] = {}
    for _ in range(TRIES):
        behind = await _behind(store, page)
        all_behind |= behind
        units = [_released(row, behind[name_of(row)], txn, clock) for row in page]
        clashed = {clash.index for clash in await store.commit(units)}
        done += [row for index, row in enumerate(page) if index not in clashed]
        page = await _again(store, [name_of(page[index]) for index in sorted(clashed)], ("guard",))
        if not page:
            return done, all_behind
    raise Conflict(f"{len(page)} people changed each time that they were written; try again")


def _released(row: LedgerRow, devices: Sequence[Device], txn: str, clock: Clock) -> Unit:
    assert row.held is not None
    goes = bool(devices) or row.held.status == "compliant"
    held = replace(row.held, why="released") if goes else None
    reason = HELD["released"] if goes else row.reason
    return Unit(ledger=(LedgerWrite(replace(row, held=held, reason=reason)),), rings=_rings(devices, txn, clock))


def _rings(devices: Iterable[Device], txn: str, clock: Clock) -> tuple[Ring, ...]:
    return tuple(Ring(one.connector, one.device_id, txn, clock.now(), None, (), Urgency.PROVISIONAL) for one in devices)


async def discard(store: Told, connector: str | None, clock: Clock, advance: Advance) -> int:
    """Put all of it away, also what was let go and is not confirmed yet. How many people."""
    people: set[tuple[str, str]] = set()
    whys: tuple[HeldWhy, ...] = ("guard", "released")
    for why in whys:
        async for page in pages(store, connector, why):
            done = await _put_away(store, page, clock)
            people |= {(row.held.connector, row.login) for row in done if row.held is not None}
            advance(len(page))
    return len(people)


async def _put_away(store: Told, page: Sequence[LedgerRow], clock: Clock) -> list[LedgerRow]:
    done: list[LedgerRow] = []
    for _ in range(TRIES):
        units = [Unit(ledger=(LedgerWrite(_discarded(row, clock.now())),)) for row in page]
        clashed = {clash.index for clash in await store.commit(units)}
        done += [row for index, row in enumerate(page) if index not in clashed]
        page = await _again(store, [name_of(page[index]) for index in sorted(clashed)], ("guard", "released"))
        if not page:
            return done
    raise Conflict(f"{len(page)} people changed each time that they were written; try again")


def _discarded(row: LedgerRow, now: float) -> LedgerRow:
    assert row.held is not None
    return replace(row, held=replace(row.held, why="discarded", at=now), reason=HELD["discarded"])


async def _again(store: Told, names: Sequence[Subject], whys: Sequence[HeldWhy]) -> list[LedgerRow]:
    """Rows that were written by somebody else meanwhile, as they stand; those that are not held so any more are out."""
    if not names:
        return []
    rows = (await store.scene((), names)).ledger
    return [rows[name] for name in names if name in rows and _why(rows[name]) in whys]


def name_of(row: LedgerRow) -> Subject:
    return row.stream_id, row.subject


def _why(row: LedgerRow | None) -> HeldWhy | None:
    return row.held.why if row is not None and row.held is not None else None


async def _behind(store: Told, page: Sequence[LedgerRow]) -> dict[Subject, list[Device]]:
    """The devices that can confirm each row: for somebody who would lose access those that fail, else all of theirs."""
    people = (await store.scene({row.login for row in page}, ())).people if page else {}
    return {
        name_of(row): [
            one
            for one in people.get(row.login, ())
            if row.held is not None
            and (not row.device_id or one.key == (row.connector, row.device_id))
            and (row.held.status == "compliant" or one.counted == "not-compliant")
        ]
        for row in page
    }


def _gather(people: People, rows: Iterable[LedgerRow], behind: dict[Subject, list[Device]]) -> None:
    for row in rows:
        assert row.held is not None
        person = people.setdefault(row.login, Person(row.held.status))
        person.rows.add(name_of(row))
        person.devices |= {one.key for one in behind[name_of(row)]}
        if row.held.status == "compliant" and not behind[name_of(row)]:
            person.alone.add(name_of(row))


# -- what it came to ------------------------------------------------------------------------------


async def outcome(
    store: Told, people: People, since: float, clock: Clock, advance: Advance
) -> tuple[Counter[str], Left]:
    """Wait for the looks at those who were released, at `since` or later, and count what they came to: `released` =
    `still_true` + `recovered` + `waiting` + `unanswered`, and `still_true` = `told` + `held`."""
    standing = dict(people)

    async def left() -> list[Key]:
        nonlocal standing
        rows = await _rows(store, standing)
        standing = {
            login: one
            for login, one in standing.items()
            if any(_why(rows.get(name)) == "released" for name in one.rows)
        }
        return list({key for one in standing.values() for key in one.devices})

    rest = await awaited(store, clock, left, since, advance)
    until = clock.monotonic() + DELIVERED_WITHIN
    while True:
        rows = await _rows(store, people)
        tails = (row.tail for row in rows.values())
        if clock.monotonic() >= until or not any(tail is not None and tail.state == "pending" for tail in tails):
            break
        await clock.sleep(0.3)
    return _counted(people, rows, rest), rest


def _counted(people: People, rows: dict[Subject, LedgerRow], rest: Left) -> Counter[str]:
    counts: Counter[str] = Counter(released=len(people))
    for one in people.values():
        name = _came_to(one, [rows[key] for key in one.rows if key in rows], rest)
        counts.update(["still_true", name] if name in ("told", "held") else [name])
    return counts


def _came_to(person: Person, rows: Sequence[LedgerRow], rest: Left) -> str:
    if any(_why(row) == "released" for row in rows):
        return "unanswered" if person.devices & (rest.unanswered | rest.under_way) else "waiting"
    if any(_why(row) == "guard" for row in rows):
        return "held"
    return "told" if any(row.told == person.status for row in rows) else "recovered"


async def _rows(store: Told, people: People) -> dict[Subject, LedgerRow]:
    names = [name for one in people.values() for name in one.rows]
    found: dict[Subject, LedgerRow] = {}
    for some in chunks(names, PAGE):
        found |= (await store.scene((), some)).ledger
    return found
