"""The audit log and the marks in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select

from bridge.store.marks import stream_marks
from bridge.store.records import AuditEntry
from bridge.store.sql.dialect import upsert
from bridge.store.sql.tables import audit, marks

_RECORD = insert(audit)
_PUT_MARK = upsert(marks)


def record_many(conn: Connection, items: Sequence[AuditEntry]) -> list[None]:
    if items:
        conn.execute(_RECORD, [asdict(entry) for entry in items])
    return [None] * len(items)


@dataclass(frozen=True, slots=True)
class Filter:
    since: float | None
    who: str
    what: str
    target: str
    limit: int


def entries(conn: Connection, want: Filter) -> list[AuditEntry]:
    where: list[ColumnElement[bool]] = []
    if want.since is not None:
        where.append(audit.c.at >= want.since)
    if want.who:
        where.append(audit.c.who == want.who)
    if want.what:
        where.append(or_(audit.c.what == want.what, audit.c.what.startswith(want.what + ".", autoescape=True)))
    if want.target:
        where.append(audit.c.target.contains(want.target, autoescape=True))
    columns = (column for column in audit.c if column.name != "seq")
    found = conn.execute(select(*columns).where(*where).order_by(audit.c.seq.desc()).limit(want.limit))
    return [AuditEntry(*row) for row in found]


def mark(conn: Connection, name: str) -> str | None:
    value: str | None = conn.execute(select(marks.c.value).where(marks.c.name == name)).scalar()
    return value


@dataclass(frozen=True, slots=True)
class Put:
    name: str
    value: str
    was: str | None
    entries: tuple[AuditEntry, ...]


def put_mark_many(conn: Connection, items: Sequence[Put]) -> list[bool]:
    return [_put(conn, item) for item in items]


def _put(conn: Connection, item: Put) -> bool:
    if mark(conn, item.name) != item.was:
        return False
    put_mark(conn, item.name, item.value)
    record_many(conn, item.entries)
    return True


def forget_marks(conn: Connection, stream_id: str) -> None:
    """Those of a stream that is gone."""
    conn.execute(delete(marks).where(marks.c.name.in_(stream_marks(stream_id))))


def put_mark(conn: Connection, name: str, value: str) -> None:
    conn.execute(_PUT_MARK, [{"name": name, "value": value}])  # type: ignore[call-overload]  # it executes
