"""Belief and ledger, read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, bindparam, or_, select

from bridge.model import Device, LedgerRow, Status
from bridge.store.records import Scene
from bridge.store.sql import rows
from bridge.store.sql.dialect import Swift, among, rows_of
from bridge.store.sql.tables import deliveries, devices, ledger

LONGEST_SEARCH = 200

LEDGER_ROWS = select(*rows.LEDGER).select_from(ledger.outerjoin(deliveries, deliveries.c.id == ledger.c.tail_id))
LEDGER_OF = Swift(LEDGER_ROWS.where(ledger.c.stream_id == bindparam("first"), among(ledger.c.subject, "seconds")))
_LEDGER_BY_LOGIN = LEDGER_ROWS.where(ledger.c.login == bindparam("login"))
_LEDGER_BY_DEVICE = LEDGER_ROWS.where(
    ledger.c.connector == bindparam("connector"), ledger.c.device_id == bindparam("device_id")
)
_TOLD = (
    LEDGER_ROWS.where(
        ledger.c.stream_id == bindparam("stream"), ledger.c.told == bindparam("status"),
        ledger.c.subject > bindparam("after"),
    )
    .order_by(ledger.c.subject)
    .limit(bindparam("most"))
)  # fmt: skip
_PEOPLE = Swift(
    select(devices.c.login, devices.c.doc, devices.c.version)
    .where(among(devices.c.login, "logins"))
    .order_by(devices.c.connector, devices.c.device_id)
)
_DEVICES = select(devices.c.doc, devices.c.version)
_DEVICE = _DEVICES.where(devices.c.connector == bindparam("connector"), devices.c.device_id == bindparam("device_id"))
_OF_PERSON = Swift(
    select(devices.c.connector, devices.c.owner_id, devices.c.doc, devices.c.version).where(
        devices.c.connector == bindparam("first"), among(devices.c.owner_id, "seconds")
    )
)


@dataclass(frozen=True, slots=True)
class Asked:
    logins: frozenset[str]
    subjects: frozenset[tuple[str, str]]


def scene_many(conn: Connection, items: Sequence[Asked]) -> list[Scene]:
    """What several callers asked to see, read in one transaction."""
    logins = sorted(set().union(*(item.logins for item in items)))
    people: dict[str, list[Device]] = {login: [] for login in logins}
    for login, doc, version in _PEOPLE.all(conn, {"logins": logins}):
        people[login].append(rows.device(doc, version))
    subjects = set[tuple[str, str]]().union(*(item.subjects for item in items))
    told = {(row[0], row[1]): rows.ledger_row(row) for row in rows_of(conn, LEDGER_OF, subjects)}
    return [
        Scene(
            {login: tuple(people[login]) for login in item.logins},
            {key: told[key] for key in item.subjects if key in told},
        )
        for item in items
    ]


def device(conn: Connection, connector: str, device_id: str) -> Device | None:
    row = conn.execute(_DEVICE, {"connector": connector, "device_id": device_id}).first()
    return None if row is None else rows.device(*row)


def of_people(conn: Connection, people: Collection[tuple[str, str]]) -> dict[tuple[str, str], list[Device]]:
    """The devices of each person, who is (connector, owner id), by device id."""
    found: dict[tuple[str, str], list[Device]] = {person: [] for person in people}
    for connector, owner_id, doc, version in rows_of(conn, _OF_PERSON, people):
        found[connector, owner_id].append(rows.device(doc, version))
    for devices_ in found.values():
        devices_.sort(key=lambda device: device.device_id)
    return found


@dataclass(frozen=True, slots=True)
class Filter:
    connector: str | None
    status: Status | None
    search: str
    hold: str | None
    after: tuple[str, str] | None
    limit: int


def list_devices(conn: Connection, want: Filter) -> list[Device]:
    where: list[ColumnElement[bool]] = []
    if want.connector is not None:
        where.append(devices.c.connector == want.connector)
    if want.status is not None:
        where.append(devices.c.status == want.status)
    if want.hold is not None:
        where.append(devices.c.hold == want.hold)
    if want.search:
        where.append(devices.c.haystack.contains(want.search[:LONGEST_SEARCH].casefold(), autoescape=True))
    if want.after is not None:
        connector, device_id = want.after
        where.append(
            or_(devices.c.connector > connector, (devices.c.connector == connector) & (devices.c.device_id > device_id))
        )
    found = _DEVICES.where(*where).order_by(devices.c.connector, devices.c.device_id).limit(want.limit)
    return [rows.device(*row) for row in conn.execute(found)]


def told(conn: Connection, stream_id: str, status: Status, after: str, limit: int) -> list[LedgerRow]:
    found = conn.execute(_TOLD, {"stream": stream_id, "status": status, "after": after, "most": limit})
    return [rows.ledger_row(row) for row in found]


def ledger_of(conn: Connection, login: str | None, device: tuple[str, str] | None) -> list[LedgerRow]:
    """`device` is (connector, device id). Ordered by stream and subject."""
    found: dict[tuple[str, str], LedgerRow] = {}
    if login is not None:
        for row in conn.execute(_LEDGER_BY_LOGIN, {"login": login}):
            found[row[0], row[1]] = rows.ledger_row(row)
    if device is not None:
        connector, device_id = device
        for row in conn.execute(_LEDGER_BY_DEVICE, {"connector": connector, "device_id": device_id}):
            found[row[0], row[1]] = rows.ledger_row(row)
    return [found[key] for key in sorted(found)]
