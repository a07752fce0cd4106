"""turn: what waits for the teller, which of it goes together, and what of it is written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bridge.model import Device, LookFailed, Snapshot, Stream
from bridge.pipeline.draft import Draft, Standing
from bridge.pipeline.owing import Owed
from bridge.posture.decision import Decision
from bridge.ssf.ledger import UNKNOWN_AT_RECEIVER
from bridge.store.records import Look, LookDone, NewDelivery, Ring, Unit, Urgency
from bridge.value import replace, value

SOON = 900.0
LATER = 3600.0
"""Seconds until it is seen whether a receiver knows the person by now: while a failure is new, and after that."""
NEW = 7200.0
"""Seconds that a failure is new."""

FOUND_BY = 32
"""To pass over so many streams costs as much as to tell one."""

Answer = Snapshot | LookFailed


@value
class Answered:
    """A look and what came of it; `answer` None: nobody can be asked, fold what was stated.

    `look` None and no `answer`: compare belief with what the streams were told (a resync). `look` None and an
    `answer`: the vendor's list had it (a sweep), of the device `device_id`.
    """

    look: Look | None
    device: Device | None
    answer: Answer | None = None
    streams: tuple[Stream, ...] | None = None
    """Only these streams; None is all."""
    txn: str = ""
    """Of a comparison without a look."""
    connector: str = ""
    """Of a sweep, and "" of all else."""
    first_list: bool = False
    """Of a sweep: it is the connector's first, so what already fails is the baseline."""
    told_as: str | None = None
    """Of a comparison without a look: the login that a stream was told, where it may not be the owner's any more."""


def is_outdated(answered: Answered, device: Device | None, now: float) -> bool:
    """Whether a later answer than this one is believed by now: a look that was given up for dead came to an end after
    all. A belief from ahead of us was had before the clock was set back."""
    if not isinstance(answered.answer, Snapshot) or device is None or device.looked_at is None:
        return False
    return answered.answer.taken_at < device.looked_at <= now


def swept(answered: Answered) -> Look:
    """The look that a sweep stands for."""
    assert isinstance(answered.answer, Snapshot)
    return Look(
        answered.connector, answered.answer.device_id, answered.answer.taken_at, Urgency.RECONCILE, answered.txn, 0
    )


@dataclass(slots=True)
class Waiting:
    answered: Answered
    done: asyncio.Future[Decision]
    tries: int = 0
    draft: Draft | None = None
    owed: Owed = field(default_factory=Owed)

    @property
    def the_draft(self) -> Draft:
        if self.draft is None:
            raise AssertionError("not drafted yet")
        return self.draft

    def fail(self, trouble: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(trouble)


def together(waiting: Sequence[Waiting], streams: int, pairs: int) -> int:
    """How many of these go together, of which each is about all `streams`, or about those that it names: so many that
    all of it is of `pairs` at most, and one in any case. To find one that is named among all costs a little as well."""
    for count, one in enumerate(waiting):
        named = one.answered.streams
        pairs -= streams if named is None else max(len(named), streams // FOUND_BY)
        if pairs < 0:
            return max(1, count)
    return len(waiting)


def apart(batch: list[Waiting]) -> tuple[list[Waiting], list[Waiting]]:
    """Those that touch no person and no device that an earlier one touches, and the rest for the next turn."""
    taken: set[object] = set()
    now: list[Waiting] = []
    later: list[Waiting] = []
    for one in batch:
        touches = one.the_draft.touches
        if taken & touches:
            later.append(one)
        else:
            taken |= touches
            now.append(one)
    return now, later


def unit_of(one: Waiting, deliveries: Mapping[int, NewDelivery], now: float) -> Unit:
    look = _look_done(one.answered.look, one.the_draft.decision) if one.answered.look is not None else None
    at = _strangers_again(one, now)
    return Unit(
        devices=one.owed.devices,
        ledger=tuple(owing.write(deliveries.get(id(owing))) for owing in one.owed.owings),
        moves=one.owed.moves,
        look=_soon(look, at) if at is not None else look,
        rings=(*_later(one), *(_ring_at(one, at) if at is not None and look is None else ())),
        seen=one.owed.seen,
    )


def _strangers_again(one: Waiting, now: float) -> float | None:
    """When the device is looked at again because a receiver does not know its person: what is told then is still so."""
    if not one.owed.strangers:
        return None
    since = one.the_draft.device.since
    return now + (SOON if since is None or now - since < NEW else LATER)


def _soon(look: LookDone | None, at: float) -> LookDone | None:
    if look is None or (look.again_at is not None and look.again_at <= at):
        return look
    return replace(look, again_at=at, last_error=UNKNOWN_AT_RECEIVER)


def _later(one: Waiting) -> tuple[Ring, ...]:
    """A sweep has no look of its own that would stay due for a deadline."""
    draft = one.the_draft
    if one.answered.look is not None or draft.standing is Standing.COMPARED or draft.decision.again_at is None:
        return ()
    return _ring_at(one, draft.decision.again_at)


def _ring_at(one: Waiting, at: float) -> tuple[Ring, ...]:
    device = one.the_draft.device
    return (Ring(device.connector, device.device_id, one.the_draft.txn, at, None, (), Urgency.REPEAT),)


def _look_done(look: Look, decision: Decision) -> LookDone:
    urgency = Urgency.PROVISIONAL if decision.device.basis == "provisional" else Urgency.REPEAT
    if decision.again_why.startswith("look_") and urgency is Urgency.REPEAT:
        urgency = look.urgency
    return LookDone(
        connector=look.connector,
        device_id=look.device_id,
        generation=look.generation,
        again_at=decision.again_at,
        urgency=urgency,
        attempts=decision.attempts,
        contradictions=decision.contradictions,
        keep_stated=decision.keep_stated,
        last_error=decision.again_why,
    )


def outcome_of(answer: Answer | None) -> str:
    if answer is None:
        return "folded"
    return str(answer) if isinstance(answer, LookFailed) else "good"
