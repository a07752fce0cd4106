"""word: an operator's word about one device: an override for a time, or that it counts for nobody any more.

It is written to belief beside a running service, which is asked in the same commit to compare: so what follows is told
whoever dies, and by the next service where none runs now. What it takes from somebody goes through the guard like
everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bridge.errors import Conflict
from bridge.model import Device, Override, Status
from bridge.posture import reasons
from bridge.store.errands import Errand
from bridge.store.protocol import Beliefs
from bridge.store.records import Ring, Unit, Urgency
from bridge.value import replace

TRIES: Final = 8
Word = Callable[[Device], Unit]


def comparison(device: Device, errand_id: str, now: float, who: str) -> Errand:
    """Of what is so with what was told, as a word about this device asks for it."""
    return Errand(errand_id, "compare", f"{device.connector}/{device.device_id}", now, who)


def override(status: Status, until: float, now: float, who: str, why: str, txn: str, compare: Errand) -> Word:
    """Until then `status` counts; at that moment the device is looked at."""

    def word(device: Device) -> Unit:
        after = replace(device, override=Override(status, until, now, who, why), reason=reasons.OVERRIDDEN)
        return Unit(devices=(after,), rings=(_ring(device, txn, until, Urgency.REPEAT),), errands=(compare,))

    return word


def clear(now: float, txn: str, compare: Errand | None = None) -> Word:
    """The override ends now, into a fresh look, or with `compare` into a comparison: where nobody can be asked."""

    def word(device: Device) -> Unit:
        ring = _ring(device, txn, now, Urgency.PROVISIONAL)
        return Unit(devices=(replace(device, override=None),), rings=(ring,), errands=(compare,) if compare else ())

    return word


def retire(why: str, compare: Errand) -> Word:
    """It counts for nobody until a look sees it again."""
    return lambda device: Unit(devices=(replace(device, retired=why, reason=reasons.RETIRED),), errands=(compare,))


def recheck(now: float, txn: str) -> Word:
    """Nothing is believed otherwise; it is looked at now, before everything else."""
    return lambda device: Unit(rings=(_ring(device, txn, now, Urgency.PROVISIONAL),))


async def speak(store: Beliefs, device: Device, word: Word) -> Device | None:
    """The device as it stood just before; None if it is no longer known. Raises Conflict."""
    current: Device | None = device
    for _ in range(TRIES):
        if current is None:
            return None
        if not await store.commit([word(current)]):
            return current
        current = await store.device(*device.key)
    raise Conflict("the device changed each time that it was written; try again")


def _ring(device: Device, txn: str, at: float, urgency: Urgency) -> Ring:
    return Ring(device.connector, device.device_id, txn, at, None, (), urgency)
