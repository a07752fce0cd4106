"""`caep-bridge people forget`: a person is removed, and what is kept is said, with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bridge.cli.console.changing import confirmed, journal, progress
from bridge.cli.console.configured import load_config
from bridge.cli.console.opened import entries_of, opened
from bridge.cli.console.output import say, some, write, write_json
from bridge.cli.people.found import find, say_others
from bridge.clock import SystemClock

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.pipeline.operator.person import Person
    from bridge.store.erasure import Erased, Hindrance
    from bridge.store.protocol import Store

AT_ONCE = 50
"""Payloads deleted in one commit."""

KEPT = (
    "the audit log, for accountability: their address stands in it as a keyed hash only",
    "hashes of delivery ids and the lines of their webhooks (time, type, device id), without payload: so that a repeat "
    "is known; they go with [retention] delivery_ids",
    "log files: keyed hashes only, whose key ended with its process",
    "backups, and what receivers were told: delete or wait them out there",
    "the configuration, and the file of [identity] overrides, where you may have named them yourself",
)


async def forget(
    email: Annotated[str, Parameter(name="EMAIL")],
    /,
    *,
    also: Annotated[list[str] | None, Parameter(negative="")] = None,
    abandon: Annotated[bool, Parameter(negative="")] = False,
    yes: Annotated[bool, Parameter(negative="")] = False,
    reason: str = "",
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Remove a person: their devices with all findings, what receivers were told, SETs, payloads that name them, and
    what receivers said about them: one that took them off its stream would hear of them again, should they come back.

    Refused while a receiver believes that they are not compliant or a SET about them is on its way: nobody would ever
    take that back. First end it (`devices retire`, or have the device repaired), and forget when that is delivered.

    Parameters
    ----------
    email
        The person's address, today's or a former one, in any case.
    also
        Another address of the same person; may be repeated.
    abandon
        Go on nevertheless: SETs that nobody is sending are taken back, and what receivers believe stays: clear it
        there by hand.
    yes
        Do not ask.
    reason
        Why; it stands in the audit log.
    as_json
        Print JSON: what was removed, or what hinders.
    """

    config = load_config().config
    async with opened(config) as store:
        found = await find(store, [email, *(also or [])], config.namespaces)
        if not found.found:
            say("nothing is stored about that address")
            return 1
        say_others(found)
        if not confirmed(_question(found), yes):
            return 1
        erased = await _erase(config, store, found, abandon)
        if erased.hindrances:
            return await _refused(store, found, erased, as_json)
        payloads = await _empty(store, found)
        counts = _counts(erased, payloads)
        log = journal(store)
        who = await log.person(email)  # the one who was asked for, so that the request is found by its address
        await log.write("people.forget", who, why=reason, before=_abandoned(found, abandon), after=counts)
    if as_json:
        write_json({"removed": {**_numbers(erased), "payloads": payloads}, "kept": list(KEPT)})
        return 0
    write(f"removed: {counts}")
    for line in KEPT:
        write(f"kept: {line}")
    write(
        "While the vendor names them as an owner, its next webhook or list brings them back: remove them there first."
    )
    return 0


def _question(found: Person) -> str:
    return (
        f"Remove {some(len(found.devices) + len(found.looks), 'device')}, {some(len(found.deliveries), 'SET')} and "
        f"{some(len(found.webhooks), 'payload')} of {', '.join(sorted(found.addresses))}?"
    )


async def _erase(config: Config, store: Store, found: Person, abandon: bool) -> Erased:
    from bridge.store.erasure import Erase

    told = {stream_id for stream_id, _ in found.subjects}
    entries = await entries_of(config, store)
    running = {entry.row.id for entry in entries if entry.row is not None and entry.standing != "orphaned"}
    choices = tuple(one.key for one in found.choices)
    what = Erase(found.device_keys, found.subjects, frozenset(told - running), abandon, choices, found.addresses)
    return await store.erase(what, SystemClock().now())


async def _empty(store: Store, found: Person) -> int:
    ids = [one.id for one in found.webhooks]
    removed = 0
    with progress("payloads deleted", len(ids)) as advance:
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            removed += await store.empty(some)
            advance(len(some))
    return removed


def _numbers(erased: Erased) -> dict[str, int]:
    return {
        "devices": erased.devices, "looks": erased.looks, "told": erased.ledger, "deliveries": erased.deliveries,
        "subjects": erased.choices,
    }  # fmt: skip


def _counts(erased: Erased, payloads: int) -> str:
    return (
        f"{some(erased.devices, 'device')}, {some(erased.looks, 'look')}, "
        f"{some(erased.ledger, 'line')} of what was told, "
        f"{some(erased.deliveries, 'SET')}, {some(payloads, 'payload')}, "
        f"{some(erased.choices, 'word')} of receivers about them"
    )


def _abandoned(found: Person, abandon: bool) -> str:
    """How many receivers go on believing what nobody will take back."""
    told = {row.stream_id for row in found.ledger if row.told == "not-compliant"}
    return f"{len(told)} streams were told not compliant" if told and abandon else ""


async def _refused(store: Store, found: Person, erased: Erased, as_json: bool) -> int:
    names = {row.id: row.name for row in await store.streams()}
    lines = [*_hindrances(erased.hindrances, names), *_failing(found, erased.hindrances)]
    if as_json:
        write_json({"hindrances": lines})
    say("nothing was removed:")
    for line in lines:
        say(f"  {line}")
    return 1


def _failing(found: Person, hindrances: tuple[Hindrance, ...]) -> Iterator[str]:
    """Which devices are why somebody was told, and what ends it."""
    for device in found.devices:
        if device.counted == "not-compliant" and any(one.kind == "told" for one in hindrances):
            name = f"{device.connector}/{device.device_id}"
            called = f" ({device.name})" if device.name else ""
            yield f"it is {name}{called}: have it repaired, or `caep-bridge devices retire {name} --reason …`"


def _hindrances(found: tuple[Hindrance, ...], names: dict[str, str]) -> Iterator[str]:
    told = Counter(names.get(one.stream_id, one.stream_id) for one in found if one.kind == "told")
    for name, count in told.items():
        yield (
            f"{name} was told not compliant ({count} subject{'' if count == 1 else 's'}) and not the opposite: end "
            "that first, or use --abandon and clear it at the receiver by hand"
        )
    for one in found:
        name = names.get(one.stream_id, one.stream_id)
        if one.kind == "pending":
            yield f"delivery {one.delivery_id} to {name} waits: let it arrive, or use --abandon to take it back"
        elif one.kind == "sending":
            yield f"delivery {one.delivery_id} to {name} is being sent: try again in a minute"
        elif one.kind == "looking" and one.device is not None:
            yield f"the vendor is being asked about {'/'.join(one.device)}: try again in a minute"
        elif one.kind == "another" and one.device is not None:
            yield f"{'/'.join(one.device)} became somebody else's at this moment: try again"
