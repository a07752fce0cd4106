"""The table of what receivers said about the subjects of their streams, and how it goes with a stream or a person."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Connection, Float, Index, Integer, Table, Text, bindparam, delete, select, text

from bridge.store.sql.dialect import Swift, among
from bridge.store.sql.tables import metadata

stream_subjects = Table(
    "stream_subjects", metadata,
    Column("stream_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("verified", Boolean, nullable=False),
    Column("due", Boolean, nullable=False),
    Column("doc", Text, nullable=False),
    Index("ix_stream_subjects_due", "at", "stream_id", "seq", sqlite_where=text("due"), postgresql_where=text("due")),
    sqlite_with_rowid=False,
)  # fmt: skip
"""`key`: a hash of `doc`, which is the subject as canonical JSON."""

FORGET_CHOICES = delete(stream_subjects).where(stream_subjects.c.stream_id == bindparam("k_stream"))
FORGET_CHOICE = delete(stream_subjects).where(
    stream_subjects.c.stream_id == bindparam("k_first"), stream_subjects.c.key == bindparam("k_second")
)
_SOME = (
    select(stream_subjects.c.key).where(stream_subjects.c.stream_id == bindparam("k_stream")).limit(bindparam("most"))
)
_FORGET = Swift(
    delete(stream_subjects).where(
        stream_subjects.c.stream_id == bindparam("k_stream"), among(stream_subjects.c.key, "keys")
    )
)


def forget_some(conn: Connection, stream_id: str, limit: int) -> int:
    """How many went, `limit` at most."""
    keys = list(conn.execute(_SOME, {"k_stream": stream_id, "most": limit}).scalars())
    if keys:
        _FORGET.all(conn, {"k_stream": stream_id, "keys": keys})
    return len(keys)
