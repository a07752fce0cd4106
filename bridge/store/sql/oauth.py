"""Clients of our API in the database, and the assertions that they used."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import Column, Connection, Float, Index, Integer, Table, Text, bindparam, delete, insert, select

from bridge.store.oauth import OAuthClient
from bridge.store.sql.dialect import Swift, upsert
from bridge.store.sql.records import Queues
from bridge.store.sql.tables import metadata

oauth_clients = Table(
    "oauth_clients", metadata,
    Column("name", Text, primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("salt", Text, nullable=False),
    Column("hashes", Text, nullable=False),
    Column("changed_at", Float, nullable=False),
)  # fmt: skip
"""`hashes`: a JSON list."""

assertions = Table(
    "assertions", metadata,
    Column("hash", Text, primary_key=True),
    Column("forget_at", Float, nullable=False),
    Index("ix_assertions_forget", "forget_at"),
    sqlite_with_rowid=False,
)  # fmt: skip
"""`hash`: of the client and the `jti`, which is as long as the client likes."""

_ALL = select(*oauth_clients.c).order_by(oauth_clients.c.name)
_GENERATION = select(oauth_clients.c.generation).where(oauth_clients.c.name == bindparam("k_name"))
_PUT = Swift(upsert(oauth_clients))
_FORGET = delete(assertions).where(assertions.c.forget_at <= bindparam("now"))
_KNOWN = select(assertions.c.hash).where(assertions.c.hash == bindparam("k_hash"))


@dataclass(frozen=True, slots=True)
class Spend:
    client: str
    jti: str
    forget_at: float
    now: float

    @property
    def hash(self) -> str:
        return hashlib.sha256(orjson.dumps([self.client, self.jti])).hexdigest()


def all_clients(conn: Connection) -> list[OAuthClient]:
    return [OAuthClient(row[0], row[1], row[2], tuple(orjson.loads(row[3])), row[4]) for row in conn.execute(_ALL)]


def put_many(conn: Connection, items: Sequence[OAuthClient]) -> list[bool]:
    return [_put(conn, item) for item in items]


def _put(conn: Connection, row: OAuthClient) -> bool:
    known = conn.execute(_GENERATION, {"k_name": row.name}).scalar()
    if known is not None and known > row.generation:
        return False
    hashes = orjson.dumps(row.hashes).decode()
    values = {"generation": row.generation, "salt": row.salt, "hashes": hashes, "changed_at": row.changed_at}
    _PUT.many(conn, [{"name": row.name, **values}])
    return True


def spend_many(conn: Connection, items: Sequence[Spend]) -> list[bool]:
    return [_spend(conn, item) for item in items]


def _spend(conn: Connection, item: Spend) -> bool:
    conn.execute(_FORGET, {"now": item.now})
    if conn.execute(_KNOWN, {"k_hash": item.hash}).first() is not None:
        return False
    conn.execute(insert(assertions), {"hash": item.hash, "forget_at": item.forget_at})
    return True


class ClientRegister(Queues):
    """The part of the SQL store that keeps them."""

    async def oauth_clients(self) -> list[OAuthClient]:
        return await self._read(all_clients)

    async def put_oauth_client(self, row: OAuthClient) -> bool:
        return await self._writer.submit(put_many, row)

    async def spend_assertion(self, client: str, jti: str, forget_at: float, now: float) -> bool:
        return await self._writer.submit(spend_many, Spend(client, jti, forget_at, now))
