from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from tests.web.doors import Doors, opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_doors() -> AsyncIterator[Doors]:
    async with opened(Doors()) as doors:
        yield doors


@pytest.fixture
def doors(open_doors: Doors) -> Doors:
    """The module's doors, as if they had just been opened."""
    open_doors.reset()
    return open_doors


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session
