"""SETs that are pending or dead: which keys they name, and other SETs in their place. Rules that both stores share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bridge.model import SignedSET
from bridge.store.ledger_rules import WHY_NOT
from bridge.store.records import Delivery


@dataclass(frozen=True, slots=True)
class Renewal:
    """The SET that takes the place of the one named `jti` in delivery `id`."""

    id: int
    jti: str
    signed: SignedSET
    at: float


class Undelivered(Protocol):
    """Of all deliveries that are pending or dead: under which keys they were signed, and a new SET in their place."""

    async def undelivered_kids(self) -> set[str]: ...

    async def stranded(self, kids: Collection[str]) -> list[int]:
        """The numbers of those that name none of these keys, oldest first."""

    async def renew(self, renewals: Sequence[Renewal]) -> list[str]:
        """Another SET in the place of each: text, `jti` and `kid`. A pending one is due at once, as if never tried, and
        keeps its place in its order and `maybe_received`; a dead one stays dead.

        For each "" or why not: `not_found`, `delivered`, `superseded`, `held` (it is being sent), `changed` (its SET is
        no longer the one that was read).
        """


def renewable(row: Delivery | None, jti: str, now: float) -> str:
    """Why another SET may not stand in the place of the one named `jti`, or ""."""
    if row is None:
        return "not_found"
    if row.state not in ("pending", "dead"):
        return WHY_NOT[row.state]
    if row.leased_until is not None and row.leased_until > now:
        return "held"
    return "" if row.jti == jti else "changed"


def renewed(row: Delivery, renewal: Renewal) -> Delivery:
    signed = renewal.signed
    row = replace(row, jti=signed.jti, kid=signed.kid, text=signed.text)
    return row if row.state == "dead" else replace(row, attempts=0, faults=0, faulted_at=None, next_at=renewal.at)
