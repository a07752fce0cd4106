from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from bridge.outbound import Outbound
from tests.okta.standin import Org, running


@pytest.fixture
def org() -> Iterator[Org]:
    with running(Org()) as started:
        yield started


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    made = Outbound(insecure=True, user_agent="caep-bridge/test", limit_per_host=8)
    yield made
    await made.close()
