"""When a notice is due, and what becomes of it: raised, cleared, begun, ended. Pure.

One row is one occasion at one target. Between two of its messages lie `interval` seconds at least; what happens
meanwhile is counted. What stands and does not change is told again once a day.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bridge.notify.occasion import Occasion, occasion_of
from bridge.notify.retry import LIFE
from bridge.store.notices import Notice

REMIND: Final = 86400.0
"""Seconds after which something that still stands is told again."""


def raised(row: Notice | None, target: str, occasion: Occasion, now: float, interval: float) -> Notice:
    """News, if it did not stand or its count has grown; else only the newest state of what is known."""
    if row is None:
        row = Notice(target, occasion.key)
    document = occasion.document()
    grown = not row.standing or occasion.count > occasion_of(row.occasion).count
    if not grown:
        return replace(row, occasion=document)
    row = replace(
        row,
        occasion=document,
        raised_at=now,
        standing=not occasion.passing,
        told=row.told and row.standing,
        fresh=row.fresh + 1,
    )
    return row if row.message_id else replace(row, due_at=_next(row, now, interval))


def only_later(row: Notice, after: Notice) -> bool:
    """Whether `raised` changed nothing that matters after a restart."""
    same_count = occasion_of(row.occasion).count == occasion_of(after.occasion).count if row.occasion else False
    return same_count and replace(after, occasion=row.occasion) == row


def cleared(row: Notice) -> Notice:
    """It is over. A message under way still goes out; one that was not begun does not."""
    return replace(row, standing=False, told=False, fresh=0, due_at=row.due_at if row.message_id else None)


def begun(row: Notice, message_id: str, body: str, now: float) -> Notice:
    """The message as it will be sent, however often: it holds everything that was fresh."""
    return replace(
        row, message_id=message_id, body=body, begun_at=now, attempts=0, fresh=0, told=row.standing, due_at=now
    )


def sent(row: Notice, code: str, now: float, interval: float) -> Notice:
    return _ended(replace(row, sent_at=now, last_code=code), now, interval)


def failed(row: Notice, code: str, now: float, wait: float, interval: float) -> tuple[Notice, bool]:
    """To be tried again after `wait`; or, a day after its first try, given up: then the second value is True."""
    row = replace(row, attempts=row.attempts + 1, last_code=code)
    end = row.begun_at + LIFE
    if now >= end:
        return _ended(row, now, interval), True
    return replace(row, due_at=min(now + wait, end)), False


def gone(row: Notice, code: str) -> Notice:
    """The target wants nothing more."""
    return replace(row, message_id="", body="", attempts=0, fresh=0, due_at=None, last_code=code)


def is_dormant(row: Notice, now: float, interval: float) -> bool:
    """Whether nothing would be lost with it."""
    quiet = row.sent_at is None or now - row.sent_at >= interval
    return quiet and not (row.standing or row.message_id or row.fresh)


def _ended(row: Notice, now: float, interval: float) -> Notice:
    due = now + interval if row.fresh else now + REMIND if row.standing else None
    return replace(row, message_id="", body="", attempts=0, due_at=due)


def _next(row: Notice, now: float, interval: float) -> float:
    """Not before `interval` after the last message. A last one in the future was sent before the clock was set back."""
    if row.sent_at is None or row.sent_at > now:
        return now
    return max(now, row.sent_at + interval)
