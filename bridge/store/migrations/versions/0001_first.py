"""The first tables. Rewritten freely until the first release."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from bridge.store.migrations.subjects_0001 import subjects

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    _inbox()
    _belief()
    _outbox()
    _registers()
    subjects()


def _inbox() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("received_at", sa.Float(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("ignored", sa.Text(), nullable=False),
        sa.Column("txn", sa.Text(), nullable=False),
        sa.Column("devices", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=True),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
    )
    op.create_table(
        "webhook_ids",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("webhook_id", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_webhook_ids"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "quarantine",
        sa.Column("seq", _BIG, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("received_at", sa.Float(), nullable=False),
        sa.Column("txn", sa.Text(), nullable=False),
        sa.Column("devices", sa.Text(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_quarantine"),
    )
    op.create_index("ix_quarantine_id", "quarantine", ["id"], unique=True)
    op.create_table(
        "looks",
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.Column("urgency", sa.Integer(), nullable=False),
        sa.Column("txn", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("contradictions", sa.Integer(), nullable=False),
        sa.Column("rung_at", sa.Float(), nullable=True),
        sa.Column("stated", sa.Text(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("leased_until", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("connector", "device_id", name="pk_looks"),
    )
    op.create_index("ix_looks_due", "looks", ["connector", "urgency", "due_at", "device_id"])


def _belief() -> None:
    op.create_table(
        "devices",
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("login", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.Column("haystack", sa.Text(), nullable=False),
        sa.Column("hold", sa.Text(), nullable=True),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("connector", "device_id", name="pk_devices"),
    )
    op.create_index("ix_devices_hold", "devices", ["hold", "connector", "device_id"], **_where("hold IS NOT NULL"))
    op.create_index("ix_devices_login", "devices", ["login"])
    op.create_index("ix_devices_owner", "devices", ["connector", "owner_id"])


def _outbox() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", _BIG, autoincrement=False, nullable=False),
        sa.Column("stream_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("order_key", sa.Text(), nullable=False),
        sa.Column("jti", sa.Text(), nullable=False),
        sa.Column("txn", sa.Text(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("head", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("rung_at", sa.Float(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("faults", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("faulted_at", sa.Float(), nullable=True),
        sa.Column("next_at", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("leased_until", sa.Float(), nullable=True),
        sa.Column("maybe_received", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("settled_at", sa.Float(), nullable=True),
        sa.Column("last_code", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("last_words", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("rank", sa.Integer(), server_default=sa.text("2"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_dead", "deliveries", ["stream_id", "id"], **_where("state = 'dead'"))
    op.create_index("ix_deliveries_device", "deliveries", ["connector", "device_id"])
    op.create_index("ix_deliveries_head", "deliveries", ["stream_id", "rank", "id"], **_where("head = 1"))
    op.create_index("ix_deliveries_jti", "deliveries", ["jti"], unique=True)
    op.create_index(
        "ix_deliveries_order", "deliveries", ["stream_id", "order_key", "id"], **_where("state = 'pending'")
    )
    op.create_index("ix_deliveries_probe", "deliveries", ["stream_id", "attempts", "id"], **_where("head = 1"))
    op.create_index("ix_deliveries_subject", "deliveries", ["stream_id", "subject"])
    op.create_index("ux_deliveries_head", "deliveries", ["stream_id", "order_key"], unique=True, **_where("head = 1"))
    op.create_table(
        "ledger",
        sa.Column("stream_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), nullable=True),
        sa.Column("event_at", _BIG, nullable=False),
        sa.Column("given_up", sa.Text(), nullable=True),
        sa.Column("tail_id", _BIG, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("compared_at", sa.Float(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("held_status", sa.Text(), nullable=True),
        sa.Column("held_why", sa.Text(), nullable=True),
        sa.Column("held_by", sa.Text(), nullable=True),
        sa.Column("held_at", sa.Float(), nullable=True),
        sa.Column("named", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("stream_id", "subject", name="pk_ledger"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_ledger_device", "ledger", ["connector", "device_id"])
    op.create_index("ix_ledger_held", "ledger", ["held_by", "stream_id", "subject"], **_where("held_by IS NOT NULL"))
    op.create_index("ix_ledger_login", "ledger", ["login"])


def _registers() -> None:
    op.create_table(
        "streams",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("orphaned", sa.Boolean(), nullable=False),
        sa.Column("paused", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("retry_at", sa.Float(), nullable=True),
        sa.Column("unwell_since", sa.Float(), nullable=True),
        sa.Column("last_code", sa.Text(), nullable=False),
        sa.Column("last_words", sa.Text(), nullable=False),
        sa.Column("last_delivered_at", sa.Float(), nullable=True),
        sa.Column("client", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("announced", sa.Text(), server_default=sa.text("'enabled'"), nullable=False),
        sa.Column("active_at", sa.Float(), nullable=True),
        sa.Column("subscription", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_streams"),
    )
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("publish_for", sa.Float(), nullable=False),
        sa.Column("published_at", sa.Float(), nullable=True),
        sa.Column("activates_at", sa.Float(), nullable=True),
        sa.Column("retired_at", sa.Float(), nullable=True),
        sa.Column("named_at", sa.Float(), nullable=True),
        sa.Column("removed_at", sa.Float(), nullable=True),
        sa.Column("compromised", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_keys"),
    )
    op.create_table(
        "audit",
        sa.Column("seq", _BIG, autoincrement=True, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_table(
        "marks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_marks"),
    )
    op.create_table(
        "errands",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("leased_until", sa.Float(), nullable=True),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_errands"),
    )
    op.create_index("ix_errands_asked", "errands", ["asked_at"])
    opened = _where("ended_at IS NULL AND kind <> 'compare'")
    op.create_index("ux_errands_open", "errands", ["kind", "target"], unique=True, **opened)
    op.create_table(
        "connectors",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_connectors"),
    )
    op.create_table(
        "notices",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("target", "key", name="pk_notices"),
    )
    op.create_table(
        "oauth_clients",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("hashes", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_oauth_clients"),
    )
    op.create_table(
        "assertions",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("forget_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_assertions"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_assertions_forget", "assertions", ["forget_at"])
    op.create_table(
        "counters",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    counters = sa.table("counters", sa.column("name"), sa.column("value"))
    op.bulk_insert(counters, [{"name": "delivery", "value": 0}])
    _audit_is_append_only()


def _audit_is_append_only() -> None:
    """Enforced by the database: no row is changed, and none goes that retention has not let go first."""
    if op.get_bind().dialect.name != "sqlite":
        return
    refusal = "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
    until = "coalesce((SELECT value FROM counters WHERE name = 'audit_until'), 0)"
    taken = "NEW.seq > 0 AND NEW.seq <= (SELECT max(seq) FROM audit)"
    op.execute(f"CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit {refusal}")
    op.execute(f"CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit WHEN {taken} {refusal}")
    op.execute(f"CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit WHEN OLD.at >= {until} {refusal}")
