"""One running line for a whole module: tests that share it keep to devices and people of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import pytest
import pytest_asyncio

from tests.e2e.rig import Rig

THREE = {"okta": {"profile": "okta"}, "ssf": {"profile": "ssf"}, "sse": {"profile": "sse"}}

_numbers = count(1000)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def line(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """Three receivers, one of each profile."""
    async with Rig(tmp_path_factory.mktemp("line"), THREE) as rig:
        await rig.start()
        yield rig


@pytest.fixture
def number() -> int:
    """Of a device or a person that no other test knows."""
    return next(_numbers)
