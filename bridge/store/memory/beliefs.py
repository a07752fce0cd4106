"""Belief and ledger in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bridge.errors import StoreProblem
from bridge.model import Device, LedgerRow, Status, Tail
from bridge.store.hold_rules import hold_kind
from bridge.store.ledger_rules import tail_of
from bridge.store.memory.inbox import Inbox
from bridge.store.records import Clash, Delivery, LedgerWrite, NewDelivery, Scene, Unit
from bridge.value import replace


class _Clashed(Exception):
    pass


class Beliefs(Inbox):
    async def scene(self, logins: Collection[str], subjects: Collection[tuple[str, str]]) -> Scene:
        people: dict[str, list[Device]] = {login: [] for login in logins}
        for _, device in sorted(self._devices.items()):
            if device.login in people:
                people[device.login].append(device)
        ledger = {key: self._seen(self._ledger[key]) for key in subjects if key in self._ledger}
        return Scene({login: tuple(found) for login, found in people.items()}, ledger)

    async def commit(self, units: Sequence[Unit]) -> list[Clash]:
        """Each unit is tried on copies of the tables that it may change."""
        stood = (dict(self._devices), dict(self._ledger), dict(self._deliveries), dict(self._heads), dict(self._looks))
        clashes = []
        try:
            for index, unit in enumerate(units):
                before = (dict(self._devices), dict(self._ledger), dict(self._deliveries), dict(self._heads))
                try:
                    self._take(unit)
                except _Clashed as clash:
                    self._devices, self._ledger, self._deliveries, self._heads = before
                    clashes.append(Clash(index, str(clash)))
        except StoreProblem:
            self._devices, self._ledger, self._deliveries, self._heads, self._looks = stood
            raise
        return clashes

    def _take(self, unit: Unit) -> None:
        for device in unit.seen:
            self._expect(f"device {device.connector}/{device.device_id}", self._devices.get(device.key), device.version)
        for device in unit.devices:
            known = self._devices.get(device.key)
            self._expect(f"device {device.connector}/{device.device_id}", known, device.version)
            self._devices[device.key] = replace(device, version=device.version + 1)
        for move in unit.moves:
            row = self._ledger.pop((move.stream_id, move.old), None)
            if row is None or row.version != move.old_version:
                raise _Clashed(f"a ledger row of stream {move.stream_id} is not at version {move.old_version}")
        for write in unit.ledger:
            self._write(write)
        for new in unit.sets:
            self._mint(new)
        if unit.look is not None:
            self._finish(unit.look)
        self._ring(unit.rings)
        self._errands.update((errand.id, errand) for errand in unit.errands)

    def _write(self, write: LedgerWrite) -> None:
        key = (write.row.stream_id, write.row.subject)
        before = self._ledger.get(key)
        self._expect(f"a ledger row of stream {key[0]}", before, write.row.version)
        if write.supersede is not None:
            self._supersede_one(write.supersede, write.row.compared_at, write.superseded_why)
        tail = before.tail if before else None
        if write.mint is not None:
            tail = self._mint(write.mint)
        self._ledger[key] = replace(write.row, tail=tail, version=write.row.version + 1)

    def _expect(self, what: str, found: Device | LedgerRow | None, version: int) -> None:
        stands = found.version if found else 0
        if stands != version:
            raise _Clashed(f"{what} is at version {stands}, not {version}")

    def _supersede_one(self, delivery_id: int, at: float, why: str) -> None:
        row = self._deliveries.get(delivery_id)
        if row is None or not tail_of(row).unsent:
            raise _Clashed(f"delivery {delivery_id} is no longer unsent")
        self._end(row, replace(row, state="superseded", settled_at=at, last_code="superseded", last_words=why))

    def _mint(self, mint: NewDelivery) -> Tail:
        if any(row.jti == mint.jti for row in self._deliveries.values()):
            raise StoreProblem("the store has a SET of this jti")
        row = Delivery(
            self._next_id(), mint.stream_id, mint.subject, mint.order,
            mint.jti, mint.txn, mint.kid, mint.text, mint.status,
            mint.previous, mint.connector, mint.device_id, mint.state, mint.created_at, mint.rung_at, rank=mint.rank,
        )  # fmt: skip
        self._deliveries[row.id] = row
        if row.state == "pending":
            self._heads.setdefault((row.stream_id, row.order), row.id)
        return tail_of(row)

    def _next_id(self) -> int:
        """Ids are never given twice, whatever was removed."""
        return max(self._last_id, *self._deliveries) + 1 if self._deliveries else self._last_id + 1

    def _end(self, before: Delivery, after: Delivery) -> None:
        """Writes a row that is no longer pending; the next of its key takes its place as head."""
        self._deliveries[before.id] = replace(after, leased_until=None)
        key = (before.stream_id, before.order)
        if self._heads.get(key) == before.id:
            del self._heads[key]
            self._promote(key)

    def _promote(self, key: tuple[str, str]) -> None:
        rows = self._deliveries.values()
        oldest = min((r.id for r in rows if (r.stream_id, r.order) == key and r.state == "pending"), default=None)
        if oldest is not None:
            self._heads[key] = oldest

    async def device(self, connector: str, device_id: str) -> Device | None:
        return self._devices.get((connector, device_id))

    async def devices(
        self, *, connector: str | None = None, status: Status | None = None, search: str = "",
        hold: str | None = None, after: tuple[str, str] | None = None, limit: int = 100,
    ) -> list[Device]:  # fmt: skip
        part = search.casefold()
        found = [
            device
            for key, device in sorted(self._devices.items())
            if (connector is None or device.connector == connector)
            and (status is None or device.status == status)
            and (hold is None or hold_kind(device) == hold)
            and (after is None or key > after)
            and any(part in text.casefold() for text in (device.device_id, device.name, device.login or ""))
        ]
        return found[:limit]

    async def devices_of_people(self, people: Collection[tuple[str, str]]) -> dict[tuple[str, str], list[Device]]:
        found: dict[tuple[str, str], list[Device]] = {person: [] for person in people}
        for (connector, _), device in sorted(self._devices.items()):
            person = (connector, device.owner.id or "") if device.owner is not None else None
            if person in found:
                found[person].append(device)
        return found

    async def told(self, stream_id: str, status: Status, *, after: str = "", limit: int = 100) -> list[LedgerRow]:
        found = [
            self._seen(row)
            for (stream, subject), row in sorted(self._ledger.items())
            if stream == stream_id and subject > after and row.told == status
        ]
        return found[:limit]

    async def ledger_of(self, login: str | None, device: tuple[str, str] | None) -> list[LedgerRow]:
        return [
            self._seen(row)
            for _, row in sorted(self._ledger.items())
            if (login is not None and row.login == login) or (row.connector, row.device_id) == device
        ]
