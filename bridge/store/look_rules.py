"""How rings, leases and finished looks change a look: pure, and the same for every store."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.model import Statement
from bridge.store.records import Look, LookDone, Ring, Stated
from bridge.value import replace


def merged(kept: tuple[Stated, ...], new: Sequence[Stated], most: int) -> tuple[Stated, ...]:
    """`kept` with `new` added, in the order of arrival, at most the newest `most`.

    Of two about one finding key the later by `finding.at` stays, failing on equal times, else the newer arrival.
    Statements without a finding are kept once: the first stays.
    """
    if not new:
        return kept
    result = list(kept)
    for stated in new:
        rival = _rival(result, stated.statement)
        if rival is None:
            result.append(stated)
        elif _replaces(stated.statement, result[rival].statement):
            del result[rival]
            result.append(stated)
    return tuple(result[-most:])


def _rival(kept: list[Stated], statement: Statement) -> int | None:
    finding = statement.finding
    for index, other in enumerate(kept):
        theirs = other.statement.finding
        if finding is None:
            if other.statement == statement:
                return index
        elif theirs is not None and theirs.key == finding.key:
            return index
    return None


def _replaces(new: Statement, old: Statement) -> bool:
    if new.finding is None or old.finding is None:
        return False
    if new.finding.at != old.finding.at:
        return new.finding.at > old.finding.at
    return new.finding.state == "failing" or old.finding.state != "failing"


def rung(look: Look | None, ring: Ring) -> Look:
    """The look after one more ring. A leased look takes the ring's `txn`, any other keeps its first."""
    if look is None:
        stated = merged((), _stated(ring, 1), ring.keep)
        return Look(
            connector=ring.connector, device_id=ring.device_id, due_at=ring.due_at, urgency=ring.urgency,
            txn=ring.txn, generation=1, rung_at=ring.received_at, stated=stated,
        )  # fmt: skip
    generation = look.generation + 1
    return replace(
        look,
        due_at=min(look.due_at, ring.due_at),
        urgency=min(look.urgency, ring.urgency),
        txn=look.txn if look.leased_until is None else ring.txn,
        generation=generation,
        rung_at=min((at for at in (look.rung_at, ring.received_at) if at is not None), default=None),
        stated=merged(look.stated, _stated(ring, generation), ring.keep),
    )


def _stated(ring: Ring, generation: int) -> list[Stated]:
    if ring.received_at is None:
        return []
    return [Stated(statement, ring.received_at, generation) for statement in ring.statements]


def finished(look: Look, done: LookDone) -> Look | None:
    """The look after one try, free again; None when nothing more is due.

    A ring that came while the look ran keeps the row due at once. What was stated before that ring goes, unless
    `keep_stated` says that no good look has answered it.
    """
    if done.generation != look.generation:
        return _overtaken(look, done)
    if done.again_at is None:
        return None
    return replace(
        look,
        due_at=done.again_at,
        urgency=done.urgency,
        attempts=done.attempts,
        contradictions=done.contradictions,
        last_error=done.last_error,
        leased_until=None,
        stated=look.stated if done.keep_stated else (),
        rung_at=look.rung_at if done.keep_stated else None,
    )


def _overtaken(look: Look, done: LookDone) -> Look:
    stated, rung_at = look.stated, look.rung_at
    if not done.keep_stated:
        stated = tuple(s for s in look.stated if s.generation > done.generation)
        rung_at = min((s.received_at for s in stated), default=None)
    return replace(
        look, attempts=0, contradictions=0, last_error=done.last_error, leased_until=None,
        stated=stated, rung_at=rung_at,
    )  # fmt: skip
