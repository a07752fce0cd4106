"""`caep-bridge deliveries retry` and `drop`: again, or given up; one or all. Each change is recorded."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from bridge.cli.console.changing import confirmed, progress, record
from bridge.cli.console.configured import WrongCall, load_config
from bridge.cli.console.opened import entries_of, opened
from bridge.cli.console.output import say, when, write_json
from bridge.cli.console.signing import fresh_text
from bridge.cli.deliveries.lookup import find, stream_ids
from bridge.clock import SystemClock

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.store.protocol import Store
    from bridge.store.records import Delivery

PAGE = 500
AT_ONCE = 64

Outcomes = Counter[str]
"""How many by what the store said; "" is done."""

Numbered = tuple[int, tuple[str, str]]
"""A delivery's number, its stream and subject."""

Change = Callable[["Store", "Delivery"], Awaitable[str]]
"""Changes one delivery and records it; "" or why the store would not."""


async def retry(
    which: Annotated[str | None, Parameter(name="ID")] = None,
    /,
    *,
    all_dead: Annotated[bool, Parameter(negative="")] = False,
    stream: str | None = None,
    yes: Annotated[bool, Parameter(negative="")] = False,
    reason: str = "",
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Send a dead SET again, or a waiting one at once.

    It is minted anew, with a new `jti` and the same `txn`, if the key, the issuer, the audience or the shape has
    changed since it was signed; else it is the same bytes.

    Parameters
    ----------
    which
        The delivery's number, or the `jti` of its SET.
    all_dead
        All dead ones instead, those of --stream if given.
    stream
        Only this stream's: its name or stream id.
    yes
        Do not ask.
    reason
        Why; it stands in the audit log.
    as_json
        Print the counts as JSON: changed, and refused by reason.
    """
    _one_or_all(which, all_dead, "--all-dead", stream)
    loaded = load_config()
    config = loaded.config

    async def change(store: Store, one: Delivery) -> str:
        refused, minted = await fresh(one)
        refused = refused or await store.revive(one.id, SystemClock().now())
        if not refused:
            after = ("pending" if one.state == "dead" else "pending, due now") + (", minted anew" if minted else "")
            await record(store, "deliveries.retry", _target(one), reason, one.state, after)
        return refused

    async with opened(config) as store:
        fresh = await fresh_text(loaded, store)
        if which is not None:
            outcomes = await _one(config, store, which, change, "will be sent")
        else:
            question = "Send {count} dead deliveries again?"
            outcomes = await _all(store, stream, "dead", change, question, "will be sent", yes)
    return _code(outcomes, as_json)


async def drop(
    which: Annotated[str | None, Parameter(name="ID")] = None,
    /,
    *,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    stream: str | None = None,
    yes: Annotated[bool, Parameter(negative="")] = False,
    reason: str = "",
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Give up a waiting SET: it is dead then, and its status is not sent again until it changes, or `retry`.

    Parameters
    ----------
    which
        The delivery's number, or the `jti` of its SET.
    all_
        All waiting ones instead, those of --stream if given.
    stream
        Only this stream's: its name or stream id.
    yes
        Do not ask.
    reason
        Why; it stands in the audit log, and with the delivery.
    as_json
        Print the counts as JSON: changed, and refused by reason.
    """
    _one_or_all(which, all_, "--all", stream)
    config = load_config().config

    async def change(store: Store, one: Delivery) -> str:
        refused = await store.drop(one.id, SystemClock().now(), reason or "dropped by an operator")
        if not refused:
            await record(store, "deliveries.drop", _target(one), reason, one.state, "dead")
        return refused

    async with opened(config) as store:
        if which is None:
            question = "Give up {count} waiting deliveries?"
            outcomes = await _all(store, stream, "pending", change, question, "given up", yes)
        elif confirmed(f"Give up delivery {which}?", yes):
            outcomes = await _one(config, store, which, change, "given up")
        else:
            outcomes = None
    return _code(outcomes, as_json)


def _one_or_all(which: str | None, every: bool, flag: str, stream: str | None) -> None:
    if (which is None) != every:
        raise WrongCall(f"name one delivery, or {flag}" + (", not both" if every else ""))
    if which is not None and stream is not None:
        raise WrongCall(f"--stream goes with {flag}")


def _target(one: Delivery) -> str:
    return f"delivery {one.id} (jti {one.jti})"


async def _one(config: Config, store: Store, which: str, change: Change, done: str) -> Outcomes | None:
    from bridge.pipeline.operator.wording import refusal

    found = await find(store, which)
    refused = "not_found" if found is None else await change(store, found)
    if found is None or refused:
        say(f"delivery {which}: {refusal(refused)}")
        return Counter([refused])
    say(f"delivery {found.id}: {done}")
    await _hint(config, store, found, done)
    return Counter([""])


async def _hint(config: Config, store: Store, one: Delivery, done: str) -> None:
    """What keeps it waiting nevertheless."""
    if done == "given up":
        return
    entry = next((e for e in await entries_of(config, store) if e.row is not None and e.row.id == one.stream_id), None)
    if entry is None or entry.row is None or entry.standing:
        say(f"but its stream tells nobody anything: {entry.standing if entry else 'not_started'}")
    elif entry.row.failures:
        say(f"its receiver is unwell ({entry.row.last_code}): the next probe goes out {when(entry.row.retry_at)}")


async def _all(
    store: Store,
    stream: str | None,
    state: Literal["dead", "pending"],
    change: Change,
    question: str,
    done: str,
    yes: bool,
) -> Outcomes | None:
    """None if it was not to be."""
    from bridge.cli.console.near import near

    names = {row.id: row.name for row in await store.streams()}
    chosen = stream_ids(names, stream)
    if chosen == []:
        say(f"there is no stream {stream}" + near(stream or "", list(names.values())))
        return None
    found = await _oldest_first(store, chosen, state)
    if not found:
        say(f"there is no {state} delivery")
        return Counter()
    if not confirmed(question.format(count=len(found)), yes):
        return None
    outcomes: Outcomes = Counter()
    with progress(done, len(found)) as advance:
        for start in range(0, len(found), AT_ONCE):
            some = found[start : start + AT_ONCE]
            outcomes.update(await _in_order(store, some, change))
            advance(len(some))
    _say_counts(outcomes, done)
    return outcomes


async def _in_order(store: Store, some: Sequence[Numbered], change: Change) -> list[str]:
    """Those of one subject one after the other, the subjects side by side: they share commits."""

    async def each(numbers: Sequence[int]) -> list[str]:
        outcomes = []
        for number in numbers:
            one = await store.delivery(number)
            outcomes.append("not_found" if one is None else await change(store, one))
        return outcomes

    subjects: dict[tuple[str, str], list[int]] = {}
    for number, subject in some:
        subjects.setdefault(subject, []).append(number)
    return [outcome for outcomes in await asyncio.gather(*map(each, subjects.values())) for outcome in outcomes]


async def _oldest_first(
    store: Store, chosen: Sequence[str] | None, state: Literal["dead", "pending"]
) -> list[Numbered]:
    """Numbers and subjects alone: a hundred thousand SETs need not be held at once."""
    found: list[Numbered] = []
    wanted: list[str | None] = [None] if chosen is None else [*chosen]
    for stream_id in wanted:
        before: int | None = None
        while page := await store.deliveries(stream_id=stream_id, state=state, before=before, limit=PAGE):
            found.extend((one.id, (one.stream_id, one.subject)) for one in page)
            before = page[-1].id
    return sorted(found)


def _say_counts(outcomes: Outcomes, done: str) -> None:
    from bridge.pipeline.operator.wording import refusal

    say(f"{outcomes['']} {done}")
    for why, count in outcomes.most_common():
        if why:
            say(f"{count} not: {refusal(why)}")


def _code(outcomes: Outcomes | None, as_json: bool) -> int:
    """0 if something was changed, or there was nothing to change."""
    if outcomes is None:
        return 1
    if as_json:
        write_json({"changed": outcomes[""], "refused": {why: count for why, count in outcomes.items() if why}})
    return 0 if outcomes[""] or not outcomes else 1
