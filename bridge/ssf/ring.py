"""Which key signs, which are published, which may go, and when: next → active → retired. Pure, over all rows at once.

Each rule takes what is known and gives what shall be known; the caller writes it only if nobody else wrote meanwhile.
What an operator may not do is a `Conflict` in words.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bridge.errors import Conflict
from bridge.key import KeyRow

ALGORITHM: Final = "RS256"
Rows = tuple[KeyRow, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """`[keys]`, in seconds."""

    publish_for: float
    keep_retired: float
    rotate_every: float | None = None


def active(rows: Sequence[KeyRow]) -> KeyRow | None:
    """The one that signs."""
    return next((row for row in rows if row.state == "active"), None)


def upcoming(rows: Sequence[KeyRow]) -> KeyRow | None:
    """The one that signs next."""
    return next((row for row in rows if row.state == "next"), None)


def published(rows: Sequence[KeyRow]) -> list[KeyRow]:
    """Those that stand in the JWKS, the one that signs first."""
    order = {"active": 0, "next": 1, "retired": 2}
    return sorted((row for row in rows if row.removed_at is None), key=lambda row: order[row.state])


def known(rows: Sequence[KeyRow], kid: str) -> KeyRow | None:
    return next((row for row in rows if row.kid == kid), None)


# -- as time goes by ------------------------------------------------------------------------------


def turned(rows: Sequence[KeyRow], now: float) -> Rows:
    """The next key is published, and signs once it has been for as long as it should; the one before retires then."""
    coming = upcoming(rows)
    if coming is None:
        return tuple(rows)
    if coming.published_at is None:
        coming = replace(coming, published_at=now, activates_at=now + coming.publish_for)
        rows = _with(rows, coming)
    if coming.activates_at is not None and coming.activates_at > now:
        return tuple(rows)
    return _crowned(rows, coming, now)


def aged(rows: Sequence[KeyRow], now: float, keep: float, named: Collection[str]) -> Rows:
    """Retired keys that no undelivered SET has named for `keep` seconds go from the JWKS. `named` are named now."""
    return tuple(_aged(row, now, keep, named) for row in rows)


def _aged(row: KeyRow, now: float, keep: float, named: Collection[str]) -> KeyRow:
    if row.state != "retired" or row.removed_at is not None:
        return row
    if row.kid in named:
        return replace(row, named_at=now)
    return replace(row, removed_at=now) if now >= leaves_at(row, keep) else row


def leaves_at(row: KeyRow, keep: float) -> float:
    """When a retired key goes from the JWKS, unless an undelivered SET names it until then."""
    return max(row.retired_at or 0.0, row.named_at or 0.0) + keep


def wants_next(rows: Sequence[KeyRow], now: float, terms: Terms) -> bool:
    """Whether a scheduled rotation begins: so early that the next key signs when this one has for `rotate_every`."""
    signing = active(rows)
    if terms.rotate_every is None or signing is None or signing.activates_at is None or upcoming(rows) is not None:
        return False
    return now >= signing.activates_at + terms.rotate_every - terms.publish_for


# -- by somebody's hand ---------------------------------------------------------------------------


def added(rows: Sequence[KeyRow], kid: str, created_at: float, publish_for: float) -> Rows:
    """`kid` is the next key; `publish_for` counts from when a running `serve` first publishes it."""
    coming, before = upcoming(rows), known(rows, kid)
    if before is not None and before.compromised:
        raise Conflict(f"key {kid} was retired as compromised and never signs again")
    if coming is not None:
        raise Conflict(f"there is a next key already: {coming.kid}")
    if before is not None:
        raise Conflict(f"key {kid} is known already: {before.state}")
    return (*rows, KeyRow(kid, ALGORITHM, "next", created_at, publish_for))


def hastened(rows: Sequence[KeyRow]) -> Rows:
    """The next key signs as soon as it is published."""
    coming = upcoming(rows)
    if coming is None:
        raise Conflict("there is no next key")
    return _with(rows, replace(coming, publish_for=0.0, activates_at=coming.published_at))


def retired(rows: Sequence[KeyRow], kid: str, now: float) -> Rows:
    """An operator gives up the next key. The one that signs cannot be: something must."""
    row = _one(rows, kid)
    if row.state == "active":
        raise Conflict(f"key {kid} signs: `caep-bridge keys rotate` brings another, and then it retires by itself")
    if row.state == "retired":
        raise Conflict(f"key {kid} is retired already")
    return _with(rows, replace(row, state="retired", retired_at=now))


def withdrawn(rows: Sequence[KeyRow], kid: str, now: float, successor: KeyRow | None) -> Rows:
    """A compromised key goes from the JWKS and never signs again; `successor` signs if it was the one that did."""
    row = _one(rows, kid)
    if row.compromised:
        raise Conflict(f"key {kid} was withdrawn as compromised already")
    gone = replace(row, state="retired", retired_at=row.retired_at or now, removed_at=row.removed_at or now)
    rows = _with(rows, replace(gone, compromised=True))
    if row.state != "active":
        return rows
    if successor is None:
        raise Conflict(f"key {kid} signs, and there is no other")
    return _crowned(rows, successor, now)


def without_file(rows: Sequence[KeyRow], have: Collection[str], now: float) -> Rows:
    """Keys whose private file is lost are not published any more, whatever they were."""
    return tuple(
        row
        if row.removed_at is not None or row.kid in have
        else replace(row, state="retired", retired_at=row.retired_at or now, removed_at=now)
        for row in rows
    )


def signed_by(rows: Sequence[KeyRow], kid: str, created_at: float, now: float) -> Rows:
    """`kid` signs from now on; the one before and one that would have come after it retire."""
    row = known(rows, kid) or KeyRow(kid, ALGORITHM, "next", created_at)
    if row.compromised:
        raise Conflict(f"key {kid} was retired as compromised and never signs again: give another one")
    coming = upcoming(rows)
    if coming is not None and coming.kid != kid:
        rows = _with(rows, replace(coming, state="retired", retired_at=now))
    return _crowned(rows, replace(row, removed_at=None, retired_at=None, named_at=None), now)


def _crowned(rows: Sequence[KeyRow], row: KeyRow, now: float) -> Rows:
    before = active(rows)
    if before is not None and before.kid != row.kid:
        rows = _with(rows, replace(before, state="retired", retired_at=now))
    shown = now if row.published_at is None else row.published_at
    return _with(rows, replace(row, state="active", published_at=shown, activates_at=now))


def _one(rows: Sequence[KeyRow], kid: str) -> KeyRow:
    row = known(rows, kid)
    if row is None:
        raise Conflict(f"there is no key {kid}")
    return row


def _with(rows: Sequence[KeyRow], row: KeyRow) -> Rows:
    return (*(one for one in rows if one.kid != row.kid), row)
