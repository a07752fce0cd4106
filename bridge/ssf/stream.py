"""What a stream wants to hear, and may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from bridge.model import Device, Stream
from bridge.ssf.subject import about
from bridge.value import replace

Unwanted = Literal["", "disabled", "paused", "not_requested", "not_entitled", "subject_removed", "subject_not_added"]
Namespaces = Mapping[str, str]
"""By connector, what its devices are named after in subjects; the connector's own name where it is missing."""


def wants(
    stream: Stream,
    event_type: str,
    connector: str,
    login: str,
    device_id: str = "",
    namespaces: Namespaces | None = None,
) -> Unwanted:
    """Empty if the stream is to be told of this, else why not. What it may hear comes before what it wants to."""
    if not stream.enabled or stream.orphaned:
        return "disabled"
    if stream.paused:
        return "paused"
    if event_type not in stream.events:
        return "not_requested"
    if not may_hear(stream, connector, login):
        return "not_entitled"
    return _unselected(stream, connector, login, device_id, namespaces or {})


def may_hear(stream: Stream, connector: str, login: str) -> bool:
    """Whether the receiver is entitled to what this connector says of this person."""
    if stream.connectors is not None and connector not in stream.connectors:
        return False
    return stream.domains is None or _within(login, stream.domains)


def unbounded(stream: Stream) -> Stream:
    """The same, if its receiver were entitled to hear of everybody."""
    return replace(stream, connectors=None, domains=None)


def heard_of(stream: Stream, login: str, devices: Iterable[Device], namespaces: Namespaces) -> Sequence[Device]:
    """The devices of `login` about which the stream's receiver wants to hear: only these hold the person at it."""
    if stream.selection is None or stream.selection.everything:
        return tuple(devices)
    return [one for one in devices if not _unselected(stream, one.connector, login, one.device_id, namespaces)]


def _unselected(stream: Stream, connector: str, login: str, device_id: str, namespaces: Namespaces) -> Unwanted:
    if stream.selection is None or stream.selection.everything:
        return ""
    return stream.selection.why_not(about(stream, login, namespaces.get(connector, connector), device_id))


def _within(login: str, domains: frozenset[str]) -> bool:
    """Whether the login is an address of exactly one of these domains; a subdomain is another domain."""
    local, at, domain = login.rpartition("@")
    return bool(local and at) and domain.casefold() in {name.casefold() for name in domains}
