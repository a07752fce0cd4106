"""SETs beyond the number that is kept of each subject: sought by the reader, in the order of stream and subject."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import BindParameter, Connection, bindparam, func, select, tuple_

from bridge.store.sql.dialect import Swift
from bridge.store.sql.expiry import ENDED, Found
from bridge.store.sql.tables import deliveries

_STREAM: BindParameter[str] = bindparam("stream")
_SUBJECT: BindParameter[str] = bindparam("subject")
_MOST: BindParameter[int] = bindparam("most")
_KEEP: BindParameter[int] = bindparam("keep")

COUNTS = Swift(
    select(deliveries.c.stream_id, deliveries.c.subject, func.count())
    .where(tuple_(deliveries.c.stream_id, deliveries.c.subject) > tuple_(_STREAM, _SUBJECT))
    .group_by(deliveries.c.stream_id, deliveries.c.subject)
    .order_by(deliveries.c.stream_id, deliveries.c.subject)
    .limit(_MOST)
)
"""How many there are of each subject: read from the index alone."""

_KEPT = (
    select(deliveries.c.id)
    .where(deliveries.c.stream_id == _STREAM, deliveries.c.subject == _SUBJECT)
    .order_by(deliveries.c.id.desc())
    .limit(_KEEP)
)
BEYOND = Swift(
    select(deliveries.c.id)
    .where(deliveries.c.stream_id == _STREAM, deliveries.c.subject == _SUBJECT, ENDED, deliveries.c.id.not_in(_KEPT))
    .order_by(deliveries.c.id)
    .limit(_MOST)
)


@dataclass(frozen=True, slots=True)
class Seek:
    keep: int
    before: float
    after: str
    limit: int


def seek(conn: Connection, want: Seek) -> Found:
    """A step that is full before its last subject is through begins with that subject again."""
    stream, subject = json.loads(want.after) if want.after else ("", "")
    after, keys = want.after, list[int]()
    counts = COUNTS.all(conn, {"stream": stream, "subject": subject, "most": want.limit})
    for stream, subject, count in counts:
        if count > want.keep:
            given = {"stream": stream, "subject": subject, "keep": want.keep, "age": want.before}
            keys += [row[0] for row in BEYOND.all(conn, given | {"most": want.limit - len(keys)})]
            if len(keys) >= want.limit:
                return Found(tuple(keys), after, False)
        after = json.dumps([stream, subject])
    return Found(tuple(keys), after, len(counts) < want.limit)
