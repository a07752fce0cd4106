"""A part of revision 0001: what receivers said about the subjects of their streams."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def subjects() -> None:
    op.create_table(
        "stream_subjects",
        sa.Column("stream_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("due", sa.Boolean(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("stream_id", "key", name="pk_stream_subjects"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_stream_subjects_due",
        "stream_subjects",
        ["at", "stream_id", "seq"],
        sqlite_where=sa.text("due"),
        postgresql_where=sa.text("due"),
    )
