"""One running service for the whole mirror (one in each worker): starting one takes longer than most tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import pytest
import pytest_asyncio

from tests.independent.management import Management
from tests.mirror.house import House, Streams

_numbers = count(5000)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with House(tmp_path_factory.mktemp("mirror")) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def streams(house: House) -> AsyncIterator[Streams]:
    streams = Streams(house)
    yield streams
    await streams.clear()


@pytest_asyncio.fixture(loop_scope="session")
async def alpha(house: House) -> Management:
    return await house.client("alpha")


@pytest_asyncio.fixture(loop_scope="session")
async def beta(house: House) -> Management:
    return await house.client("beta")


@pytest.fixture
def device() -> int:
    """A device, and the person of the same number, that no other test knows."""
    return next(_numbers)
