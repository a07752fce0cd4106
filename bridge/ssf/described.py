"""How a stream is shown to its receiver: its configuration and its status (SSF 1.0 §8.1.1, §8.1.2). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bridge.model import Stream, StreamStatus, Subscription
from bridge.ssf.configuration import POLL, events_delivered
from bridge.value import value


@value
class Terms:
    """What the transmitter says of a stream beside what its receiver asked for. Times in whole seconds."""

    issuer: str
    events_supported: tuple[str, ...]
    min_verification_interval: int
    inactivity_timeout: int | None = None
    audience_list: bool = False
    """Whether `aud` is shown as a list, for receivers that read nothing else (SSF 1.0 §8.1.1 has both)."""


def poll_url(issuer: str, stream_id: str) -> str:
    """Where SETs of this stream are polled (RFC 8936 §2.2): one place for each."""
    return f"{issuer.rstrip('/')}/ssf/poll/{stream_id}"


def configuration(stream: Stream, made: Subscription | None, terms: Terms) -> dict[str, Any]:
    """The stream configuration. `made` is None for a stream of the admin's. The `authorization_header` is not told
    again: who gave it has it."""
    method = POLL if made is None else made.method
    where = stream.endpoint_url if stream.way == "push" else poll_url(terms.issuer, stream.id)
    requested = None if made is None else made.events_requested
    supported: Sequence[str] = terms.events_supported
    shown: dict[str, Any] = {
        "stream_id": stream.id,
        "iss": terms.issuer,
        "aud": [stream.audience] if terms.audience_list else stream.audience,
        "delivery": {"method": method, "endpoint_url": where},
        "events_supported": list(supported),
        "events_delivered": events_delivered(supported, requested),
    }
    if requested is not None:
        shown["events_requested"] = list(requested)
    if terms.min_verification_interval:
        shown["min_verification_interval"] = terms.min_verification_interval
    if terms.inactivity_timeout is not None:
        shown["inactivity_timeout"] = terms.inactivity_timeout
    if made is not None and made.description:
        shown["description"] = made.description
    return shown


def standing(stream_id: str, status: StreamStatus, reason: str) -> dict[str, str]:
    """The stream's status, with the reason if there is one (§8.1.2.1)."""
    shown = {"stream_id": stream_id, "status": status}
    return {**shown, "reason": reason} if reason else shown
