"""The ways in which vendors write a time, a length of time and a rate. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

NEVER: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""What `time_never()` gives. Any time in the year 9999 means "never"."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_MS_DATE = re.compile(r"\\?/Date\((-?\d{1,16})(?:[+-]\d{4})?\)\\?/", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,16}(?:\.\d{1,9})?", re.ASCII)
_DURATION = re.compile(r"(\d{1,9})\s*(ms|s|m|h|d)", re.ASCII)
_RATE = re.compile(r"(\d{1,9})\s*/\s*(\d{1,6})?\s*(s|sec|second|m|min|minute|h|hour|d|day)", re.ASCII)
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def rfc3339(text: str) -> datetime:
    """RFC 3339 §5.6; anything finer than a microsecond is cut off. Raises ValueError."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 time")
    zone = match[8]
    try:
        if zone == "Z":
            return datetime.fromisoformat(text)
        local = datetime.fromisoformat(text[: -len(zone)]).replace(tzinfo=UTC)
        return local if zone in "Zz" else local - _offset(zone)
    except (ValueError, OverflowError):
        raise ValueError("not an RFC 3339 time") from None


def _offset(text: str) -> timedelta:
    hours, minutes = int(text[1:3]), int(text[4:6])
    if hours > 23 or minutes > 59:
        raise ValueError("not an RFC 3339 time")
    return timedelta(hours=hours, minutes=minutes) * (-1 if text[0] == "-" else 1)


def timestamp(value: str | int) -> datetime:
    """RFC 3339 text, or whole seconds since 1970."""
    return unix(value) if isinstance(value, int) else rfc3339(value)


def unix(value: str | float) -> datetime:
    """Seconds since 1970, as a number or as digits; fractions are kept."""
    return _since_epoch(_number(value), "seconds")


def ms(value: str | float) -> datetime:
    """Milliseconds since 1970, as a number or as digits."""
    return _since_epoch(_number(value) / 1000, "milliseconds")


def ms_date(value: str) -> datetime:
    """`/Date(1793527200123)/`, milliseconds since 1970; an offset behind the number is for display only."""
    match = _MS_DATE.fullmatch(value)
    if match is None:
        raise ValueError("not a /Date(…)/ time")
    return ms(int(match[1]))


def _number(value: str | float) -> float:
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            raise ValueError("not a number")
        return float(value)
    return value


def _since_epoch(seconds: float, unit: str) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        raise ValueError(f"not a time in {unit}") from None


def seconds(at: datetime) -> float | None:
    """Seconds since 1970; None for "never"."""
    return None if at.year >= 9999 else at.timestamp()


def duration(text: str) -> float:
    """`30s`, `4h`, `14d` in seconds. Raises ValueError with admin-readable words."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError("not a duration: write a whole number and one of ms, s, m, h, d, as in 30s or 14d")
    return int(match[1]) * _UNITS[match[2]]


def rate(text: str) -> tuple[int, float] | None:
    """`270/min`, `1000/20s` → how many in how many seconds; `none` → None. Raises ValueError."""
    if text.strip() == "none":
        return None
    match = _RATE.fullmatch(text.strip())
    if match is None or int(match[1]) == 0 or match[2] == "0":
        raise ValueError('not a rate: write "270/min", "1000/20s" or "none"')
    return int(match[1]), int(match[2] or 1) * _UNITS[match[3][0]]
