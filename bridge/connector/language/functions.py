"""What expressions may call besides CEL's own functions. Pure; a ValueError's words are shown to the admin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from bridge.connector.language import times


def identifier(value: str | int) -> str:
    """A vendor's id as text: 1001 and "1001" are the same."""
    return value if isinstance(value, str) else str(value)


def pick(rows: Sequence[object], by: str, wanted: Sequence[object], member: str) -> str:
    """From the rows, the `member` of the first whose `by` is the first of `wanted` that occurs; "" if none does."""
    for want in wanted:
        for row in rows:
            if isinstance(row, Mapping) and row.get(by) == want:
                value = row.get(member, "")
                if isinstance(value, str) and value:
                    return value
    return ""


def first(rows: Sequence[object]) -> object:
    if not rows:
        raise ValueError("the list is empty")
    return rows[0]


def time_never() -> datetime:
    return times.NEVER


def lower(text: str) -> str:
    return text.lower()


OF_ONE: Final[Mapping[str, tuple[Callable[..., object], tuple[type, ...]]]] = {
    "id": (identifier, (str, int)),
    "timestamp": (times.timestamp, (str, int)),
    "unix": (times.unix, (str, int, float)),
    "ms": (times.ms, (str, int, float)),
    "ms_date": (times.ms_date, (str,)),
    "lower": (lower, (str,)),
}
"""Functions of one value, and which types it may have."""
