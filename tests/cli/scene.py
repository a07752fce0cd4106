"""A configuration and a store with a small fleet, for the tests of commands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from bridge import cli
from bridge.clock import SystemClock
from bridge.key import KeyRow
from bridge.model import ComplianceChange, Device, Finding, LedgerRow, Owner, Status, Stream
from bridge.ssf.keyfiles import KeyFiles
from bridge.ssf.keys import SigningKey
from bridge.ssf.profile import claims
from bridge.ssf.secevent import mint
from bridge.ssf.subject import wire_subject
from bridge.store import open_store
from bridge.store.protocol import Store
from bridge.store.records import LedgerWrite, NewDelivery, Ring, Settlement, StreamRow, Unit

Found = TypeVar("Found")

HEADER = "Bearer correct-horse-battery-staple"
SECRET = "never-to-be-shown-anywhere"
ISSUER = "https://signals.acme.example"
CONFIG = f"""
[transmitter]
issuer = "{ISSUER}"

[store]
url = "sqlite:///STORE"

[connectors.kolide]
type = "kolide"
signing_secret = "{SECRET}"
judge = "issues"

[connectors.second]
type = "kolide"
signing_secret = "{SECRET}"
judge = "issues"

[receivers.okta]
profile = "okta"
audience = "https://acme.okta.com"

[receivers.siem]
profile = "ssf"
audience = "https://siem.example"
endpoint_url = "https://siem.example/events"
authorization_header = "{HEADER}"
connectors = ["second"]

[receivers.lab]
profile = "ssf"
audience = "https://lab.example"
endpoint_url = "https://lab.example/events"
enabled = false
"""
ADA = Owner("7", "ada@acme.example")
OPEN = Finding("i1", "failing", 1000.0, "disk", "Disk Is Not Encrypted")
WAIVED = Finding("i2", "failing", 900.0, "os", "Old System", exempt=True)
SINCE = 1_700_000_000.0


@dataclass
class Scene:
    """`run` is the console script in this process; `store` does something with the store in its own event loop."""

    folder: Path

    def __post_init__(self) -> None:
        self.config = self.folder / "config.toml"
        self.url = f"sqlite:///{self.folder / 'bridge.db'}"
        self.config.write_text(CONFIG.replace("sqlite:///STORE", self.url))
        self._key: SigningKey | None = None
        self._minted = 0

    def run(self, *words: str) -> int:
        return cli.run([*words, "--config", str(self.config)])

    def store(self, work: Callable[[Store], Awaitable[Found]]) -> Found:
        async def opened() -> Found:
            store = await open_store(self.url, SystemClock(), exclusive=False, create=True)
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(opened())

    def streams(self, *rows: StreamRow) -> None:
        async def put(store: Store) -> None:
            for row in rows:
                await store.put_stream(row)

        self.store(put)

    def believe(self, *devices: Device) -> None:
        self.store(lambda store: store.commit([Unit(devices=(device,)) for device in devices]))

    def ring(self, connector: str, device_id: str, due_at: float = SINCE) -> None:
        self.store(lambda store: store.ring([Ring(connector, device_id, "txn-9", due_at, due_at)]))

    def tell(self, device: Device, status: Status = "not-compliant", stream: Stream | None = None) -> int:
        """A signed SET in the store, pending, named by its ledger row; returns the delivery's number."""
        stream = stream or OKTA
        subject = wire_subject(stream, device.login or "", device.connector, device.device_id)
        key = (stream.id, subject.key)

        async def commit(store: Store) -> int:
            held = (await store.scene([], [key])).ledger.get(key) or LedgerRow(stream.id, subject.key)
            key_ = self._signing_key()
            await store.swap_keys([], [KeyRow(key_.kid, "RS256", "active", SINCE, 0.0, SINCE, SINCE)])
            signed = mint([self._claims(device, status, stream)], key_)[0]
            delivery = NewDelivery(
                stream.id, subject.key, subject.order, signed.jti, "txn-1", signed.kid, signed.text, status,
                held.told or "compliant", device.connector, device.device_id, SINCE + 2, SINCE + 1,
            )  # fmt: skip
            row = replace(
                held, login=subject.login, connector=subject.connector or "", device_id=subject.device_id or "",
                told=status, reason="told", compared_at=SINCE + 2, named=f"{device.connector}/{device.device_id}",
            )  # fmt: skip
            assert await store.commit([Unit(ledger=(LedgerWrite(row, delivery),))]) == []
            return (await store.deliveries(jti=signed.jti))[0].id

        return self.store(commit)

    def settle(self, *settlements: Settlement) -> None:
        self.store(lambda store: store.settle(settlements))

    def delivered(self, delivery_id: int) -> None:
        self.settle(Settlement(delivery_id, "delivered", SINCE + 3, "202", attempts=1))

    def dead(self, delivery_id: int) -> None:
        words = "invalid_request: the user is not known"
        self.settle(Settlement(delivery_id, "dead", SINCE + 3, "invalid_request", words, attempts=9, faults=9))

    def _signing_key(self) -> SigningKey:
        self._key = self._key or KeyFiles(self.folder / "bridge.db.keys").make()
        return self._key

    def _claims(self, device: Device, status: Status, stream: Stream) -> dict[str, Any]:
        other: Status = "compliant" if status == "not-compliant" else "not-compliant"
        event = ComplianceChange(
            device.login or "", device.connector, device.device_id, int(SINCE), "Kolide: Disk Is Not Encrypted",
            "txn-1", "policy", other, status,
        )  # fmt: skip
        self._minted += 1
        jti = f"jti-{self._minted}"
        return claims(event, stream, issuer=ISSUER, jti=jti, iat=int(SINCE) + 2)


def failing(device_id: str = "42", connector: str = "kolide", **others: Any) -> Device:
    device = Device(
        connector, device_id, "ADA-MAC", ADA, "ada@acme.example", "", "not-compliant", SINCE, "look", (OPEN, WAIVED),
        ("i1",), why="Disk Is Not Encrypted", reason="still_not_compliant", looked_at=SINCE, updated_at=SINCE + 5,
    )  # fmt: skip
    return replace(device, **others)


OKTA_ROW = StreamRow("s-okta", "okta", "https://acme.okta.com", SINCE)
SIEM_ROW = StreamRow("s-siem", "siem", "https://siem.example", SINCE)
LAB_ROW = StreamRow("s-lab", "lab", "https://lab.example", SINCE, enabled=False)
ROWS: Sequence[StreamRow] = (OKTA_ROW, SIEM_ROW, LAB_ROW)
OKTA = Stream("s-okta", "okta", "https://acme.okta.com", "okta", "https://acme.okta.com/x", aggregate="user")
SIEM = Stream("s-siem", "siem", "https://siem.example", "ssf", "https://siem.example/events")
