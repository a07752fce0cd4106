"""Run by Alembic: `bridge.store.upgrade` hands over a connection whose transaction has begun."""

from __future__ import annotations

from alembic import context

from bridge.store.sql.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
