"""reconcile: the vendor's whole list against belief; what drifted is told, and counted (design §2.1, §2.2).

Each listed device is decided as a look would decide it. A failure that the list shows is acted on; what would let
somebody back in, or names another owner, is looked at singly first: a list may be old, short or half. The first whole
list is the connector's baseline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from bridge.clock import Clock
from bridge.connector.lists.sweep import SweepPage
from bridge.errors import Conflict
from bridge.model import LookFailed, Snapshot
from bridge.pipeline.errands.errandry import Failed, Note, txn_of
from bridge.pipeline.errands.tally import Counts, told_by
from bridge.pipeline.ports import Meter, Source
from bridge.pipeline.tell import Teller
from bridge.pipeline.turn import Answered
from bridge.posture.drift import drift
from bridge.store.errands import ConnectorRow, Errand
from bridge.store.protocol import Store
from bridge.store.records import Known, Ring, Urgency

_log = structlog.get_logger("bridge.reconcile")

GIVE_UP = 20.0
"""Seconds without one good answer after which it is given up."""
AGAIN = 2.0
"""Seconds until the vendor is asked again meanwhile."""
SHORT = 0.5
"""A list with less than this part of the known devices is not believed to be whole."""
PAGE = 500
LOOKS_WITHIN = 600.0
"""Seconds that are waited for the looks that it rang for."""
TOLD_WITHIN = 10.0
"""Seconds that are waited for receivers to take what was told."""


@dataclass(frozen=True, slots=True)
class Run:
    """One reconciliation: of which errand, since when, and whether it is the connector's first."""

    errand: Errand
    txn: str
    begun: float
    row: ConnectorRow
    holds: bool
    """What already fails is held as the baseline."""
    dry: bool
    due: Mapping[str, int]
    """Looks that were due when it began: device → generation."""
    doubted: dict[str, bool] = field(default_factory=dict)
    """What the list showed well, or as another's, and is looked at singly: device → whether it failed before."""


