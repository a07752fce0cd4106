"""Every store passes the same tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.store import open_store
from bridge.store.protocol import Store
from tests.store.given import FakeClock, url


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    where = "memory:" if request.param == "memory" else url(tmp_path)
    opened = await open_store(where, clock, exclusive=True, create=True, patience=30)
    yield opened
    await opened.close()
