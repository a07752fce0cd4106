"""What an answer to a notice means, and when the next try is due. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from bridge.clock import Dice

FIRST, MOST = 5.0, 3600.0
LIFE: Final = 86400.0
"""Seconds from the first try of a message until it is given up."""
WAIT_MOST: Final = 3600.0
"""Seconds of a Retry-After that are honoured at most."""


@dataclass(frozen=True, slots=True)
class Sent:
    """How one try ended: `gone` is a 410, after which nothing more is sent there. `code` is the status or a word."""

    kind: Literal["sent", "failed", "gone"]
    code: str
    retry_after: float | None = None


def classify(status: int, retry_after: str = "") -> Sent:
    """2xx is taken; a redirect is not followed and counts as any other failure."""
    if 200 <= status < 300:
        return Sent("sent", str(status))
    if status == 410:
        return Sent("gone", "410")
    asked = retry_after.strip()
    seconds = float(asked[:9]) if asked.isascii() and asked.isdigit() else None
    return Sent("failed", str(status), None if seconds is None else min(seconds, WAIT_MOST))


def pause(attempts: int, asked: float | None, dice: Dice) -> float:
    """Seconds after the `attempts`-th failure: 5 s doubling to an hour, from the upper half of the step by chance."""
    step = min(MOST, FIRST * 2.0 ** min(attempts - 1, 30))
    return max(dice.between(step / 2, step), asked or 0.0)
