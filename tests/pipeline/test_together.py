"""How many decisions go together: bounded by what they must read and write, not by how many streams there are."""

from __future__ import annotations

import asyncio

import pytest

from bridge.model import Device, Stream
from bridge.pipeline.tell import BATCH
from bridge.pipeline.turn import Answered, Waiting, together

PAIRS = 1000


@pytest.mark.parametrize(
    ("streams", "named", "most"),
    [
        (2, None, BATCH),
        (100, None, 10),
        (1001, None, 1),
        (5000, None, 1),
        (100, 1, BATCH),
        (5000, 1, 6),
        (2000, 100, 10),
        (0, None, BATCH),
    ],
)
async def test_as_many_as_their_pairs_with_streams_allow(streams: int, named: int | None, most: int) -> None:
    """Where one stream of thousands goes on, what is compared for it alone is written in few commits."""
    asked = None if named is None else tuple(Stream(str(n), str(n), "aud", "ssf", "") for n in range(named))
    done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    answered = Answered(None, Device("fleet", "l1"), streams=asked)
    waiting = [Waiting(answered, done) for _ in range(BATCH)]  # type: ignore[arg-type]  # only how many they are counts
    assert together(waiting, streams, PAIRS) == most
    assert together(waiting[:1], streams, PAIRS) == 1
