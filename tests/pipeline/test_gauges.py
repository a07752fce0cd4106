"""What is held shows at each scrape, and is 0 again when it is not; a mass recovery that passes is a notice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bridge.app import open_bridge
from bridge.config import load
from bridge.model import Held, Subscription
from bridge.notify.occasion import Occasion
from bridge.pipeline.notices.rules import raised
from bridge.store.records import LedgerWrite, StreamRow, Unit
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


async def test_what_was_said_of_a_stream_that_a_receiver_made_is_known_after_a_restart(tmp_path: Path) -> None:
    """Otherwise it would be said again, and its end to nobody."""
    file = tmp_path / "config.toml"
    file.write_text(CONFIG.replace("KEYS", str(tmp_path / "keys")))
    bridge = await open_bridge(load(file, {}))
    made = Subscription("urn:ietf:rfc:8936", "", since=1.0)
    row = StreamRow("st_1", "tool-1", "https://tool.example", 1.0, client="tool", subscription=made)
    deleted = replace(row, id="st_2", name="tool-2", subscription=replace(made, deleted_at=2.0))
    for one in (row, deleted):
        assert await bridge.store.make_stream(one, 9)
    said = [raised(None, "slack", Occasion("unwell", name), 1.0, 60.0) for name in ("tool-1", "tool-2", "tool-3")]
    await bridge.store.put_notices(said)
    await bridge.works.channels.start()
    assert bridge.works.channels.notices.standing("unwell") == {"tool-1"}
    await bridge.close()


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
