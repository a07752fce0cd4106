"""What receivers said about subjects, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, literal, literal_column, select, tuple_, update

from bridge.store.records import AuditEntry
from bridge.store.sql.audit import record_many
from bridge.store.sql.dialect import Swift, upsert
from bridge.store.sql.records import Queues
from bridge.store.sql.rows import AnyRow, Values
from bridge.store.sql.subject_table import stream_subjects as table
from bridge.store.sql.tables import streams
from bridge.store.subjects import Choice, ChoiceCount, Refusal

_COLUMNS = select(
    table.c.stream_id, table.c.doc, table.c.kind, table.c.seq, table.c.at, table.c.verified, table.c.due
)  # fmt: skip
_OF_STREAM = table.c.stream_id == bindparam("k_stream")
_IT = (_OF_STREAM, table.c.key == bindparam("k_key"), table.c.seq == bindparam("k_seq"))
_STREAM = select(streams.c.id).where(streams.c.id == bindparam("k_stream"))
_OTHERS = select(func.count()).where(_OF_STREAM, table.c.key != bindparam("k_key"))
_PUT = Swift(upsert(table))
_DROP = delete(table).where(*_IT)
_TOLD = update(table).where(*_IT).values(due=False)
_ALL_OF_STREAM = _COLUMNS.where(_OF_STREAM).order_by(table.c.seq)
_COUNT = select(table.c.kind, func.count()).where(_OF_STREAM).group_by(table.c.kind)
_DUE = (
    _COLUMNS.where(literal_column("due")).order_by(table.c.at, table.c.stream_id, table.c.seq).limit(bindparam("most"))
)


def _choice(row: AnyRow) -> Choice:
    stream_id, doc, kind, seq, at, verified, due = row
    return Choice(stream_id, doc, kind, seq, at, bool(verified), bool(due))


def _values(choice: Choice) -> Values:
    stream_id, key = choice.key
    return {
        "stream_id": stream_id, "key": key, "kind": choice.kind, "seq": choice.seq, "at": choice.at,
        "verified": choice.verified, "due": choice.due, "doc": choice.subject,
    }  # fmt: skip


def _names(choice: Choice) -> Values:
    stream_id, key = choice.key
    return {"k_stream": stream_id, "k_key": key, "k_seq": choice.seq}


@dataclass(frozen=True, slots=True)
class Put:
    choice: Choice
    most: int
    entries: tuple[AuditEntry, ...]


def put_many(conn: Connection, items: Sequence[Put]) -> list[Refusal]:
    return [_put(conn, item) for item in items]


def _put(conn: Connection, item: Put) -> Refusal:
    names = _names(item.choice)
    if conn.execute(_STREAM, names).first() is None:
        return "gone"
    if conn.execute(_OTHERS, names).scalar_one() >= item.most:
        return "full"
    _PUT.many(conn, [_values(item.choice)])
    record_many(conn, item.entries)
    return ""


@dataclass(frozen=True, slots=True)
class Drop:
    choice: Choice
    entries: tuple[AuditEntry, ...]


def drop_many(conn: Connection, items: Sequence[Drop]) -> list[bool]:
    return [_drop(conn, item) for item in items]


def _drop(conn: Connection, item: Drop) -> bool:
    if conn.execute(_DROP, _names(item.choice)).rowcount == 0:
        return False
    record_many(conn, item.entries)
    return True


def told_many(conn: Connection, items: Sequence[Choice]) -> list[None]:
    conn.execute(_TOLD, [_names(choice) for choice in items])
    return [None] * len(items)


def of_stream(conn: Connection, stream_id: str) -> list[Choice]:
    return [_choice(row) for row in conn.execute(_ALL_OF_STREAM, {"k_stream": stream_id})]


def count_of_stream(conn: Connection, stream_id: str) -> ChoiceCount:
    counts = {kind: count for kind, count in conn.execute(_COUNT, {"k_stream": stream_id})}
    return ChoiceCount(counts.get("added", 0), counts.get("removed", 0))


def due(conn: Connection, limit: int) -> list[Choice]:
    return [_choice(row) for row in conn.execute(_DUE, {"most": limit})]


def every(conn: Connection, after: tuple[str, str] | None, limit: int) -> list[Choice]:
    found = _COLUMNS
    if after is not None:
        found = found.where(tuple_(table.c.stream_id, table.c.key) > tuple_(literal(after[0]), literal(after[1])))
    return [_choice(row) for row in conn.execute(found.order_by(table.c.stream_id, table.c.key).limit(limit))]


class SubjectRegister(Queues):
    async def put_choice(self, choice: Choice, most: int, entries: Sequence[AuditEntry] = ()) -> Refusal:
        return await self._writer.submit(put_many, Put(choice, most, tuple(entries)))

    async def drop_choice(self, choice: Choice, entries: Sequence[AuditEntry] = ()) -> bool:
        return await self._writer.submit(drop_many, Drop(choice, tuple(entries)))

    async def told_choice(self, choice: Choice) -> None:
        await self._writer.submit(told_many, choice)

    async def choices(self, stream_id: str) -> list[Choice]:
        return await self._read(lambda conn: of_stream(conn, stream_id))

    async def count_choices(self, stream_id: str) -> ChoiceCount:
        return await self._read(lambda conn: count_of_stream(conn, stream_id))

    async def due_choices(self, limit: int = 100) -> list[Choice]:
        return await self._read(lambda conn: due(conn, limit))

    async def every_choice(self, *, after: tuple[str, str] | None = None, limit: int = 1000) -> list[Choice]:
        return await self._read(lambda conn: every(conn, after, limit))
