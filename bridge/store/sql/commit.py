"""Units committed together: what each expects is checked against the rows as its forerunners leave them."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from bridge.model import Device, LedgerRow
from bridge.store.errands import Errand
from bridge.store.ledger_rules import unsent
from bridge.store.records import Clash, LedgerWrite, NewDelivery, Unit
from bridge.store.sql import rows
from bridge.store.sql.dialect import Swift, among, delivery_ids, rows_of, upsert
from bridge.store.sql.errands import put_errands
from bridge.store.sql.heads import IS_FIRST, Key, promote
from bridge.store.sql.looks import LookBook
from bridge.store.sql.tables import deliveries, devices, ledger
from bridge.value import value

_Pair = tuple[str, str]

_DEVICES = Swift(
    select(devices.c.connector, devices.c.device_id, devices.c.version).where(
        devices.c.connector == bindparam("first"), among(devices.c.device_id, "seconds")
    )
)
_LEDGER = Swift(
    select(ledger.c.stream_id, ledger.c.subject, ledger.c.version, ledger.c.tail_id).where(
        ledger.c.stream_id == bindparam("first"), among(ledger.c.subject, "seconds")
    )
)
_UNSENT = Swift(select(
    deliveries.c.id, deliveries.c.stream_id, deliveries.c.order_key,
    deliveries.c.state, deliveries.c.leased_until, deliveries.c.maybe_received,
).where(among(deliveries.c.id, "ids")))  # fmt: skip
_SUPERSEDE = Swift(
    update(deliveries)
    .where(deliveries.c.id == bindparam("k_id"))
    .values(state="superseded", head=0, settled_at=bindparam("at"), last_code="superseded", last_words=bindparam("why"))
)
_PUT_DEVICE = Swift(upsert(devices))
_PUT_LEDGER = Swift(upsert(ledger))
_PUT_DELIVERY = Swift(insert(deliveries).values(head=IS_FIRST))
_GO = Swift(
    delete(ledger).where(ledger.c.stream_id == bindparam("k_stream"), ledger.c.subject == bindparam("k_subject"))
)


class _Clashed(Exception):
    pass


@value
class _Row:
    """A ledger row: its version (0: there is none), the delivery that it names, and what is to be written."""

    version: int = 0
    tail: int | NewDelivery | None = None
    write: LedgerRow | None = None


_NONE = _Row()


@value
class _Dev:
    version: int = 0
    write: Device | None = None


_UNKNOWN = _Dev()


class _Draft:
    """The rows that some units touch: as they stood, and over them what the units that passed would write."""

    def __init__(self, conn: Connection, units: Sequence[Unit]) -> None:
        self._conn = conn
        self._devices: dict[_Pair, _Dev] = {}
        self._ledger: dict[_Pair, _Row] = {}
        self._unsent: dict[int, Key] = {}
        self._superseded: dict[int, tuple[Key, LedgerWrite]] = {}
        self._mints: list[NewDelivery] = []
        self._errands: list[Errand] = []
        self._read(units)
        self._stood = set(self._ledger)
        looked = [(unit.look.connector, unit.look.device_id) for unit in units if unit.look is not None]
        self._looks = LookBook(conn, looked + [(r.connector, r.device_id) for unit in units for r in unit.rings])

    def _read(self, units: Sequence[Unit]) -> None:
        keys = [device.key for unit in units for device in (*unit.devices, *unit.seen)]
        for connector, device_id, version in rows_of(self._conn, _DEVICES, keys):
            self._devices[connector, device_id] = _Dev(version)
        keys = [(w.row.stream_id, w.row.subject) for unit in units for w in unit.ledger]
        keys += [(move.stream_id, move.old) for unit in units for move in unit.moves]
        for stream_id, subject, version, tail_id in rows_of(self._conn, _LEDGER, keys):
            self._ledger[stream_id, subject] = _Row(version, tail_id)
        ids = [w.supersede for unit in units for w in unit.ledger if w.supersede is not None]
        for id_, stream_id, order, state, leased_until, maybe in _UNSENT.all(self._conn, {"ids": ids}) if ids else ():
            if unsent(state, leased_until, maybe):
                self._unsent[id_] = (stream_id, order)

    # -- planning ---------------------------------------------------------------------------------

    def take(self, unit: Unit) -> None:
        """Raises _Clashed, and has changed nothing, when the unit finds something else than it expected."""
        known = ChainMap[_Pair, _Dev]({}, self._devices)
        for device in unit.seen:
            _expect_device(known, device)
        for device in unit.devices:
            _expect_device(known, device)
            known[device.key] = _Dev(device.version + 1, device)
        told = ChainMap[_Pair, _Row]({}, self._ledger)
        for move in unit.moves:
            _expect_row(told, (move.stream_id, move.old), move.old_version, must_be=True)
            told[move.stream_id, move.old] = _NONE
        superseded: dict[int, tuple[Key, LedgerWrite]] = {}
        for write in unit.ledger:
            key = (write.row.stream_id, write.row.subject)
            before = _expect_row(told, key, write.row.version)
            told[key] = _Row(before.version + 1, write.mint or before.tail, write.row)
            if write.supersede is not None:
                superseded[write.supersede] = (self._expect_unsent(write.supersede, superseded), write)
        self._devices.update(known.maps[0])
        self._ledger.update(told.maps[0])
        self._superseded |= superseded
        self._mints += [*(write.mint for write in unit.ledger if write.mint is not None), *unit.sets]
        if unit.look is not None:
            self._looks.finish(unit.look)
        for ring in unit.rings:
            self._looks.ring(ring)
        self._errands += unit.errands

    def _expect_unsent(self, delivery_id: int, also: Iterable[int]) -> Key:
        if delivery_id not in self._unsent or delivery_id in self._superseded or delivery_id in also:
            raise _Clashed(f"delivery {delivery_id} is no longer unsent")
        return self._unsent[delivery_id]

    # -- writing ----------------------------------------------------------------------------------

    def write(self) -> None:
        conn = self._conn
        if self._superseded:
            _SUPERSEDE.many(conn, [
                {"k_id": id_, "at": write.row.compared_at, "why": write.superseded_why}
                for id_, (_, write) in self._superseded.items()
            ])  # fmt: skip
        ids = mint(conn, self._mints)
        promote(conn, [key for key, _ in self._superseded.values()])
        gone = [key for key, row in self._ledger.items() if not row.version and key in self._stood]
        if gone:
            _GO.many(conn, [{"k_stream": stream_id, "k_subject": subject} for stream_id, subject in gone])
        told = [
            rows.ledger_values(row.write, row.version, _named(row.tail, ids))
            for row in self._ledger.values()
            if row.write is not None
        ]
        if told:
            _PUT_LEDGER.many(conn, told)
        known = [rows.device_values(d.write, d.version) for d in self._devices.values() if d.write is not None]
        if known:
            _PUT_DEVICE.many(conn, known)
        self._looks.write()
        put_errands(conn, self._errands)


def mint(conn: Connection, new: Sequence[NewDelivery]) -> dict[str, int]:
    """The rows of these SETs are made, each a head if it is the first of its key. jti → id."""
    if not new:
        return {}
    ids = delivery_ids(conn, len(new))
    _PUT_DELIVERY.many(conn, [rows.new_delivery_values(one, id_) for one, id_ in zip(new, ids, strict=True)])
    return {one.jti: id_ for one, id_ in zip(new, ids, strict=True)}


def _named(tail: int | NewDelivery | None, ids: dict[str, int]) -> int | None:
    return ids[tail.jti] if isinstance(tail, NewDelivery) else tail


def _expect_device(known: ChainMap[_Pair, _Dev], device: Device) -> None:
    stands = known.get(device.key, _UNKNOWN).version
    if stands != device.version:
        raise _Clashed(f"device {device.connector}/{device.device_id} is at version {stands}, not {device.version}")


def _expect_row(told: ChainMap[_Pair, _Row], key: _Pair, version: int, *, must_be: bool = False) -> _Row:
    row = told.get(key, _NONE)
    if row.version != version or (must_be and not version):
        raise _Clashed(f"a ledger row of stream {key[0]} is at version {row.version}, not {version}")
    return row


def commit_many(conn: Connection, items: Sequence[Sequence[Unit]]) -> list[list[Clash]]:
    """Commits the units of several callers; each gets the clashes among its own."""
    draft = _Draft(conn, [unit for units in items for unit in units])
    results: list[list[Clash]] = []
    for units in items:
        clashes = []
        for index, unit in enumerate(units):
            try:
                draft.take(unit)
            except _Clashed as clash:
                clashes.append(Clash(index, str(clash)))
        results.append(clashes)
    draft.write()
    return results
