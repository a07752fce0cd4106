"""What is held shows at each scrape, and is 0 again when it is not; a mass recovery that passes is a notice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bridge.app import open_bridge
from bridge.config import load
from bridge.model import Held
from bridge.store.records import LedgerWrite, Unit
from tests.store.given import told

CONFIG = """
[transmitter]
issuer = "https://signals.acme.example"
[store]
url = "memory:"
[keys]
directory = "KEYS"
[connectors.k]
type = "kolide"
signing_secret = "x"
judge = "issues"
[[notify]]
kind = "slack"
url = "https://chat.example/hush"
on = ["recovery"]
"""


async def test_what_is_held_and_a_mass_recovery(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(CONFIG.replace("KEYS", str(tmp_path / "keys")))
    bridge = await open_bridge(load(file, {}))
    row = told("compliant", held=Held("not-compliant", "guard", "k", 1.0))
    await bridge.store.commit([Unit(ledger=(LedgerWrite(row),))])
    assert b'caep_bridge_held_changes{connector="k",why="guard"} 1.0' in await bridge.scrape()
    await bridge.store.commit([Unit(ledger=(LedgerWrite(replace(row, held=None, version=1)),))])
    assert b'caep_bridge_held_changes{connector="k",why="guard"} 0.0' in await bridge.scrape()

    bridge.works.channels.guard("k", "loses", 30)
    assert bridge.works.channels.notices.waiting() == {"slack": 0}
    bridge.works.channels.guard("k", "regains", 30)
    assert bridge.works.channels.notices.waiting() == {"slack": 1}
    assert b'caep_bridge_pending_notices{target="slack"} 1.0' in await bridge.scrape()
    await bridge.close()
