"""What the use cases need from the wings and from around them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from typing import Protocol

from bridge.connector.lists.sweep import SweepPage
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

    @property
    def has_list(self) -> bool:
        """Whether `sweep` can be asked: there is an API, and the connector says how its devices are listed."""

    @property
    def list_every(self) -> float:
        """Seconds between two sweeps, as the connector wishes."""

    @property
    def looks_a_minute(self) -> int | None:
        """How many looks the vendor's rate serves in a minute, about; None: it has no limit."""

    @property
    def lists_whole_fleet(self) -> bool:
        """Whether a device that a whole sweep did not name is one that the vendor does not have."""

    def verify(self, webhook: Webhook) -> VerifiedWebhook: ...
    def parse(self, webhook: VerifiedWebhook) -> Parsed: ...
    async def snapshot(self, device_id: str, now: float, *, fresh: bool = False) -> Snapshot:
        """`fresh`: the vendor is asked for everything, also for what is remembered of earlier answers."""

    def sweep(self, resume: str | None = None) -> AsyncIterator[SweepPage]:
        """All devices of the vendor, page by page, behind the page whose `next` was `resume`.

        Raises LookFailed; then, and until it ends by itself, the list is not whole. A snapshot's `taken_at` is when
        the oldest part of it was asked for: a look that began later knows better.
        """


Mint = Callable[[Sequence[tuple[Event, Stream]]], Awaitable[list[SignedSET]]]
"""Signs a batch, each for its stream, in the order given."""

Verify = Callable[[Sequence[tuple[Stream, str | None, str]]], Awaitable[list[SignedSET]]]
"""Signs a verification event for each stream, with the `state` that its receiver gave (SSF 1.0 §8.1.4) and a `txn`."""

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

    def drift(self, connector: str, n: int) -> None:
        """So many more devices had changed without a webhook."""

    def reconciled(self, connector: str, devices: int, seconds: float, ok: bool) -> None:
        """A list was taken, whole if `ok`."""

    def block_undone(self, connector: str) -> None:
        """Somebody was told off and on again within 10 minutes."""
