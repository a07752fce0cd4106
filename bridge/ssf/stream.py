"""What a stream wants to hear, and may."""

from __future__ import annotations

from typing import Literal

from bridge.model import Stream

Unwanted = Literal["", "disabled", "paused", "not_requested", "not_entitled"]


def wants(stream: Stream, event_type: str, connector: str, login: str) -> Unwanted:
    """Empty if the stream is to be told of this, else why not."""
    if not stream.enabled or stream.orphaned:
        return "disabled"
    if stream.paused:
        return "paused"
    if event_type not in stream.events:
        return "not_requested"
    if stream.connectors is not None and connector not in stream.connectors:
        return "not_entitled"
    if stream.domains is not None and not _within(login, stream.domains):
        return "not_entitled"
    return ""


def _within(login: str, domains: frozenset[str]) -> bool:
    """Whether the login is an address of exactly one of these domains; a subdomain is another domain."""
    local, at, domain = login.rpartition("@")
    return bool(local and at) and domain.casefold() in {name.casefold() for name in domains}
