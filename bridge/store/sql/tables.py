"""The tables. A change here needs a migration in `bridge/store/migrations` (a test compares the two)."""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    ColumnClause,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    event,
    false,
    literal_column,
    text,
)

metadata = MetaData(naming_convention={"pk": "pk_%(table_name)s"})

Big = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit integer; SQLite numbers rows by itself only where the type is INTEGER."""

PENDING: ColumnClause[str] = literal_column("'pending'")
HEAD: ColumnClause[int] = literal_column("1")
"""Literals, never parameters: SQLite takes a partial index only when it can read the condition in the statement."""

webhooks = Table(
    "webhooks", metadata,
    Column("id", Text, primary_key=True),
    Column("connector", Text, nullable=False),
    Column("received_at", Float, nullable=False),
    Column("type", Text, nullable=False),
    Column("ignored", Text, nullable=False),
    Column("txn", Text, nullable=False),
    Column("devices", Text, nullable=False),
    Column("hash", Text),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary),
)  # fmt: skip
"""`devices`: a list of ids, JSON. `hash`: that of `webhook_ids`, None where the vendor sends no id.
`body` NULL: the payload is deleted; the line stays."""

webhook_ids = Table(
    "webhook_ids", metadata,
    Column("hash", Text, primary_key=True),
    Column("webhook_id", Text, nullable=False),
    Column("seen_at", Float, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip

quarantine = Table(
    "quarantine", metadata,
    Column("seq", Big, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False),
    Column("connector", Text, nullable=False),
    Column("received_at", Float, nullable=False),
    Column("txn", Text, nullable=False),
    Column("devices", Text, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("problem", Text, nullable=False),
    Index("ix_quarantine_id", "id", unique=True),
)  # fmt: skip

looks = Table(
    "looks", metadata,
    Column("connector", Text, primary_key=True),
    Column("device_id", Text, primary_key=True),
    Column("due_at", Float, nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("txn", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("contradictions", Integer, nullable=False),
    Column("rung_at", Float),
    Column("stated", Text, nullable=False),
    Column("last_error", Text, nullable=False),
    Column("leased_until", Float),
    Index("ix_looks_due", "connector", "urgency", "due_at", "device_id"),
)  # fmt: skip

devices = Table(
    "devices", metadata,
    Column("connector", Text, primary_key=True),
    Column("device_id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("login", Text),
    Column("owner_id", Text),
    Column("status", Text),
    Column("updated_at", Float, nullable=False),
    Column("haystack", Text, nullable=False),
    Column("hold", Text),
    Column("doc", Text, nullable=False),
    Index("ix_devices_login", "login"),
    Index("ix_devices_owner", "connector", "owner_id"),
    Index(
        "ix_devices_hold", "hold", "connector", "device_id",
        sqlite_where=text("hold IS NOT NULL"), postgresql_where=text("hold IS NOT NULL"),
    ),
)  # fmt: skip
"""`doc` is the whole device; the columns repeat what is searched. `haystack`: id, name and login, case folded.
`hold`: the kind of its hold, `override` or `retired`."""

deliveries = Table(
    "deliveries", metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("stream_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("order_key", Text, nullable=False),
    Column("jti", Text, nullable=False),
    Column("txn", Text, nullable=False),
    Column("kid", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("connector", Text, nullable=False),
    Column("device_id", Text, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'pending'")),
    Column("head", Integer, nullable=False, server_default=text("0")),
    Column("created_at", Float, nullable=False),
    Column("rung_at", Float),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("faults", Integer, nullable=False, server_default=text("0")),
    Column("faulted_at", Float),
    Column("next_at", Float, nullable=False, server_default=text("0")),
    Column("leased_until", Float),
    Column("maybe_received", Boolean, nullable=False, server_default=false()),
    Column("settled_at", Float),
    Column("last_code", Text, nullable=False, server_default=text("''")),
    Column("last_words", Text, nullable=False, server_default=text("''")),
    Column("rank", Integer, nullable=False, server_default=text("2")),
    Index("ix_deliveries_jti", "jti", unique=True),
    Index("ix_deliveries_subject", "stream_id", "subject"),
    Index("ix_deliveries_device", "connector", "device_id"),
)  # fmt: skip
"""`head` is 1 on the one row of each (stream, order) that may be sent next: the oldest that is pending."""


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> None:
    condition = text(where)
    Index(
        name, *(deliveries.c[column] for column in columns),
        unique=unique, sqlite_where=condition, postgresql_where=condition,
    )  # fmt: skip


_partial("ix_deliveries_order", "stream_id", "order_key", "id", where="state = 'pending'")
_partial("ix_deliveries_dead", "stream_id", "id", where="state = 'dead'")
_partial("ux_deliveries_head", "stream_id", "order_key", where="head = 1", unique=True)
_partial("ix_deliveries_head", "stream_id", "rank", "id", where="head = 1")
_partial("ix_deliveries_probe", "stream_id", "attempts", "id", where="head = 1")

ledger = Table(
    "ledger", metadata,
    Column("stream_id", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("login", Text, nullable=False),
    Column("connector", Text, nullable=False),
    Column("device_id", Text, nullable=False),
    Column("told", Text),
    Column("event_at", Big, nullable=False),
    Column("given_up", Text),
    Column("tail_id", Big),
    Column("reason", Text, nullable=False),
    Column("compared_at", Float, nullable=False),
    Column("version", Integer, nullable=False),
    Column("held_status", Text),
    Column("held_why", Text),
    Column("held_by", Text),
    Column("held_at", Float),
    Column("named", Text, nullable=False, server_default=text("''")),
    Index("ix_ledger_login", "login"),
    Index("ix_ledger_device", "connector", "device_id"),
    Index(
        "ix_ledger_held", "held_by", "stream_id", "subject",
        sqlite_where=text("held_by IS NOT NULL"), postgresql_where=text("held_by IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)  # fmt: skip

streams = Table(
    "streams", metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("orphaned", Boolean, nullable=False),
    Column("paused", Text, nullable=False, server_default=text("''")),
    Column("failures", Integer, nullable=False),
    Column("retry_at", Float),
    Column("unwell_since", Float),
    Column("last_code", Text, nullable=False),
    Column("last_words", Text, nullable=False),
    Column("last_delivered_at", Float),
    Column("client", Text, nullable=False, server_default=text("''")),
    Column("announced", Text, nullable=False, server_default=text("'enabled'")),
    Column("active_at", Float),
    Column("subscription", Text),
)  # fmt: skip
"""`subscription`: what its receiver made of it, JSON; NULL for one of the configuration."""

signing_keys = Table(
    "signing_keys", metadata,
    Column("kid", Text, primary_key=True),
    Column("algorithm", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("publish_for", Float, nullable=False),
    Column("published_at", Float),
    Column("activates_at", Float),
    Column("retired_at", Float),
    Column("named_at", Float),
    Column("removed_at", Float),
    Column("compromised", Boolean, nullable=False),
)  # fmt: skip

audit = Table(
    "audit", metadata,
    Column("seq", Big, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
)  # fmt: skip
"""Triggers refuse every change of a row, and to delete one that is not older than the counter `audit_until`."""

_REFUSAL = "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
_TAKEN = "NEW.seq > 0 AND NEW.seq <= (SELECT max(seq) FROM audit)"
"""REPLACE deletes without asking a trigger, and a gap is not to be filled. Where the database gives the number itself,
`NEW.seq` is -1."""
_UNTIL = "coalesce((SELECT value FROM counters WHERE name = 'audit_until'), 0)"
for _trigger in (
    f"CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit {_REFUSAL}",
    f"CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit WHEN {_TAKEN} {_REFUSAL}",
    f"CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit WHEN OLD.at >= {_UNTIL} {_REFUSAL}",
):
    event.listen(audit, "after_create", DDL(_trigger).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]  # theirs

marks = Table(
    "marks", metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)  # fmt: skip

counters = Table(
    "counters", metadata,
    Column("name", Text, primary_key=True),
    Column("value", Big, nullable=False),
)  # fmt: skip
"""`audit_until`: before that second audit rows may be deleted; moved by retention alone.
`delivery`: the last id given to a delivery. A row lock on it makes ids and commits come in one order."""

errands = Table(
    "errands", metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("asked_at", Float, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("leased_until", Float),
    Column("ended_at", Float),
    Column("doc", Text, nullable=False),
    Index(
        "ux_errands_open", "kind", "target", unique=True,
        sqlite_where=text("ended_at IS NULL AND kind <> 'compare'"),
        postgresql_where=text("ended_at IS NULL AND kind <> 'compare'"),
    ),
    Index("ix_errands_asked", "asked_at"),
)  # fmt: skip
"""`doc`: what was asked for and how far it is."""

connectors = Table(
    "connectors", metadata,
    Column("name", Text, primary_key=True),
    Column("doc", Text, nullable=False),
)  # fmt: skip
"""What is remembered of a connector: its baseline, and its last list of devices."""

notices = Table(
    "notices", metadata,
    Column("target", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("doc", Text, nullable=False),
)  # fmt: skip
"""`doc`: the whole notice. There are no more rows than targets times occasions."""
