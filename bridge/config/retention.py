"""`[retention]`: how long what is kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from bridge.config.kinds import Seconds, Whole, between
from bridge.config.section import Section


class Retention(Section):
    """All in seconds. What still matters stays whatever its age: SETs that wait, dead ones until they are decided, and
    the last word to each receiver about each person."""

    delivered: Annotated[Seconds, AfterValidator(between("1h"))] = 7 * 86_400.0
    """SETs that ended: delivered, superseded, or dead and overtaken."""
    per_subject: Annotated[Whole, Field(ge=1)] = 50
    """SETs that ended, kept of each person or device at each receiver: the newest, whatever `delivered` says. Those of
    the last hour stay besides, for the guard counts by them."""
    webhooks: Seconds = 72 * 3600.0
    """Payloads of webhooks: body and headers."""
    delivery_ids: Annotated[Seconds, AfterValidator(between("1d"))] = 90 * 86_400.0
    """The line of a webhook, and the hash of its delivery id, by which a repeat is known."""
    quarantine: Seconds = 30 * 86_400.0
    """Webhooks that were signed and not understood."""
    quarantine_limit: Annotated[Whole, Field(ge=1)] = 1000
    statements: Annotated[Whole, Field(ge=50, le=1000)] = 200
    """What webhooks stated of one device, kept until a look has answered it: the newest."""
    audit: Annotated[Seconds, AfterValidator(between("30d"))] = 400 * 86_400.0
    errands: Annotated[Seconds, AfterValidator(between("1h"))] = 30 * 86_400.0
    """Errands of commands and of the timetable that ended: how they ended, and their counts."""
