"""Options, and how every new database is made: other fixtures stand beside the tests that use them."""

from __future__ import annotations

from hypothesis import settings

from tests.migrated import made_again, migrated

__all__ = ["made_again", "migrated"]

# A shared, slow machine must not turn a slow example into a failure; time limits are pytest-timeout's.
settings.register_profile("bridge", deadline=None)
settings.load_profile("bridge")
