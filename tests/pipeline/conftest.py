"""Stores for tests of the pipeline: in memory and on SQLite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from bridge.store import open_store
from tests.histories.ports import Clock
from tests.pipeline.api_house import House


@pytest.fixture(params=["memory", "sqlite"])
async def built(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Callable[..., House]]:
    """Makes the house of a test; its terms are those of the client."""
    clock = Clock()
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path / 'bridge.db'}"
    store = await open_store(url, clock, exclusive=False, create=True)

    def made(**terms: Any) -> House:
        return House(store, clock, tmp_path, **terms)

    yield made
    await store.close()
