"""How streams of the API run: `[streams]` for all clients together, and what stands with each client."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bridge.config.kinds import Seconds, Whole
from bridge.config.section import Section
from bridge.config.shape import Shaped


class Streams(Section):
    """`[streams]`: bounds."""

    poll_wait: Annotated[Seconds, Field(ge=1, le=300)] = 25.0
    """How long a poll waits for a SET (RFC 8936 §2.4)."""
    poll_visibility: Annotated[Seconds, Field(ge=1, le=3600)] = 60.0
    """How long a SET that was handed out is not handed out again."""
    polls_per_stream: Annotated[Whole, Field(ge=1, le=1000)] = 16
    """So many polls of one stream may wait at once."""
    polls_per_client: Annotated[Whole, Field(ge=1, le=100_000)] = 1000
    """So many polls of one client's streams may wait at once."""
    polls: Annotated[Whole, Field(ge=1, le=100_000)] = 2000
    """So many polls of all streams may wait at once."""
    max_subjects: Annotated[Whole, Field(ge=1, le=1_000_000)] = 10_000
    """So many subjects a stream may have that its receiver added or removed."""
    changes_per_day: Annotated[Whole, Field(ge=100, le=100_000_000)] = 20_000
    """So often a client may change something: streams, their status, their subjects."""
    dead_after: Annotated[Seconds, Field(ge=60)] = 72 * 3600.0
    """A push stream of the API whose receiver has taken nothing for so long is paused."""


class StreamTerms(Shaped):
    """On what terms a client makes streams: keys of `[oauth.clients.<name>]`."""

    profile: Literal["ssf", "sse"] = "ssf"
    default_subjects: Literal["ALL", "NONE"] = "ALL"
    """Whom a new stream is about before its receiver adds or removes anybody (SSF 1.0 §7.1)."""
    audience_list: bool = False
    """Whether `aud` of the stream's configuration is shown as a list of one."""
    max_streams: Annotated[Whole, Field(ge=1, le=10_000)] = 100
    verify: bool = True
    """Whether a push stream gets events only after a verification was accepted there."""
    min_verification_interval: Annotated[Seconds, Field(ge=0, le=3600)] = 10.0
    inactivity_timeout: Annotated[Seconds, Field(ge=60)] | None = None
    """A stream that its receiver has not used for so long is paused (SSF 1.0 §8.1.1)."""
