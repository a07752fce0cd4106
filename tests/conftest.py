"""Options, the order of tests, and how new databases are made: other fixtures stand beside the tests that use them."""

from __future__ import annotations

from hypothesis import settings

from tests.migrated import made_again, migrated
from tests.spread import pytest_collection_modifyitems

__all__ = ["made_again", "migrated", "pytest_collection_modifyitems"]

# A shared, slow machine must not turn a slow example into a failure; time limits are pytest-timeout's.
settings.register_profile("bridge", deadline=None)
settings.load_profile("bridge")
