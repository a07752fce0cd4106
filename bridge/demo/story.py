"""What happens: a device opens two findings, then resolves one, then the other. Each step is played, then looked at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice

from bridge.clock import Clock
from bridge.demo.script import Problem
from bridge.demo.stage import Stage
from bridge.demo.vendor import Sent
from bridge.model import Status
from bridge.pipeline.operator.explain import Explanation, explain
from bridge.pipeline.operator.facts import facts
from bridge.pipeline.streams.roster import Entry, roster
from bridge.receiver.book import Receipt
from bridge.store.records import Delivery

TICK = 0.01
"""Seconds between two looks at the store."""
LISTING = 3.0
"""Seconds until the service begins to list the vendor's devices, if the connector can."""
DECIDING = 15.0
"""Seconds that the service may take from the webhook to its decision."""
DELIVERING = 10.0
"""Seconds that it may take from there to the first answer of the receiver."""
GRACE = 1.5
"""Seconds at the end in which a SET that should not come may still come."""

Transition = tuple[Status, Status]
"""(previous, current)."""


@dataclass(frozen=True, slots=True)
class Played:
    """One step and what came of it.

    `outcome`: `told` (a SET was made), `nothing` (decided, and nothing follows), `refused` (the webhook was not
    taken), `undecided` (no decision in time). `reason`: of the decision, or of the refusal.
    """

    problem: Problem
    opens: bool
    sent: Sent
    outcome: str
    reason: str
    expected: Transition | None
    asked: tuple[str, ...] = ()
    explanation: Explanation | None = None
    deliveries: tuple[Delivery, ...] = ()


class Story:
    """Plays steps on a stage. `deciding` and `delivering` are patience, in seconds."""

    def __init__(
        self, stage: Stage, clock: Clock, *, deciding: float = DECIDING, delivering: float = DELIVERING
    ) -> None:
        self.stage = stage
        self.delivering = delivering
        self._clock = clock
        self._deciding = deciding
        self._newest = 0
        self._shown = 0

    def steps(self) -> list[tuple[Problem, bool]]:
        """(finding, whether it opens), in order."""
        first, second = self.stage.vendor.script.problems[:2]
        return [(first, True), (second, True), (first, False), (second, False)]

    async def listed(self) -> int | None:
        """How many devices the vendor's list had, once the service has taken it; None: it takes none."""
        if not await self._until(self._is_listing, LISTING):
            return None
        await self._until(self._is_listed, self._deciding)
        rows = {row.name: row for row in await self.stage.store.connectors()}
        row = rows.get(self.stage.connector)
        return row.listed if row is not None and row.listed_at is not None else None

    async def _is_listing(self) -> bool:
        return bool(await self.stage.store.errands(limit=1))

    async def _is_listed(self) -> bool:
        return all(one.ended_at is not None for one in await self.stage.store.errands())

    async def play(self, problem: Problem, *, opens: bool) -> Played:
        """Change the vendor's state, send the webhook, wait for the decision and for the first answer to each SET."""
        vendor = self.stage.vendor
        before = bool(vendor.opened)
        asked = len(vendor.asked)
        vendor.change(problem, opens=opens)
        expected = _transition(before, bool(vendor.opened))
        sent = await vendor.send(self.stage.webhooks, problem, opens=opens)
        if sent.status != 202:
            return Played(
                problem,
                opens,
                sent,
                "refused",
                str(sent.document.get("detail") or sent.document.get("title", "")),
                expected,
            )
        decided = await self._until(self._is_decided, self._deciding)
        deliveries = await self._new_deliveries()
        explanation = await self.explanation()
        reason = (explanation.device.reason if explanation and explanation.device else "") or "no_decision"
        if explanation and explanation.look and explanation.look.last_error:
            reason = explanation.look.last_error.partition(":")[0]
        outcome = "told" if deliveries else "nothing" if decided else "undecided"
        return Played(
            problem, opens, sent, outcome, reason, expected, tuple(vendor.asked[asked:]), explanation, deliveries
        )

    def receipts(self) -> list[Receipt]:
        """What the receiver answered since the last call."""
        book = self.stage.receiver.book.receipts
        new = list(islice(book, self._shown, None))
        self._shown += len(new)
        return new

    async def grace(self) -> None:
        await self._clock.sleep(GRACE)

    async def explanation(self) -> Explanation | None:
        """As `caep-bridge devices show` has it."""
        stage = self.stage
        known = await facts(stage.store, stage.connector, stage.vendor.script.device, await self._entries())
        return None if known is None else explain(known, self._clock.now(), stage.loaded.config.namespaces)

    async def _entries(self) -> list[Entry]:
        return roster(self.stage.loaded.config.receivers, await self.stage.store.streams())

    async def _is_decided(self) -> bool:
        """No look is due, or the one that was due has ended and another is due later."""
        look = await self.stage.store.look(self.stage.connector, self.stage.vendor.script.device)
        return look is None or look.due_at > self._clock.now()

    async def _new_deliveries(self) -> tuple[Delivery, ...]:
        """Those made since the last call, each after its first answer."""
        key = (self.stage.connector, self.stage.vendor.script.device)
        made = await self.stage.store.deliveries(device=key, limit=20)
        new = sorted((one for one in made if one.id > self._newest), key=lambda one: one.id)
        found: list[Delivery] = []
        for one in new:
            self._newest = one.id
            await self._until(partial(self._is_answered, one.id), self.delivering)
            found.append(await self.stage.store.delivery(one.id) or one)
        return tuple(found)

    async def _is_answered(self, delivery_id: int) -> bool:
        delivery = await self.stage.store.delivery(delivery_id)
        return delivery is None or delivery.state != "pending" or delivery.attempts > 0

    async def _until(self, true: Callable[[], Awaitable[bool]], seconds: float) -> bool:
        end = self._clock.monotonic() + seconds
        while not await true():
            if self._clock.monotonic() > end:
                return False
            await self._clock.sleep(TICK)
        return True


def _transition(before: bool, after: bool) -> Transition | None:
    """What a receiver must be told when some finding was open before and is, or is not, after."""
    if before == after:
        return None
    return ("compliant", "not-compliant") if after else ("not-compliant", "compliant")
