"""All that differs between databases: upserts, row locks and the order of ids."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import orjson
from sqlalchemy import (
    BindParameter,
    ClauseElement,
    ColumnElement,
    Connection,
    Table,
    bindparam,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError

from bridge.store.sql.tables import counters


def upsert(table: Table, but: Sequence[str] = ()) -> ClauseElement:
    """A statement for `executemany` that writes whole rows, whether they are there or not. Where they are, the
    columns named in `but` stay as they stand."""
    insert = sqlite.insert(table)
    key = [column.name for column in table.primary_key]
    rest = {c.name: insert.excluded[c.name] for c in table.c if c.name not in key and c.name not in but}
    return insert.on_conflict_do_update(index_elements=key, set_=rest)


class Swift:
    """A statement that SQLAlchemy compiles once for each database, and that the driver then runs as it is.

    Its execution by SQLAlchemy costs ten times SQLite's own, and a row of an `executemany` several times. What comes
    back are bare tuples: a Boolean is 0 or 1. Errors are those of SQLAlchemy.
    """

    def __init__(self, statement: ClauseElement) -> None:
        self.statement = statement
        self._compiled: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {}

    def all(self, conn: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows that it yields. A list among `values` stands for `among`."""
        sql, names, given = self._compiled.get(conn.dialect.name) or self._compile(conn, values)
        known = {**given, **values}
        parameters = tuple(orjson.dumps(v).decode() if isinstance(v := known[name], list) else v for name in names)
        try:
            found: list[tuple[Any, ...]] = _driver(conn).execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise _as_sqlalchemy(error) from error
        return found

    def many(self, conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Once for each of `rows`, which have the same keys and of which there is one at least."""
        sql, names, given = self._compiled.get(conn.dialect.name) or self._compile(conn, rows[0])
        if given:
            rows = [{**given, **row} for row in rows]
        try:
            _driver(conn).executemany(sql, [tuple([row[name] for name in names]) for row in rows])
        except sqlite3.Error as error:
            raise _as_sqlalchemy(error) from error

    def _compile(self, conn: Connection, keys: Iterable[str]) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        if conn.dialect.name != "sqlite":
            raise TypeError(f"no way to run statements directly on {conn.dialect.name}")
        compiled = self.statement.compile(dialect=conn.dialect, column_keys=list(keys))
        names = tuple(getattr(compiled, "positiontup", None) or ())
        binds: dict[str, BindParameter[Any]] = getattr(compiled, "binds", {})
        given = {name: bind.effective_value for name, bind in binds.items() if not bind.required}
        self._compiled[conn.dialect.name] = found = (str(compiled), names, given)
        return found


def _driver(conn: Connection) -> sqlite3.Connection:
    found: sqlite3.Connection = conn.connection.driver_connection  # type: ignore[assignment]  # only SQLite comes here
    return found


def _as_sqlalchemy(error: sqlite3.Error) -> Exception:
    return DBAPIError.instance("", None, error, sqlite3.Error, hide_parameters=True)


_NEXT = Swift(
    update(counters)
    .where(counters.c.name == literal_column("'delivery'"))
    .values(value=counters.c.value + bindparam("n"))
    .returning(counters.c.value)
)


def delivery_ids(conn: Connection, count: int) -> range:
    """The next `count` ids. Ids grow in the order of commits: whoever takes some holds the counter until its commit."""
    last: int = _NEXT.all(conn, {"n": count})[0][0]
    return range(last - count + 1, last + 1)


def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """`column` is one of the values of a list that is given as the parameter `name`, of any length."""
    values = func.json_each(bindparam(name)).table_valued("value", name=f"{name}_given")
    return column.in_(select(values.c.value))


def rows_of(conn: Connection, statement: Swift, pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[Any, ...]]:
    """The rows of these two-part keys. `statement` takes `first` and a list `seconds`.

    One query for each first part: SQLite scans the whole table for `(a, b) IN (VALUES …)`.
    """
    for first, group in groupby(sorted(set(pairs)), key=_first):
        yield from statement.all(conn, {"first": first, "seconds": [second for _, second in group]})


def _first(pair: tuple[str, str]) -> str:
    return pair[0]