class Reconciler:
    """Of one connector. Call it with an errand; raises Failed."""

    def __init__(
        self,
        source: Source,
        store: Store,
        teller: Teller,
        clock: Clock,
        meter: Meter,
        *,
        hold_baseline: bool,
        rang: Callable[[str], None],
    ) -> None:
        self._source = source
        self._store = store
        self._teller = teller
        self._clock = clock
        self._meter = meter
        self._hold_baseline = hold_baseline
        self._rang = rang

    async def __call__(self, errand: Errand, note: Note) -> Mapping[str, Any]:
        if not self._source.has_list:
            raise Failed(
                f"connectors.{self._source.name}: this connector has no list of devices, or no API credentials",
                {"no_list": True},
            )
        run = await self._begin(errand)
        counts = Counts(errand.doc.get("counts", {}))
        listed: set[str] | None = None if errand.doc.get("cursor") else set()
        try:
            if "complaint" not in errand.doc:
                await self._sweep(run, counts, listed, note, errand.doc.get("cursor"))
        except LookFailed as failure:
            await self._failed(run, failure)
            raise Failed(str(failure), {"counts": counts.all(), "vendor": failure.kind}) from None
        problem = errand.doc.get("complaint")
        if problem is None:
            problem = await self._whole(run, counts, listed)
        await note({"begun": run.begun, "cursor": None, "counts": counts.all(), "complaint": problem})
        await self._waited(run, counts, note)
        await self._resolved(run, counts)
        return await self._report(run, counts, problem)

    async def _begin(self, errand: Errand) -> Run:
        rows = {row.name: row for row in await self._store.connectors()}
        row = rows.get(self._source.name, ConnectorRow(self._source.name))
        begun = float(errand.doc.get("begun", self._clock.now()))
        return Run(
            errand=errand,
            txn=txn_of(errand),
            begun=begun,
            row=row,
            holds=row.baseline_at is None and self._hold_baseline,
            dry=bool(errand.asked.get("dry_run")),
            due=await self._store.due_looks(self._source.name, begun),
        )

    # -- the list ---------------------------------------------------------------------------------

    async def _sweep(self, run: Run, counts: Counts, listed: set[str] | None, note: Note, cursor: str | None) -> None:
        """Asked again for a while if the very first answer does not come."""
        until = self._clock.monotonic() + GIVE_UP
        heard = False
        while True:
            try:
                async for page in self._source.sweep(cursor):
                    heard = True
                    await self._page(run, counts, page)
                    if listed is not None:
                        listed.update(snapshot.device_id for snapshot in page.snapshots)
                    cursor = page.next
                    await note({"begun": run.begun, "cursor": cursor, "counts": counts.all(), "total": page.total})
                return
            except LookFailed as failure:
                if heard or failure.kind == "denied" or self._clock.monotonic() + AGAIN > until:
                    raise
                await note({"begun": run.begun, "waiting": str(failure)})
                await self._clock.sleep(AGAIN)

    async def _page(self, run: Run, counts: Counts, page: SweepPage) -> None:
        known = await self._store.known(self._source.name, [one.device_id for one in page.snapshots])
        counts.add("listed", len(page.snapshots))
        counts.add("faults", len(page.faults))
        rings: list[Ring] = []
        telling: list[Answered] = []
        for snapshot in page.snapshots:
            answered = self._answered(run, snapshot, known.get(snapshot.device_id, Known(None, None)))
            if answered is None:
                counts.add("pending")
            elif self._kind(run, answered, counts) == "look":
                rings.append(self._ring(run, snapshot.device_id))
            elif answered.look is not None or counts.last != "same":
                telling.append(answered)
        if run.dry:
            return
        await self._tell(telling, counts)
        await self._look(rings)

    def _answered(self, run: Run, snapshot: Snapshot, known: Known) -> Answered | None:
        """None: a webhook's look is on its way, or a look since knows better; not one that lies ahead of us, for then
        the clock was set back."""
        device, look = known.device, known.look
        looked_at = device.looked_at if device is not None else None
        if looked_at is not None and snapshot.taken_at <= looked_at <= self._clock.now():
            return None
        answered = Answered(
            None, device, snapshot, txn=run.txn, connector=self._source.name,
            first_list=run.holds,
        )  # fmt: skip
        if look is None or look.due_at > self._clock.now():
            return answered
        if look.leased_until is not None or run.due.get(look.device_id) != look.generation:
            return None
        return replace(answered, look=look, first_list=False)  # somebody rang: it is no news of before

    def _kind(self, run: Run, answered: Answered, counts: Counts) -> str:
        decision = self._teller.decide(answered, self._clock.now())
        found = drift(answered.device, decision)
        counts.add(found)
        if found in ("failed", "doubtful") and answered.look is None:
            counts.add("drifted")
        if found == "first" and decision.device.hold is not None and decision.device.hold.kind == "baseline":
            counts.add("baseline")
        if found == "doubtful":
            before = answered.device
            run.doubted[decision.device.device_id] = before is not None and before.status == "not-compliant"
        if found != "same" and found != "detail":
            counts.note(found, answered.connector, decision.device.device_id)
        return "look" if found == "doubtful" else "tell"

    def _ring(self, run: Run, device_id: str) -> Ring:
        return Ring(self._source.name, device_id, run.txn, self._clock.now(), None, (), Urgency.RECONCILE)

    async def _tell(self, answers: list[Answered], counts: Counts) -> None:
        results = await asyncio.gather(*(self._teller.tell(one) for one in answers), return_exceptions=True)
        for result in results:
            if isinstance(result, Conflict):
                counts.add("pending")
            elif isinstance(result, BaseException):
                raise result

    async def _look(self, rings: list[Ring]) -> None:
        if rings:
            await self._store.ring(rings)
            self._rang(self._source.name)

    # -- after the list ---------------------------------------------------------------------------

    async def _whole(self, run: Run, counts: Counts, listed: set[str] | None) -> str:
        """The list was read to its end: remember it, and look at what it did not name. What is wrong with it, or ""."""
        problem = await self._missing(run, counts, listed) if listed is not None else ""
        if run.dry:
            return problem
        first = run.row.baseline_at is None and counts["listed"] > 0 and not problem
        await self._store.put_connector(replace(
            run.row,
            baseline_at=run.begun if first else run.row.baseline_at,
            listed_at=run.begun, listed=counts["listed"], drifted=counts["drifted"], problem=problem,
        ))  # fmt: skip
        self._meter.drift(self._source.name, counts["drifted"])
        return problem

    async def _missing(self, run: Run, counts: Counts, listed: set[str]) -> str:
        """Known devices that a whole list does not name are looked at, unless it is too short to be believed."""
        if not self._source.lists_whole_fleet:
            return ""
        missing: list[str] = []
        known = 0
        after: tuple[str, str] | None = None
        while found := await self._store.devices(connector=self._source.name, after=after, limit=PAGE):
            here = [one for one in found if not one.gone and not one.retired and one.first_seen < run.begun]
            known += len(here)
            missing += [one.device_id for one in here if one.device_id not in listed]
            after = found[-1].key
        counts.add("missing", len(missing))
        if known and len(listed) < known * SHORT:
            return f"the vendor listed {len(listed)} devices, of {known} that are known: not believed to be all of them"
        if not run.dry:
            await self._look([self._ring(run, device_id) for device_id in missing])
        return ""

    async def _failed(self, run: Run, failure: LookFailed) -> None:
        self._meter.reconciled(self._source.name, 0, self._clock.now() - run.begun, False)
        _log.warning("reconcile.failed", connector=self._source.name, problem=str(failure))
        if not run.dry:
            await self._store.put_connector(replace(run.row, problem=str(failure)))

    async def _waited(self, run: Run, counts: Counts, note: Note) -> None:
        """Until the looks that it rang for are done, and receivers had a moment to take what was told."""
        until = self._clock.monotonic() + LOOKS_WITHIN
        while not run.dry and self._clock.monotonic() < until:
            left = await self._store.looks_by(run.txn, self._clock.now())
            await note({"looks_left": len(left)})
            if not left:
                break
            if all(look.last_error for look in left):
                counts.set("unanswered", len(left))
                break
            await self._clock.sleep(0.5)

    async def _resolved(self, run: Run, counts: Counts) -> None:
        """What became of those that failed before and that the list showed well. After a restart those of before it are
        no longer known by name, and are counted as looked at alone."""
        failed = [device_id for device_id, failing in run.doubted.items() if failing]
        if run.dry:
            counts.set("recovered", len(failed))
            return
        for start in range(0, len(failed), PAGE):
            known = await self._store.known(self._source.name, failed[start : start + PAGE])
            fine = [one.device is not None and one.device.status == "compliant" for one in known.values()]
            counts.add("recovered", sum(fine))
            counts.add("still_true", len(fine) - sum(fine))

    async def _report(self, run: Run, counts: Counts, problem: str) -> Mapping[str, Any]:
        told = await told_by(self._store, run.txn, self._source.name, run.begun, TOLD_WITHIN, self._clock)
        seconds = self._clock.now() - run.begun
        if not run.dry:
            self._meter.reconciled(self._source.name, counts["listed"], seconds, not problem)
        report = {**counts.report(), **told, "held": counts["baseline"] + told["held_by_guard"]}
        _log.info("reconcile.ended", connector=self._source.name, problem=problem or None, **report)
        return {
            "connector": self._source.name, "dry_run": run.dry, "seconds": round(seconds, 1), "complaint": problem,
            "changes": counts.noted(), "cursor": None, **report,
        }  # fmt: skip
