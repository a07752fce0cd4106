"""One try to send a notice: the wire of this wing. Where it may lead is guarded as every URL of the admin's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bridge.clock import Clock
from bridge.config.notify import Notify, OccasionKind, signing_key
from bridge.notify.message import Shape
from bridge.notify.retry import Sent, classify
from bridge.notify.signature import headers
from bridge.outbound import ConnectFailed, Outbound

TIMEOUT: Final = 15.0
"""Seconds for a try (Standard Webhooks, "Request timeouts": 15 to 30)."""
MAX_ANSWER: Final = 4096


@dataclass(frozen=True, slots=True)
class Target:
    """A channel, ready to be sent to. `place` is what may be shown of its URL."""

    name: str
    shape: Shape
    place: str
    url: str = field(repr=False)
    keys: tuple[bytes, ...] = field(repr=False)
    on: frozenset[OccasionKind]
    min_interval: float
    allow_device_names: bool


def targets_of(configured: Sequence[Notify]) -> list[Target]:
    return [
        Target(
            name=one.name,
            shape=one.kind,
            place=one.place,
            url=one.url.reveal(),
            keys=tuple(signing_key(secret.reveal()) for secret in one.secret),
            on=frozenset(one.on),  # type: ignore[arg-type]  # the configuration has checked each word
            min_interval=one.min_interval,
            allow_device_names=one.allow_device_names,
        )
        for one in configured
    ]


async def send(outbound: Outbound, target: Target, message_id: str, body: str, clock: Clock) -> Sent:
    """POST `body`; network and HTTP trouble is a value, never an exception. Cancellation passes through."""
    raw = body.encode()
    signed = headers(target.keys, message_id, clock.now(), raw) if target.shape == "webhook" else {}
    try:
        answer = await outbound.request(
            "POST",
            target.url,
            headers={"Content-Type": "application/json", **signed},
            body=raw,
            timeout=TIMEOUT,
            max_bytes=MAX_ANSWER,
            cut=True,
        )
    except ConnectFailed as failed:
        return Sent("failed", failed.code)
    return classify(answer.status, answer.headers.get("retry-after", ""))
