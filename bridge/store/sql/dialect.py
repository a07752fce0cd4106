"""All that differs between databases: upserts, row locks and the order of ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ClauseElement, ColumnElement, Connection, Executable, Row, Table, bindparam, update
from sqlalchemy.dialects import sqlite

from bridge.store.sql.tables import counters


def upsert(table: Table) -> ClauseElement:
    """A statement for `executemany` that writes whole rows, whether they are there or not."""
    insert = sqlite.insert(table)
    key = [column.name for column in table.primary_key]
    rest = {column.name: insert.excluded[column.name] for column in table.c if column.name not in key}
    return insert.on_conflict_do_update(index_elements=key, set_=rest)


class Many:
    """A statement for many rows that all have the same keys.

    SQLAlchemy prepares each row of an `executemany` at a cost of several times SQLite's own; here it compiles
    once for each database, and the rows go to the driver as they are.
    """

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, Callable[[dict[str, Any]], tuple[Any, ...]]]] = {}

    def __call__(self, conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """`rows` has one at least."""
        sql, ordered = self._compiled.get(conn.dialect.name) or self._compile(conn, list(rows[0]))
        conn.exec_driver_sql(sql, [ordered(row) for row in rows])

    def _compile(self, conn: Connection, keys: list[str]) -> tuple[str, Callable[[dict[str, Any]], tuple[Any, ...]]]:
        compiled = self._statement.compile(dialect=conn.dialect, column_keys=keys)
        names = getattr(compiled, "positiontup", None)
        if not names or len(names) < 2:
            raise TypeError("a driver with positional parameters, and a statement with two at least, are required")
        self._compiled[conn.dialect.name] = pair = (str(compiled), itemgetter(*names))
        return pair


_NEXT = (
    update(counters)
    .where(counters.c.name == "delivery")
    .values(value=counters.c.value + bindparam("n"))
    .returning(counters.c.value)
)


def delivery_ids(conn: Connection, count: int) -> range:
    """The next `count` ids. Ids grow in the order of commits: whoever takes some holds the counter until its commit."""
    last: int = conn.execute(_NEXT, {"n": count}).scalar_one()
    return range(last - count + 1, last + 1)


def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """`column` is one of the values given as the parameter `name`."""
    return column.in_(bindparam(name, expanding=True))


def rows_of(conn: Connection, statement: Executable, pairs: Iterable[tuple[str, str]]) -> Iterator[Row[Any]]:
    """The rows of these two-part keys. `statement` takes `first` and a list `seconds`.

    One query for each first part: SQLite scans the whole table for `(a, b) IN (VALUES …)`.
    """
    for first, group in groupby(sorted(set(pairs)), key=_first):
        seconds = [second for _, second in group]
        for start in range(0, len(seconds), MOST_PARAMETERS):
            chunk: Sequence[str] = seconds[start : start + MOST_PARAMETERS]
            yield from conn.execute(statement, {"first": first, "seconds": chunk}).all()


MOST_PARAMETERS = 10_000
"""SQLite allows 32,766 in one statement, PostgreSQL 65,535."""


def _first(pair: tuple[str, str]) -> str:
    return pair[0]
