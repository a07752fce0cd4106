"""Streams, the audit log, and what is counted."""

from __future__ import annotations

from bridge.model import StreamStatus, Subscription
from bridge.value import value


@value
class StreamRow:
    """A stream as the store knows it: its identity and its health. The rest stands in the configuration, or in
    `subscription` where its receiver made it."""

    id: str
    name: str
    audience: str
    created_at: float
    enabled: bool = True
    orphaned: bool = False
    paused: str = ""
    """Why an operator paused it; "" if nobody did. Only `pause` of the store writes it."""
    failures: int = 0
    """Consecutive failures that are the stream's own; 0 is healthy."""
    retry_at: float | None = None
    unwell_since: float | None = None
    last_code: str = ""
    last_words: str = ""
    last_delivered_at: float | None = None
    client: str = ""
    """The client of the API that made it; "" for one of the configuration."""
    announced: StreamStatus = "enabled"
    """The status that its receiver knows: its own word, or what a stream-updated told it. Only `announce` and
    `change_subscription` write it."""
    active_at: float | None = None
    """When its receiver last used it, about (SSF 1.0 §8.1.1). Only `note_activity` writes it."""
    subscription: Subscription | None = None
    """Only `make_stream` and `change_subscription` write it."""


@value
class AuditEntry:
    at: float
    who: str
    what: str
    target: str
    why: str = ""
    before: str = ""
    after: str = ""
