"""`[retention]`: how long what is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, Field

from bridge.config.kinds import Seconds, Whole, seconds
from bridge.config.section import Section


def _least(text: str) -> Callable[[float], float]:
    def check(value: float) -> float:
        if value < seconds(text):
            raise ValueError(f'must be at least "{text}"')
        return value

    return check


class Retention(Section):
    """All in seconds. What still matters stays whatever its age: SETs that wait, dead ones until they are decided, and
    the last word to each receiver about each person."""

    delivered: Annotated[Seconds, AfterValidator(_least("1h"))] = 7 * 86_400.0
    """SETs that ended: delivered, superseded, or dead and overtaken."""
    webhooks: Seconds = 72 * 3600.0
    """Payloads of webhooks: body and headers."""
    delivery_ids: Annotated[Seconds, AfterValidator(_least("1d"))] = 90 * 86_400.0
    """The line of a webhook, and the hash of its delivery id, by which a repeat is known."""
    quarantine: Seconds = 30 * 86_400.0
    """Webhooks that were signed and not understood."""
    quarantine_limit: Annotated[Whole, Field(ge=1)] = 1000
    audit: Annotated[Seconds, AfterValidator(_least("30d"))] = 400 * 86_400.0
    errands: Annotated[Seconds, AfterValidator(_least("1h"))] = 30 * 86_400.0
    """Errands of commands and of the timetable that ended: how they ended, and their counts."""
