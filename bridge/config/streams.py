"""`[streams]`: the bounds of the stream management API and of polls, for all clients together."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bridge.config.kinds import Seconds, Whole
from bridge.config.section import Section


class Streams(Section):
    poll_wait: Annotated[Seconds, Field(ge=1, le=300)] = 25.0
    """How long a poll waits for a SET (RFC 8936 §2.4)."""
    poll_visibility: Annotated[Seconds, Field(ge=1, le=3600)] = 60.0
    """How long a SET that was handed out is not handed out again."""
    polls_per_stream: Annotated[Whole, Field(ge=1, le=1000)] = 16
    """So many polls of one stream may wait at once."""
    polls: Annotated[Whole, Field(ge=1, le=100_000)] = 2000
    """So many polls of all streams may wait at once."""
    dead_after: Annotated[Seconds, Field(ge=60)] = 72 * 3600.0
    """A push stream of the API whose receiver has taken nothing for so long is paused."""
