"""The store on SQLAlchemy Core: batch functions over a `Connection`, and the queue that runs them."""

from bridge.store.sql import subject_table as _subject_table  # noqa: F401  the metadata must be whole
