"""Limits that are settings reach the part that keeps them."""

from __future__ import annotations

from pathlib import Path

from bridge.app import open_bridge
from bridge.config import load
from tests.cli.scene import Scene

SETTINGS = """
[delivery]
give_up_after = "5h"

[retention]
per_subject = 3
statements = 50
"""


async def test_the_settings_of_a_configuration(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.config.write_text(scene.config.read_text() + SETTINGS)
    bridge = await open_bridge(load(scene.config, {}))
    try:
        works = bridge.works
        assert (works.outbox._life, works.retention._per_subject) == (5 * 3600, 3)
        assert works.intake._statements == 50
    finally:
        await bridge.close()
