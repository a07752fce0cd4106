"""A short run of `./run chaos`."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.run import chaos


async def test_a_few_seconds_of_chaos(tmp_path: Path) -> None:
    counts = await chaos(tmp_path, seconds=5, seed=20)
    assert counts["kills"] and counts["changes"] > 20 and counts["SETs to ssf"]
