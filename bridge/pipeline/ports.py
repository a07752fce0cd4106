"""What the use cases need from the wings and from around them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol

from bridge.model import Event, Judge, Outcome, Parsed, SignedSET, Snapshot, Stream, VerifiedWebhook, Webhook


class Source(Protocol):
    """A configured connector as the pipeline sees it (`bridge.connector.connector.Connector`)."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def has_api(self) -> bool: ...
    @property
    def concurrency(self) -> int: ...
    @property
    def fold_recoveries(self) -> bool: ...
    @property
    def dry_run(self) -> bool: ...
    @property
    def judge(self) -> Judge: ...
    @property
    def reads_headers(self) -> Collection[str]:
        """Headers of a webhook, in lower case, that say something and are no proof."""

    def verify(self, webhook: Webhook) -> VerifiedWebhook: ...
    def parse(self, webhook: VerifiedWebhook) -> Parsed: ...
    async def snapshot(self, device_id: str, now: float, *, fresh: bool = False) -> Snapshot:
        """`fresh`: the vendor is asked for everything, also for what is remembered of earlier answers."""


Mint = Callable[[Sequence[tuple[Event, Stream]]], Awaitable[list[SignedSET]]]
"""Signs a batch, each for its stream, in the order given."""

Push = Callable[[Stream, str], Awaitable[Outcome]]
"""Sends one SET once; network and HTTP trouble is an Outcome, never an exception."""


class Meter(Protocol):
    """What the pipeline counts (`bridge.observe.metrics.Metrics`)."""

    def webhook(self, connector: str, outcome: str) -> None: ...
    def look(self, connector: str, outcome: str) -> None: ...
    def decision(self, connector: str, reason: str) -> None: ...
    def delivery(self, stream: str, outcome: str) -> None: ...
    def acknowledged(self, stream: str, seconds: float) -> None:
        """From the webhook's receipt to the receiver's acknowledgement."""
