"""Points in time as operators write them."""

from __future__ import annotations

from datetime import UTC, datetime

from bridge.cli.console.configured import WrongCall
from bridge.clock import SystemClock
from bridge.config.kinds import seconds


def moment(text: str | None) -> float | None:
    """`"2h"` is two hours ago; else a date, or date and time (UTC unless it says otherwise). None stays None.

    Raises WrongCall.
    """
    if text is None:
        return None
    try:
        return SystemClock().now() - seconds(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise WrongCall(
            f'--since {text}: write a duration such as "2h" or "3d", or a date such as 2026-11-22'
        ) from None
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
