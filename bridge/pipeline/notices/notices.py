"""notices: what the operator should hear of, told in each of their channels at least once, and not without end.

`raise_` and `clear` are the only way in. Neither waits for anything: what they say is kept in memory, written to the
store at once, and sent by the lanes (`notice_lane`), one for each target, so that one that hangs holds up no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Sequence
from typing import Any, Final

import structlog

from bridge.clock import Clock, Dice, Ids
from bridge.config.notify import Alarms, OccasionKind
from bridge.errors import BridgeError
from bridge.notify.occasion import NOBODY, Occasion
from bridge.notify.send import Target
from bridge.pipeline.notices import rules as rules
from bridge.pipeline.notices.lane import Lane, Meter, Send
from bridge.store.notices import Notice
from bridge.store.notices import Notices as Store

_log = structlog.get_logger("bridge.notices")

SAVE_AGAIN: Final = 5.0
"""Seconds until the store is tried again; what it does not take is sent nevertheless."""
MOST: Final = 500
"""Different occasions that are kept for each target; what comes beyond them is told together."""
FEWEST_DRIFTED: Final = 3
"""Devices found changed without a webhook; fewer are no alarm in a fleet of any size."""

Pair = tuple[str, str]


class Notices:
    """`bridge` is the issuer, as which this bridge names itself in its messages."""

    def __init__(
        self, store: Store, targets: Sequence[Target], alarms: Alarms, send: Send, *,
        bridge: str, clock: Clock, ids: Ids, dice: Dice, meter: Meter,
    ) -> None:  # fmt: skip
        self._store = store
        self._targets = {target.name: target for target in targets}
        self._alarms = alarms
        self._clock = clock
        self._rows: dict[Pair, Notice] = {}
        self._dirty: set[Pair] = set()
        self._to_save = asyncio.Event()
        self._stopping = False
        self.lanes = {
            target.name: Lane(target, self, send, bridge=bridge, clock=clock, ids=ids, dice=dice, meter=meter)
            for target in targets
        }

    # -- the way in -----------------------------------------------------------------------------

    def raise_(self, occasion: Occasion) -> None:
        """Something is so, or has grown: tell every target that wants to hear of it.

        Once while it stands and does not grow; then once a day until `clear`. Call it as often as you like.
        """
        if occasion.kind == "unwell":
            self._drop_unsent(f"well:{occasion.about}")
        for target in self._targets.values():
            if occasion.kind in target.on:
                self._raise(target, occasion)

    def clear(self, kind: OccasionKind, about: str, *, then: Occasion | None = None) -> None:
        """It is so no longer. `then` is told to the targets that were told that it was so."""
        key = Occasion(kind, about).key
        for target in self._targets.values():
            row = self._rows.get((target.name, key))
            if row is not None and (row.standing or row.fresh):
                self.put(rules.cleared(row))
                if then is not None and row.told and then.kind in target.on:
                    self._raise(target, then)

    def held(self, connector: str, count: int) -> None:
        """The guard holds so many changes of this connector now."""
        if count > 0:
            self.raise_(Occasion("guard", connector, count=count))
        else:
            self.clear("guard", connector)

    def drifted(self, connector: str, count: int, of: int) -> None:
        """A good reconciliation found `count` of `of` devices changed without a webhook."""
        if count >= FEWEST_DRIFTED and count * 100 > of * self._alarms.drift_percent:
            self.raise_(Occasion("drift", connector, count=count, of=of))
        else:
            self.clear("drift", connector)

    def expiring(self, what: str, seconds: float) -> None:
        """The key, certificate or secret of this name (a key of the configuration) is valid for so long."""
        if seconds <= self._alarms.expires_within:
            self.raise_(Occasion("expiring", what, seconds=seconds))
        else:
            self.clear("expiring", what)

    def standing(self, kind: OccasionKind) -> set[str]:
        """About what occasions of this kind stand at any target."""
        keys = {row.key for row in self._rows.values() if row.standing}
        return {key.partition(":")[2] for key in keys if key.startswith(f"{kind}:")}

    def _raise(self, target: Target, occasion: Occasion) -> None:
        pair = (target.name, occasion.key)
        if pair not in self._rows and len(self._rows) >= MOST * len(self._targets):
            occasion = Occasion(occasion.kind, NOBODY, occasion.count)
            pair = (target.name, occasion.key)
        row = self._rows.get(pair)
        after = rules.raised(row, target.name, occasion, self._clock.now(), target.min_interval)
        if row is not None and rules.only_later(row, after):
            self._rows[pair] = after  # for how long it has been so need not be written down each time
            return
        self.put(after)
        self.lanes[target.name].wake()

    def _drop_unsent(self, key: str) -> None:
        for name in self._targets:
            row = self._rows.get((name, key))
            if row is not None and row.fresh:
                self.put(rules.cleared(row))

    # -- start and stop -------------------------------------------------------------------------

    async def start(self, names: Collection[str]) -> None:
        """Read what was left. `names` are the connectors and streams that are configured: what was said about others,
        and to targets that are no more, is forgotten."""
        now, forgotten = self._clock.now(), []
        for row in await self._store.notices():
            target = self._targets.get(row.target)
            kind, _, about = row.key.partition(":")
            known = kind in ("expiring", "stuck") or about in names
            if target is None or not known or rules.is_dormant(row, now, target.min_interval):
                forgotten.append((row.target, row.key))
            else:
                self._rows[row.target, row.key] = row
        if forgotten:
            await self._store.put_notices([], forgotten)

    def work(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        """What must run for it, by name: nothing where there are no targets."""
        lanes = [(f"notices:{name}", lane.run()) for name, lane in self.lanes.items()]
        return [("notices", self._keep()), *lanes] if lanes else []

    async def stop(self, within: float) -> None:
        """Begin nothing more; what is under way gets so many seconds. What does not end is sent again at the next
        start, the same bytes under the same id."""
        self._stopping = True
        self._to_save.set()
        await asyncio.gather(*(lane.stop(within) for lane in self.lanes.values()))
        await self.save()

    def waiting(self) -> dict[str, int]:
        """How many messages wait to be sent, by target."""
        count = dict.fromkeys(self._targets, 0)
        for row in self._rows.values():
            count[row.target] += bool(row.fresh or row.message_id)
        return count

    # -- what the lanes need --------------------------------------------------------------------

    def rows_of(self, target: str) -> list[Notice]:
        return [row for row in self._rows.values() if row.target == target]

    def row(self, target: str, key: str) -> Notice:
        return self._rows[target, key]

    def put(self, row: Notice) -> None:
        self._rows[row.target, row.key] = row
        self._dirty.add((row.target, row.key))
        self._to_save.set()

    async def save(self) -> bool:
        """What changed goes to the store; False if it cannot take it now, and then it is still to be saved."""
        pairs, self._dirty = self._dirty, set()
        if not pairs:
            return True
        try:
            await self._store.put_notices([self._rows[pair] for pair in sorted(pairs)])
        except BridgeError as problem:
            self._dirty |= pairs
            _log.warning("notice.not_kept", problem=str(problem))
            return False
        return True

    async def _keep(self) -> None:
        while not self._stopping:
            await self._to_save.wait()
            self._to_save.clear()
            if not await self.save():
                await self._clock.sleep(SAVE_AGAIN)
                self._to_save.set()
