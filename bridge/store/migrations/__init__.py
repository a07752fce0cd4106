"""The revisions of the database, oldest first; the scripts stand in `versions/`."""

from __future__ import annotations

REVISIONS = ("0001",)
HEAD = REVISIONS[-1]
"""Known without loading Alembic; a test compares it with the scripts."""
