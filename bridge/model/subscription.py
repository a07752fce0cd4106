"""What a receiver made of a stream of its own by the stream management API (SSF 1.0 §8.1)."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from bridge.value import value

StreamStatus = Literal["enabled", "paused", "disabled"]
"""SSF 1.0 §8.1.2."""

Way = Literal["push", "poll"]
"""How SETs get there: RFC 8935 or RFC 8936."""


@value
class Subscription:
    """One stream of the API, as it was asked for and as it stands.

    `version` grows with each change; who changes it says which one was read. What happens all the time, such as when
    the stream was last used, stands beside it in the stream's row.
    """

    method: str
    """The delivery method's URI as its receiver wrote it, which may be an old one."""
    endpoint_url: str = ""
    """Where SETs are pushed; "" where they are polled."""
    sealed_header: str = field(default="", repr=False)
    """The `authorization_header`, sealed (`bridge.vault`); "" if there is none."""
    events_requested: tuple[str, ...] | None = None
    """As they were written, unknown ones too; None: none were named, so all that can be had."""
    description: str = ""
    status: StreamStatus = "enabled"
    reason: str = ""
    """Why it has this status: its receiver's words, or ours."""
    by: Literal["receiver", "service"] = "receiver"
    """Who gave it this status."""
    since: float = 0.0
    """When it got this status, or a place to be pushed to that must be verified: the later of both."""
    verified: bool = True
    """Whether events may be pushed there: a verification was accepted, or none is wanted."""
    deleted_at: float | None = None
    """Its receiver deleted it; what is left of it goes in small steps."""
    version: int = 0
