"""What a command asks of the running `serve`: asked through the store, waited for, shown as it goes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bridge.cli.console.changing import operator
from bridge.cli.console.output import say
from bridge.clock import SystemClock, SystemIds
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from bridge.store.errands import Errand, ErrandKind, Errands

Show = Callable[[Mapping[str, Any]], None]
"""Called with how far an errand is."""

TAKEN_WITHIN = 5.0
"""Seconds in which a running `serve` takes an errand up."""
POLL = 0.2
NOBODY = "no `serve` runs on this store: start `caep-bridge serve`"


class NobodyServes(BridgeError):
    """Nobody took the errand; it is withdrawn."""


async def errand(
    store: Errands, kind: ErrandKind, target: str, asked: Mapping[str, Any], shown: str, show: Show | None = None,
    *, follows: bool = False,
) -> Errand:  # fmt: skip
    """Ask, and wait until it has ended; `show` is told how far it is, else a bar named `shown`.

    Joins one that is open already, if it is asked for in the same way; else waits for that one first. With `follows` it
    is about what was changed just now: one that is under way may have passed that before, so it is waited for too, and
    where nobody serves the errand stays for whoever will. Raises NobodyServes.
    """
    from bridge.store.errands import Errand as Asked

    while True:
        mine = Asked(SystemIds().new(), kind, target, SystemClock().now(), operator(), dict(asked))
        found = await store.ask(mine)
        early = follows and found.state != "waiting"
        alike = found.id == mine.id or (dict(found.asked) == dict(asked) and not early)
        if found.id != mine.id:
            joins = "joining it" if alike else "waiting for it to end first"
            say(f"{shown}: one that {found.asked_by} asked for is under way: {joins}")
        ended = await _followed(store, found, shown, show, mine=found.id == mine.id, stays=follows)
        if alike:
            return ended


async def followed(store: Errands, asked: Errand, shown: str) -> Errand:
    """Wait until one that was asked for already has ended. Where nobody serves it stays. Raises NobodyServes."""
    return await _followed(store, asked, shown, None, mine=True, stays=True)


async def serves(store: Errands, connector: str, device_id: str) -> bool:
    """Whether a `serve` works on this store. Asks it for a comparison of one device, which changes nothing that the
    next look would not."""
    try:
        await errand(store, "compare", f"{connector}/{device_id}", {}, "asking serve")
    except NobodyServes:
        return False
    return True


async def _followed(store: Errands, found: Errand, shown: str, show: Show | None, *, mine: bool, stays: bool) -> Errand:
    try:
        if show is not None:
            return await _until_ended(store, found, show, mine=mine, stays=stays)
        with bars([shown]) as made:
            return await _until_ended(store, found, made[shown], mine=mine, stays=stays)
    except asyncio.CancelledError:
        say(f"{shown}: goes on in `serve`; the same command shows it again")
        raise


async def _until_ended(store: Errands, found: Errand, show: Show, *, mine: bool, stays: bool) -> Errand:
    clock = SystemClock()
    deserted = clock.monotonic() + TAKEN_WITHIN
    while True:
        now = await store.errand(found.id)
        if now is None or now.ended_at is not None:
            if now is None:
                raise NobodyServes(f"the errand is no longer known: {NOBODY}")
            return now
        show(now.doc)
        if await _in_work(store, now, clock.now()):
            deserted = clock.monotonic() + TAKEN_WITHIN
        elif clock.monotonic() >= deserted:
            await _give_up(store, now, mine, stays)
        await clock.sleep(POLL)


async def _in_work(store: Errands, one: Errand, now: float) -> bool:
    """Whether a `serve` holds it, or is busy with others before it."""
    if one.leased_until is not None and one.leased_until > now:
        return True
    held = (other.leased_until for other in await store.errands(limit=50) if other.ended_at is None)
    return any(until is not None and until > now for until in held)


async def _give_up(store: Errands, one: Errand, mine: bool, stays: bool) -> None:
    if stays:
        raise NobodyServes(f"{NOBODY}, which then tells what follows")
    if not mine or one.state != "waiting":
        raise NobodyServes(f"{NOBODY}; what was begun before goes on then")
    if await store.withdraw_errand(one.id, SystemClock().now()):
        raise NobodyServes(NOBODY)


@contextmanager
def bars(names: Sequence[str]) -> Iterator[dict[str, Show]]:
    """A bar for each name on stderr, where stderr is a terminal."""
    if not sys.stderr.isatty():
        yield {name: lambda doc: None for name in names}
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:

        def made(name: str) -> Show:
            task = progress.add_task(name, total=None)

            def show(doc: Mapping[str, Any]) -> None:
                listed = doc.get("counts", {}).get("listed", 0)
                progress.update(task, completed=listed, total=doc.get("total"), description=f"{name}{_moment(doc)}")

            return show

        yield {name: made(name) for name in names}


def _moment(doc: Mapping[str, Any]) -> str:
    if doc.get("looks_left"):
        return f": {doc['looks_left']} looks are left"
    if doc.get("waiting") and not doc.get("counts"):
        return f": {doc['waiting']}"
    listed = doc.get("counts", {}).get("listed", 0)
    return f": {listed} listed" if listed else ""
