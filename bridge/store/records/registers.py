"""Streams, the audit log, and what is counted."""

from __future__ import annotations

from bridge.value import value


@value
class StreamRow:
    """A stream as the store knows it: its identity and its health. The rest stands in the configuration."""

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


@value
class AuditEntry:
    at: float
    who: str
    what: str
    target: str
    why: str = ""
    before: str = ""
    after: str = ""
