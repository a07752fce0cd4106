"""awaited: looks that a command rang for and waits for: which are still to come, which the vendor does not answer.

Reads the store beside a running service; nothing here changes anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from bridge.clock import Clock
from bridge.posture import reasons
from bridge.store.protocol import Holds
from bridge.store.records import Known

Key = tuple[str, str]
"""(connector, device id)"""
Item = TypeVar("Item")
Advance = Callable[[int], None]

PAGE: Final = 500
GIVE_UP: Final = 20.0
"""Seconds without one good answer, while there are bad ones, after which the rest is not waited for."""
STUCK: Final = 120.0
"""Seconds in which nothing at all happens, after which the rest is not waited for: longer than a look may take."""
_NAP = 0.25


@dataclass(slots=True)
class Left:
    """What is left of the devices that were waited for.

    under_way: a look is due or running · unanswered: the last look failed, and is tried again · waiting: it was looked
    at, and that settled nothing: the vendor does not know the device now, or its stream does not run.
    """

    under_way: set[Key] = field(default_factory=set)
    unanswered: set[Key] = field(default_factory=set)
    waiting: set[Key] = field(default_factory=set)
    answer: str = ""
    """Why the newest of the unanswered failed, as `Look.last_error`."""


async def awaited(
    store: Holds, clock: Clock, left: Callable[[], Awaitable[Collection[Key]]], since: float, advance: Advance
) -> Left:
    """Until `left`, asked again and again, names no device whose look is to come. `since`: when they were rung for."""
    quiet_from, before = clock.monotonic(), -1
    while True:
        begun = clock.monotonic()
        keys = await left()
        found = await standing(store, keys, since, clock.now())
        if before < 0 or len(keys) < before:
            advance(max(0, before - len(keys)))
            quiet_from, before = clock.monotonic(), len(keys)
        if not found.under_way and not found.unanswered:
            return found
        quiet = clock.monotonic() - quiet_from
        if quiet >= (GIVE_UP if found.unanswered else STUCK) or _refused(found):
            return found
        await clock.sleep(max(_NAP, clock.monotonic() - begun))


def _refused(found: Left) -> bool:
    """Whether trying again soon is of no use: nothing else is under way, and our credentials are refused."""
    return not found.under_way and found.answer.startswith(reasons.look_failed("denied"))


async def standing(store: Holds, keys: Collection[Key], since: float, now: float) -> Left:
    found = Left()
    by_connector: dict[str, list[str]] = defaultdict(list)
    for connector, device_id in keys:
        by_connector[connector].append(device_id)
    for connector, ids in by_connector.items():
        for some in chunks(ids, PAGE):
            known = await store.known(connector, some)
            for device_id in some:
                _sort(found, (connector, device_id), known.get(device_id, Known(None, None)), since, now)
    return found


def _sort(found: Left, key: Key, known: Known, since: float, now: float) -> None:
    look, device = known.look, known.device
    due = look is not None and (look.leased_until is not None or look.due_at <= now)
    tried = device is not None and device.updated_at > since
    if look is not None and look.last_error.startswith(reasons.LOOK) and (tried or not due):
        found.unanswered.add(key)
        found.answer = look.last_error
    elif due:
        found.under_way.add(key)
    else:
        found.waiting.add(key)


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
