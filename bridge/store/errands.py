"""What commands ask of the running service, and what is remembered of each connector: rows of the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

ErrandKind = Literal["reconcile", "compare", "resync", "verify", "test"]
ErrandState = Literal["waiting", "running", "done", "failed"]
MANY: Final[ErrandKind] = "compare"
"""Of this kind and one target several may be open."""


@dataclass(frozen=True, slots=True)
class Errand:
    """Something that `serve` is asked to do. Of one kind and target there is one open errand at most, but for
    `compare`: one that is under way may have read the device before what made somebody ask.

    `asked` says how, and is empty once it has ended, for it may name a person; `doc` is how far it is, and in the end
    what came of it. Both hold what JSON can hold.
    """

    id: str
    kind: ErrandKind
    target: str
    asked_at: float
    asked_by: str
    asked: Mapping[str, Any] = field(default_factory=dict)
    doc: Mapping[str, Any] = field(default_factory=dict)
    state: ErrandState = "waiting"
    leased_until: float | None = None
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class ConnectorRow:
    """What is remembered of a connector beside its devices. Times in seconds.

    `dry_run` is how it ran last; None: it never ran.
    """

    name: str
    baseline_at: float | None = None
    """When its first complete list was taken."""
    listed_at: float | None = None
    """When the last complete list began."""
    listed: int = 0
    drifted: int = 0
    problem: str = ""
    """Why the last list came to nothing; "" if it did not."""
    dry_run: bool | None = None


class Errands(Protocol):
    async def ask(self, errand: Errand) -> Errand:
        """Keep it, waiting; or the open one of the same kind and target, which then is not changed. A `compare` is
        always kept."""

    async def lease_errand(self, now: float, until: float) -> Errand | None:
        """The oldest open errand that nobody holds, now running and held until `until`."""

    async def note_errand(self, errand_id: str, doc: Mapping[str, Any], until: float) -> None:
        """How far it is; held on until `until`. An ended one stays as it is."""

    async def end_errand(
        self, errand_id: str, state: Literal["done", "failed"], doc: Mapping[str, Any], now: float
    ) -> None: ...

    async def withdraw_errand(self, errand_id: str, now: float) -> bool:
        """End it as failed if nobody took it yet. Whether that was so."""

    async def errand(self, errand_id: str) -> Errand | None: ...

    async def errands(self, *, limit: int = 100) -> list[Errand]:
        """Newest first."""

    async def connectors(self) -> list[ConnectorRow]:
        """By name."""

    async def put_connector(self, row: ConnectorRow) -> None: ...
