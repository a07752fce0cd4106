"""What the end of a SET does to the ledger row that tells of it: pure, and the same for every store."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.model import DeliveryState, LedgerRow, Status, Tail
from bridge.store.records import Delivery, Settlement
from bridge.value import replace

WHY_NOT: Mapping[DeliveryState, str] = {"delivered": "delivered", "superseded": "superseded", "dead": "dead"}
"""What `drop` and `revive` answer about a row that they leave alone."""


def unsent(state: DeliveryState, leased_until: float | None, maybe_received: bool) -> bool:
    """True while the receiver certainly has not got the SET and nobody is sending it.

    A lease that ran out counts as held: whoever held it may have sent the SET.
    """
    return state == "pending" and leased_until is None and not maybe_received


def held(row: Delivery, until: float) -> Delivery:
    """The row as leased. A lease that it still had ran out: whoever held it may have sent the SET."""
    return replace(row, leased_until=until, maybe_received=row.maybe_received or row.leased_until is not None)


def is_due(row: Delivery, now: float) -> bool:
    """A row that was made after `now` and refused by nobody waits for nothing: the clock was set back."""
    return row.next_at <= now or (row.created_at > now and row.faults == 0)


def tail_of(row: Delivery) -> Tail:
    return Tail(row.id, row.state, row.status, row.previous, unsent(row.state, row.leased_until, row.maybe_received))


def overruled(tail_id: int | None, tail_state: str | None, delivery_id: int) -> bool:
    """Whether the ledger names a later SET that was delivered: then an older one that ends changes nothing."""
    return tail_id is not None and tail_id > delivery_id and tail_state == "delivered"


def died(row: LedgerRow, delivery_id: int, status: Status, previous: Status) -> LedgerRow:
    """The ledger row after the SET `delivery_id` died: as if it had never been told, and not minted again; but where a
    later SET had taken it back already, nothing is given up: the next time that it is so is news."""
    tail = Tail(delivery_id, "dead", status, previous, unsent=False)
    given_up = status if row.told == status else None
    return replace(row, told=previous, given_up=given_up, tail=tail, version=row.version + 1)


def cancelled(row: LedgerRow, previous: Status) -> LedgerRow:
    """The ledger row after all its pending SETs were cancelled; `previous` is that of the oldest."""
    return replace(row, told=previous, version=row.version + 1)


def is_overtaken(row: LedgerRow | None, dead: Delivery) -> bool:
    """Whether this dead SET is no longer the last word: the ledger names another one, or what it says is no longer so,
    for a comparison since has found what was told before it to be true."""
    if row is None or row.tail is None or row.tail.id != dead.id:
        return True
    return dead.status not in (row.told, row.given_up)


def revived(row: LedgerRow, status: Status) -> LedgerRow:
    return replace(row, told=status, given_up=None, version=row.version + 1)


def dropped(row: Delivery, now: float, why: str) -> Settlement:
    """The death of a row that an operator gives up."""
    maybe = row.maybe_received or row.leased_until is not None
    return Settlement(
        id=row.id, state="dead", at=now, code="dropped", words=why,
        attempts=row.attempts, faults=row.faults, faulted_at=row.faulted_at, maybe_received=maybe,
    )  # fmt: skip
