"""What a question found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

from bridge.outbound import ConnectFailed

Outcome = Literal["ok", "note", "failed"]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is well, remarkable or wrong. `about` is `connector <name>`; `remedy` says what to do."""

    about: str
    outcome: Outcome
    words: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Dated:
    """Somebody's clock: `offset` seconds ahead of ours. `own`: it is that of our own `serve`."""

    who: str
    offset: float
    own: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    lines: tuple[Line, ...]
    dates: tuple[Dated, ...] = ()


def date_of(headers: Mapping[str, str]) -> float | None:
    """The time of an answer by its Date, and by its Age where a cache kept it (RFC 9110 §6.6.1, RFC 9111 §5.1)."""
    age = headers.get("age", "0").strip()
    try:
        at = parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return at + (int(age[:9]) if age.isascii() and age.isdecimal() else 0)


def dated(who: str, at: float | None, here: float, *, own: bool = False) -> tuple[Dated, ...]:
    """`here` is our clock when the answer came. A Date has whole seconds: on the average it is half of one late."""
    return () if at is None else (Dated(who, at + 0.5 - here, own),)


REMEDIES: Mapping[str, str] = {
    "dns": "is the name right, and can this machine resolve it?",
    "tls": "does its certificate name this host, and is its CA known here (delivery.ca_file)?",
    "connect": "is it running, and does a firewall or delivery.proxy let this machine through?",
    "timeout": "does a firewall or delivery.proxy let this machine through?",
    "reset": "does something in between speak HTTP there?",
    "refused_address": "this address is never connected to; see delivery in config.example.toml",
    "too_large": "does something else answer at this address?",
}


def unreached(about: str, what: str, failed: ConnectFailed) -> Line:
    return Line(about, "failed", f"{what}: {failed.code}: {failed.words}", REMEDIES[failed.code])
